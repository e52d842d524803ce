"""Each role says the same of its variables in its defaults and its argument specs, and the modules behind it agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.webstack.flask.plugins.modules import builds, certificates, databases, environments, redis_instances, releases
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.spec import PROCESS_SPEC, SCHEDULE_SPEC, SPEC

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = Path(__file__).parents[3] / "roles"
NAMES = sorted(directory.name for directory in ROLES.iterdir())
RUN = [name for name in NAMES if (ROLES / name / "tasks").exists()]
"""Those that do something; of the others nothing but the argument specs is used."""

_WORDS = ("description", "apply_defaults", "no_log")
"""Keys of an option that do not say which values it takes."""


def _load(role: str, path: str) -> Any:  # noqa: ANN401 - YAML holds anything
    return yaml.safe_load((ROLES / role / path).read_text(encoding="utf-8"))


def _specs(role: str) -> dict[str, Any]:
    main: dict[str, Any] = _load(role, "meta/argument_specs.yml")["argument_specs"]["main"]
    return main


def _options(role: str) -> dict[str, Any]:
    options: dict[str, Any] = _specs(role)["options"]
    return options


def _defaults(role: str) -> dict[str, Any]:
    return _load(role, "defaults/main.yml") or {} if role in RUN else {}


def _readme(role: str) -> str:
    return (ROLES / role / "README.md").read_text(encoding="utf-8")


def _inputs() -> Iterator[tuple[str, str]]:
    for role in NAMES:
        for variable in _defaults(role):
            yield role, variable


def _flatten(options: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, option in options.items():
        yield prefix + name, option
        yield from _flatten(option.get("options", {}), f"{prefix}{name}.")


def _bare(options: dict[str, Any], *, without: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Return all options to the leaves by their path, each with nothing but what says which values it takes."""
    return {
        path: {key: value for key, value in option.items() if key not in (*_WORDS, "options")}
        for path, option in _flatten(options)
        if not {path, path.partition(".")[0]} & set(without)
    }


def test_there_are_roles() -> None:
    assert {"app_source", "etc_hosts", "gunicorn_systemd", "nginx_site", "python_pipenv"} <= set(NAMES)


@pytest.mark.parametrize("role", NAMES)
def test_a_role_has_the_same_inputs_in_its_defaults_and_in_its_argument_specs(role: str) -> None:
    assert list(_defaults(role)) == [name for name, option in _options(role).items() if not option.get("required")]


@pytest.mark.parametrize(("role", "variable"), list(_inputs()))
def test_an_input_has_the_role_s_name_in_front(role: str, variable: str) -> None:
    assert variable.startswith(f"{role}_")


@pytest.mark.parametrize(("role", "variable"), list(_inputs()))
def test_an_input_has_one_default(role: str, variable: str) -> None:
    specified, default = _options(role)[variable]["default"], _defaults(role)[variable]
    assert (specified, type(specified)) == (default, type(default))


@pytest.mark.parametrize(("role", "variable"), list(_inputs()))
def test_an_input_has_a_comment_above_its_default(role: str, variable: str) -> None:
    text = (ROLES / role / "defaults/main.yml").read_text(encoding="utf-8")
    assert re.search(rf"^#.*\n{variable}:", text, re.MULTILINE)


@pytest.mark.parametrize("role", RUN)
def test_the_defaults_of_a_role_are_accepted_by_its_argument_specs(role: str) -> None:
    assert ArgumentSpecValidator(_options(role)).validate(_defaults(role)).error_messages == []


@pytest.mark.parametrize("role", NAMES)
def test_every_option_is_described_to_the_leaves(role: str) -> None:
    for path, option in _flatten(_options(role)):
        assert option.get("description"), path
        assert option.get("type"), path
        assert option["type"] != "list" or option.get("elements"), path
        assert not (option.get("required") and "default" in option), path


@pytest.mark.parametrize("role", NAMES)
def test_every_choice_is_told(role: str) -> None:
    for path, option in _flatten(_options(role)):
        for choice in option.get("choices", []):
            assert f"C({choice})" in option["description"] or choice == option.get("default"), path


