"""What the role promises of environments, whatever an app says that it needs, and whatever goes wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from scenario_tests import as_user, run_role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

SCENARIO = Path(__file__).parents[1]
APPS: dict[str, dict[str, Any]] = {
    app["name"]: app for app in yaml.safe_load((SCENARIO / "apps.yml").read_text(encoding="utf-8"))["python_pipenv_apps"]
}
HOLD = "/var/tmp/hold"  # noqa: S108 - on a host of the scenario
SLEEPER = f"""\
import os, time
from setuptools import setup
while os.path.exists({HOLD!r}):
    time.sleep(0.1)
setup(name="sleeper", version="1.0", py_modules=[])
"""


def root(app: str) -> str:
    return str(APPS.get(app, {}).get("root", f"/var/www/{app}"))


def environments(host: Host, app: str) -> list[str]:
    """Return everything below environments/, what is hidden included."""
    return sorted(host.check_output("ls -A %s/environments 2>/dev/null || true", root(app)).split())


def environment(host: Host, app: str) -> str:
    (name,) = environments(host, app)
    return f"{root(app)}/environments/{name}"


def as_app(host: Host, app: str, command: str) -> Any:  # noqa: ANN401 - testinfra has no types
    """Run a command as a user who is in the group of the app, as the app itself will be."""
    return host.run("setpriv --reuid=nobody --regid=%s --clear-groups sh -c %s", app, command)


def installed(host: Host, app: str) -> dict[str, str]:
    lines = json.loads(host.file(f"{environment(host, app)}/environment.json").content_string)["installed"]
    return dict(line.lower().split("==") for line in lines if "==" in line)


def put_build(host: Host, app: str, build: str, files: dict[str, str]) -> None:
    directory = f"/var/www/{app}/builds/{build}"
    for name, text in files.items():
        host.check_output("mkdir -p $(dirname %s) && printf %%s %s > %s", f"{directory}/{name}", text, f"{directory}/{name}")


def run(host: Host, *apps: dict[str, Any], check: bool = False, options: tuple[str, ...] = (), **variables: object) -> Play:
    given = {"python_pipenv_apps": list(apps), **{f"python_pipenv_{key}": value for key, value in variables.items()}}
    return run_role(host, "python_pipenv", given, check=check, options=options)


@pytest.fixture(scope="module", autouse=True)
def _without_what_an_earlier_run_of_these_tests_has_left(host: Host) -> None:
    host.check_output(
        f"rm -rf {HOLD} /var/www/*/builds/two; cd /var/www; for app in *; do case $app in {'|'.join(APPS)}) ;; *) rm -r $app;; esac; done"
    )


@pytest.fixture
def hold(host: Host) -> Iterator[str]:
    """Let installations of the sleeper wait for as long as this file is there."""
    host.check_output("touch %s", HOLD)
    yield HOLD
    host.check_output("rm -f %s", HOLD)


@pytest.mark.parametrize("app", APPS)
def test_the_app_can_import_flask_and_start_gunicorn(host: Host, app: str) -> None:
    assert as_app(host, app, f"{environment(host, app)}/bin/python -c 'import flask'").rc == 0
    assert "gunicorn (version " in as_app(host, app, f"{environment(host, app)}/bin/gunicorn --version").stdout


def test_a_lock_file_is_installed_to_the_letter(host: Host) -> None:
    lock = json.loads((SCENARIO / "files/builds/locked/Pipfile.lock").read_text(encoding="utf-8"))["default"]
    locked = {name: package["version"].removeprefix("==") for name, package in lock.items()}
    assert locked.items() <= installed(host, "locked").items()


def test_gunicorn_is_added_in_the_role_s_version_where_nothing_brings_it(host: Host) -> None:
    assert [installed(host, app)["gunicorn"] for app in ("locked", "named", "witness", "editable")] == ["27.0.1"] * 4


def test_an_app_can_have_another_version_of_gunicorn_and_its_own_counts_most(host: Host) -> None:
    assert installed(host, "required")["gunicorn"] == "22.0.0"
    assert installed(host, "piped")["gunicorn"] == "23.0.0"


def test_requirements_are_followed_with_what_they_include_and_constrain(host: Host) -> None:
    found = installed(host, "required")
    assert (found["flask"], found["itsdangerous"]) == ("3.0.3", "2.1.2"), "named packages do not change what the files brought"
    assert found["click"].startswith("8.")


def test_what_is_installed_in_editable_mode_is_imported_from_the_build(host: Host) -> None:
    where = as_app(host, "editable", f"{environment(host, 'editable')}/bin/python -c 'import shop; print(shop.GREETING, shop.__file__)'")
    # The build of this scenario is made by hand, so that everybody may read it.
    assert where.stdout == "from the build /var/www/editable/builds/one/source/shop/__init__.py\n"


def test_an_installation_runs_as_a_user_who_can_write_to_nothing_else(host: Host) -> None:
    findings = json.loads(host.check_output("cat %s/lib/python3*/site-packages/witness/findings.json", environment(host, "witness")))
    user = host.user("_build-witness")
    assert findings["uid"] == user.uid
    assert findings["uid"] not in (0, host.user("admin").uid)
    assert findings["home"] == "/var/cache/webstack-flask/witness/home"
    assert set(findings["writing"].values()) == {"PermissionError"}
    assert user.shell == "/usr/sbin/nologin"
    assert host.run("getent shadow _build-witness").stdout.split(":")[1].startswith(("!", "*"))


def test_nothing_that_an_installation_leaves_running_goes_on(host: Host) -> None:
    build = environment(host, "witness")
    assert host.file(f"{build}/intruder").exists, "it did run, and wrote"
    assert host.run("pgrep -u _build-witness").stdout == ""
    assert host.check_output("find %s -mindepth 1 -newer %s/environment.json", build, build) == ""


@pytest.mark.parametrize("app", APPS)
def test_an_environment_belongs_to_root_and_the_app_cannot_change_it(host: Host, app: str) -> None:
    path = environment(host, app)
    assert host.check_output("find %s -printf '%%u:%%g\\n' | sort -u", path) == f"root:{app}"
    assert host.check_output("find %s -not -type l -perm /6022", path) == ""
    for command in (f"touch {path}/x", f"touch {path}/bin/python", f"echo >> {path}/bin/gunicorn", f"rm {path}/pyvenv.cfg"):
        assert as_app(host, app, command).rc != 0, command


@pytest.mark.parametrize("stranger", ["nobody", "www-data", "admin", "_build-locked"])
def test_another_user_does_not_look_into_it(host: Host, stranger: str) -> None:
    path = environment(host, "named")
    refused = as_user(host, stranger, f"ls {path}; ls {root('named')}/environments; cat {path}/environment.json")
    assert refused.stdout == ""
    assert refused.stderr.count("Permission denied") == 3


def test_builds_with_the_same_dependencies_share_an_environment(host: Host) -> None:
    host.check_output("cp -r /var/www/locked/builds/one /var/www/locked/builds/two && touch /var/www/locked/builds/two/new-code.py")
    before = environments(host, "locked")
    assert run(host, APPS["locked"] | {"build": "two"}).succeeded().changed == 0
    assert environments(host, "locked") == before


def test_ten_apps_cost_no_more_round_trips_than_one(host: Host) -> None:
    one, all_of_them = run(host, APPS["locked"], options=("-vvv",)), run(host, *APPS.values(), options=("-vvv",))
    assert (one.succeeded().changed, all_of_them.succeeded().changed) == (0, 0)
    assert one.round_trips == all_of_them.round_trips


def test_another_dependency_is_another_environment_and_check_mode_says_so(host: Host) -> None:
    before = environments(host, "named")
    changed = APPS["named"] | {"packages": ["flask", "itsdangerous"]}
    assert run(host, changed, check=True).succeeded().changed == 1
    assert environments(host, "named") == before
    assert run(host, changed).succeeded().changed == 1
    new = set(environments(host, "named")) - set(before)
    assert len(new) == 1
    host.check_output("rm -r /srv/sites/named/environments/%s", new.pop())


def test_a_lock_that_does_not_fit_its_pipfile_is_refused_by_name(host: Host) -> None:
    files = SCENARIO / "files/builds/locked"
    pipfile = (files / "Pipfile").read_text(encoding="utf-8") + 'redis = "*"\n'
    put_build(host, "outdated", "one", {"Pipfile": pipfile, "Pipfile.lock": (files / "Pipfile.lock").read_text(encoding="utf-8")})
    play = run(host, {"name": "outdated", "build": "one"})
    assert play.status != 0
    assert "outdated: the Pipfile.lock does not fit its Pipfile; run `pipenv lock` where you develop, and commit both" in play.output
    assert environments(host, "outdated") == []


def test_a_package_with_another_hash_than_the_lock_has_is_not_installed(host: Host) -> None:
    files = SCENARIO / "files/builds/locked"
    lock = json.loads((files / "Pipfile.lock").read_text(encoding="utf-8"))
    lock["default"]["flask"]["hashes"] = [f"sha256:{'0' * 64}"]
    put_build(
        host,
        "forged",
        "one",
        {"Pipfile": (files / "Pipfile").read_text(encoding="utf-8"), "Pipfile.lock": json.dumps(lock, indent=4) + "\n"},
    )
    play = run(host, {"name": "forged", "build": "one"})
    assert play.status != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in play.output
    assert environments(host, "forged") == []


def test_a_failing_installation_leaves_nothing_shows_pip_s_reason_and_touches_no_other_environment(host: Host) -> None:
    put_build(host, "required", "two", {"requirements.txt": "flask==99.0\n"})
    before = environments(host, "required")
    play = run(host, APPS["required"] | {"build": "two"}, APPS["locked"])
    assert play.status != 0
    assert "required: `" in play.output
    assert "No matching distribution found for flask==99.0" in play.output
    assert environments(host, "required") == before
    assert as_app(host, "required", f"{environment(host, 'required')}/bin/python -c 'import flask'").rc == 0
    assert not host.file("/var/cache/webstack-flask/required/project").exists


def test_an_index_that_is_away_is_told_and_leaves_nothing(host: Host) -> None:
    variables = {"PIP_INDEX_URL": "http://127.0.0.1:1/simple", "PIP_RETRIES": 1}
    put_build(host, "lonely", "one", {"requirements.txt": "flask\n"})
    play = run(host, {"name": "lonely", "build": "one"}, environment=variables)
    assert play.status != 0
    assert "Connection refused" in play.output
    assert environments(host, "lonely") == []


def test_an_installation_that_takes_too_long_is_ended_with_all_that_it_has_started(host: Host, hold: str) -> None:
    del hold
    put_build(host, "slow", "one", {"requirements.txt": "./sleeper\n", "sleeper/setup.py": SLEEPER})
    play = run(host, {"name": "slow", "build": "one"}, timeout=12)
    assert play.status != 0
    assert "took more than 12 s and was stopped" in play.output
    assert environments(host, "slow") == []
    assert host.run("pgrep -u _build-slow").stdout == ""


def test_an_installation_whose_run_is_killed_does_not_count_and_the_next_run_makes_it(host: Host, hold: str) -> None:
    put_build(host, "cut", "one", {"requirements.txt": "flask\n./sleeper\n", "sleeper/setup.py": SLEEPER})
    kill_module = "for parent in $(ps -o ppid= -u _build-cut); do [ $(ps -o user= -p $parent) = root ] && kill -KILL $parent; done"
    wait = "until pgrep -u _build-cut -f setup.py; do sleep 0.2; done"
    host.check_output("systemd-run --unit=killer --collect sh -c %s", f"{wait}; {kill_module}")
    app = {"name": "cut", "build": "one"}
    assert run(host, app).status != 0
    assert host.run("pgrep -u _build-cut").stdout != "", "the installation has outlived its run"
    half = environment(host, "cut")
    assert not host.file(f"{half}/environment.json").exists
    host.check_output("su -s /bin/sh _build-cut -c 'touch %s/environment.json'", half)

    host.check_output("rm -f %s", hold)
    assert run(host, app).succeeded().changed == 1
    assert environment(host, "cut") == half
    assert host.run("pgrep -u _build-cut").stdout == ""
    assert as_app(host, "cut", f"{half}/bin/python -c 'import flask'").rc == 0
    assert host.check_output("find %s -not -user root", half) == ""


@pytest.mark.parametrize(
    ("app", "message"),
    [
        (
            {"name": "empty", "build": "one"},
            "the source has no Pipfile.lock, Pipfile or requirements.txt, and no packages are named; add one",
        ),
        ({"name": "locked", "build": "three"}, "there is no build 'three' of locked on the host"),
        ({"name": "Locked", "build": "one"}, "the app's name is 'Locked'; allowed are 1 to 25 lower-case letters"),
        ({"name": "locked", "build": "one", "package": "flask"}, "python_pipenv_apps.package. Supported parameters include: build, gun"),
    ],
)
def test_wrong_input_is_refused_with_what_is_right(host: Host, app: dict[str, Any], message: str) -> None:
    put_build(host, "empty", "one", {"app.py": ""})
    play = run(host, copy.deepcopy(app))
    assert play.status != 0
    assert message in play.output


def test_a_pipenv_or_an_interpreter_that_is_not_there_is_named(host: Host) -> None:
    assert "the interpreter /usr/bin/python9 does not run" in run(host, APPS["locked"], python="/usr/bin/python9").output
    put_build(host, "unmade", "one", {"Pipfile": "[packages]\n"})
    play = run(host, {"name": "unmade", "build": "one"}, executable="/usr/bin/pipenv9")
    assert "unmade: there is no program /usr/bin/pipenv9 on the host" in play.output
    assert environments(host, "unmade") == []