@pytest.mark.parametrize("role", NAMES)
def test_a_role_is_described_in_the_same_words_everywhere(role: str) -> None:
    galaxy = _load(role, "meta/main.yml")["galaxy_info"]
    assert galaxy["role_name"] == role
    assert galaxy["description"] == _specs(role)["short_description"]
    assert _readme(role).startswith(f"# {role}\n")


def _examples(role: str) -> Iterator[dict[str, Any]]:
    """Return the variables that the README gives to the role, by example."""
    for block in re.findall(r"```yaml\n(.*?)```", _readme(role), re.DOTALL):
        yield from _find_variables(yaml.safe_load(block), role)


def _find_variables(node: object, role: str) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if found := {key: value for key, value in node.items() if str(key).startswith(f"{role}_")}:
            yield found
        for value in node.values():
            yield from _find_variables(value, role)
    elif isinstance(node, list):
        for value in node:
            yield from _find_variables(value, role)


@pytest.mark.parametrize("role", RUN)
def test_the_readme_begins_with_a_whole_example(role: str) -> None:
    (play,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", _readme(role), re.DOTALL)[0])
    assert play["hosts"]
    assert f"webstack.flask.{role}" in str(play)
    assert next(_examples(role)), "it uses the role with a variable"


@pytest.mark.parametrize("role", RUN)
def test_the_examples_of_the_readme_are_accepted_by_the_argument_specs(role: str) -> None:
    for variables in _examples(role):
        validation = ArgumentSpecValidator(_options(role)).validate(variables)
        assert validation.error_messages == []
        assert validation.unsupported_parameters == set()


@pytest.mark.parametrize("role", NAMES)
def test_a_role_reads_no_variable_of_another_role(role: str) -> None:
    others = "|".join(f"_?_?{name}_" for name in NAMES if name != role)
    for file in (ROLES / role).rglob("*"):
        if file.suffix in (".yml", ".j2") and file.name != "argument_specs.yml":
            without_arguments = re.sub(r"^ +debian_packages_names:", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert not re.search(rf"\b(?:{others})\w+", re.sub(r"webstack\.flask\.\w+", "", without_arguments)), file


def test_the_sources_of_app_source_are_those_of_its_module() -> None:
    module = builds.ARGUMENT_SPEC["apps"]["options"]
    assert _bare(_options("app_source")["app_source_apps"]["options"]) == _bare(module, without=("digest", "packed", "agent", "reasons"))


def test_the_certificates_of_the_role_are_those_of_its_module() -> None:
    module = certificates.ARGUMENT_SPEC["certificates"]["options"]
    assert _bare(_options("certificates")["certificates_certificates"]["options"]) == _bare(module)


def test_the_databases_of_postgresql_are_those_of_its_module() -> None:
    module = databases.ARGUMENT_SPEC["databases"]["options"]
    assert _bare(_options("postgresql")["postgresql_databases"]["options"]) == _bare(module)


def test_the_instances_of_redis_are_those_of_its_module() -> None:
    module = redis_instances.ARGUMENT_SPEC["instances"]["options"]
    assert _bare(_options("redis")["redis_instances"]["options"]) == _bare(module)


def test_what_flask_apps_says_of_redis_is_what_the_role_takes() -> None:
    role = _bare(_options("redis")["redis_instances"]["options"], without=("name",))
    assert _bare({key: option for key, option in SPEC["redis"]["options"].items() if key != "scheme"}) == role


def test_the_apps_of_python_pipenv_are_those_of_its_module() -> None:
    module = environments.ARGUMENT_SPEC["apps"]["options"]
    role = _bare(_options("python_pipenv")["python_pipenv_apps"]["options"], without=("environment", "git_credentials", "step.environment"))
    assert role == _bare(module, without=("variables", "git_credentials", "step.variables"))


def test_the_apps_of_gunicorn_systemd_are_those_of_its_module() -> None:
    of_a_process = tuple(f"processes.{key}" for key in ("command", "drain", "ready", "service"))
    of_a_process += tuple(f"schedules.{key}" for key in ("command", "timeout", "overlap", "service"))
    shaped_by_the_role = ("wsgi", "python_path", "env", "gunicorn", "service", "after", *of_a_process)
    rendered_by_the_role = (
        "variables",
        "warn_of_threads",
        "gunicorn_conf",
        "service",
        "socket",
        "drop_in",
        "processes.unit",
        "schedules.unit",
    )
    role = _bare(_options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"], without=shaped_by_the_role)
    assert role == _bare(releases.ARGUMENT_SPEC["apps"]["options"], without=rendered_by_the_role)


@pytest.mark.parametrize(
    ("role", "variable", "option"),
    [
        ("python_pipenv", "python_pipenv_python", environments.ARGUMENT_SPEC["python"]),
        ("python_pipenv", "python_pipenv_executable", environments.ARGUMENT_SPEC["pipenv"]),
        ("python_pipenv", "python_pipenv_timeout", environments.ARGUMENT_SPEC["timeout"]),
        ("certificates", "certificates_days", certificates.ARGUMENT_SPEC["days"]),
        ("certificates", "certificates_renew_before", certificates.ARGUMENT_SPEC["renew_before"]),
        ("postgresql", "postgresql_port", databases.ARGUMENT_SPEC["port"]),
        ("gunicorn_systemd", "gunicorn_systemd_lock_timeout", releases.ARGUMENT_SPEC["lock_timeout"]),
    ],
)
def test_a_role_and_its_module_have_the_same_default(role: str, variable: str, option: dict[str, Any]) -> None:
    assert _bare({"x": _options(role)[variable]}) == _bare({"x": option})


@pytest.mark.parametrize(
    ("spec", "role", "variable", "named_alike"),
    [
        (SPEC, "gunicorn_systemd", "gunicorn_systemd_apps", 10),
        (SPEC["source"]["options"], "app_source", "app_source_apps", 10),
        (SPEC["dependencies"]["options"], "python_pipenv", "python_pipenv_apps", 10),
    ],
)
def test_flask_apps_and_the_role_that_gets_it_agree_on_what_is_named_alike(
    spec: dict[str, Any], role: str, variable: str, named_alike: int
) -> None:
    theirs = _options(role)[variable]["options"]
    # The role needs `wsgi`, and flask_apps has `asgi` besides; there `processes` and `schedules` are mappings, which are compared below, as
    # is what the role knows of a `database`.
    both = [key for key in spec if key in theirs and key not in ("wsgi", "processes", "schedules", "database")]
    assert len(both) >= named_alike
    assert _bare({key: spec[key] for key in both}) == _bare({key: theirs[key] for key in both})


@pytest.mark.parametrize(("key", "spec"), [("processes", PROCESS_SPEC), ("schedules", SCHEDULE_SPEC)])
def test_flask_apps_and_gunicorn_systemd_agree_on_what_users_name_themselves(key: str, spec: dict[str, Any]) -> None:
    theirs = _options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"][key]["options"]
    assert _bare(spec) == _bare(theirs, without=("name",))


@pytest.mark.parametrize(
    ("key", "inner"),
    [
        ("release_commands", "commands"),
        ("setup_commands", "setup"),
        ("release_command_timeout", "command_timeout"),
        ("keep_releases", "keep"),
    ],
)
def test_flask_apps_and_gunicorn_systemd_have_the_same_default_under_another_name(key: str, inner: str) -> None:
    role = _options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"]
    assert _bare({"x": SPEC[key]}) == _bare({"x": role[inner]})


def test_flask_apps_and_gunicorn_systemd_keep_as_many_dumps() -> None:
    role = _options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"]["database"]["options"]
    assert _bare({"dumps": SPEC["database"]["options"]["dumps"]}) == _bare({"dumps": role["dumps"]})


@pytest.mark.parametrize("key", ["port", "redirect", "hsts", "hsts_subdomains", "http3"])
def test_flask_apps_and_nginx_site_have_the_same_default_of_encryption(key: str) -> None:
    role = _options("nginx_site")["nginx_site_sites"]["options"]["tls"]["options"]
    assert _bare({key: SPEC["tls"]["options"][key]}) == _bare({key: role[key]})
