from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import (
    Dependencies,
    Outline,
    choose_dependencies,
    names_local_source,
    outline_dependencies,
    read_requirements,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError


def _write(source: Path, **files: str) -> Path:
    for name, text in files.items():
        (source / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return source


def _choose(source: Path, *, packages: tuple[str, ...] = (), file: str | None = None, wheels: str | None = None) -> Dependencies:
    return choose_dependencies(source, packages=packages, file=file, wheels=wheels)


def _problem(source: Path, **wishes: Any) -> str:  # noqa: ANN401 - what _choose takes
    with pytest.raises(UserError) as caught:
        _choose(source, **wishes)
    return str(caught.value)


_PROJECT = '[project]\nname = "shop"\nrequires-python = ">=3.9"\ndependencies = ["flask>=3"]\n'
_ALL = {"Pipfile.lock": "{}", "Pipfile": "[packages]", "requirements.txt": "flask", "pyproject.toml": _PROJECT}


@pytest.mark.parametrize("first", range(4))
def test_the_first_file_of_the_rule_decides_and_named_packages_come_on_top(tmp_path: Path, first: int) -> None:
    for name in list(_ALL)[first:]:
        (tmp_path / name).write_text(_ALL[name], encoding="utf-8")
    needs = _choose(tmp_path, packages=("redis",))
    assert (needs.kind, needs.file, needs.packages) == (list(_ALL)[first], list(_ALL)[first], ("redis",))


def test_a_lock_counts_together_with_its_pipfile(tmp_path: Path) -> None:
    _write(tmp_path, Pipfile_lock="{}", Pipfile="[packages]")
    assert _choose(tmp_path).texts == (("Pipfile", "[packages]"), ("Pipfile.lock", "{}"))


def test_named_packages_are_enough_for_an_app_without_any_file(tmp_path: Path) -> None:
    assert _choose(tmp_path, packages=("flask", "gunicorn")).packages == ("flask", "gunicorn")


def test_a_file_can_be_told_not_to_count_and_then_nothing_is_needed(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="flask")
    assert _choose(tmp_path, file="none") == Dependencies(Outline("packages"))
    assert _identify(Outline("packages"), packages=())


def test_a_pyproject_toml_of_tools_alone_does_not_count(tmp_path: Path) -> None:
    _write(tmp_path, pyproject_toml="[tool.ruff]\nline-length = 100\n")
    assert _choose(tmp_path, packages=("flask",)).kind == "packages"


def test_a_project_that_says_how_it_is_built_is_installed_itself_with_each_build(tmp_path: Path) -> None:
    _write(tmp_path, pyproject_toml=_PROJECT + '[build-system]\nrequires = ["hatchling"]\n')
    needs = _choose(tmp_path)
    assert (needs.outline.local, needs.listed) == (True, ())


def test_a_project_whose_build_keeps_its_dependencies_is_installed_itself(tmp_path: Path) -> None:
    _write(tmp_path, pyproject_toml='[project]\nname = "shop"\nversion = "1"\ndynamic = ["dependencies"]\n')
    assert _choose(tmp_path).outline.local


def test_of_a_project_that_is_no_package_the_dependencies_are_installed(tmp_path: Path) -> None:
    _write(tmp_path, pyproject_toml=_PROJECT)
    needs = _choose(tmp_path)
    assert (needs.outline.local, needs.listed) == (False, ("flask>=3",))
    assert str(needs.outline.demand) == "Python >=3.9 (requires-python in pyproject.toml)"


@pytest.mark.parametrize(
    ("file", "kind", "directory"),
    [
        ("services/web/Pipfile.lock", "Pipfile.lock", "services/web"),
        ("services/web/Pipfile", "Pipfile", "services/web"),
        ("services/web/requirements.txt", "requirements.txt", "services/web"),
        ("services/web/requirements/prod.txt", "requirements.txt", "services/web"),
        ("requirements/prod.txt", "requirements.txt", "."),
        ("prod.in", "requirements.txt", "."),
        ("requirements/prod", "requirements.txt", "."),
        ("web/requirements", "requirements.txt", "web"),
        ("requirements-py3.11", "requirements.txt", "."),
        ("src/core/pyproject.toml", "pyproject.toml", "src/core"),
    ],
)
def test_a_file_can_lie_anywhere_and_be_called_otherwise(tmp_path: Path, file: str, kind: str, directory: str) -> None:
    _write(tmp_path, Pipfile_lock="{}", Pipfile="[packages]")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(_ALL[kind], encoding="utf-8")
    (tmp_path / file).with_name("Pipfile").write_text("[packages]", encoding="utf-8")
    needs = _choose(tmp_path, file=file)
    assert (needs.kind, needs.file, str(needs.directory)) == (kind, file, directory)
    assert file in dict(needs.texts)


def test_a_file_that_is_asked_for_and_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "services/web/.venv").mkdir(parents=True)
    for name in ("services/web/requirements.txt", "services/web/.venv/requirements.txt", "notes.txt"):
        (tmp_path / name).touch()
    assert _problem(tmp_path, file="web/requirements.txt") == (
        "`dependencies.file` is 'web/requirements.txt', which the source does not have; it has services/web/requirements.txt"
    )


def test_a_file_without_an_extension_is_offered(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    for name in ("requirements/prod", "requirements/.hidden", "requirements/notes.md", "README"):
        (tmp_path / name).touch()
    assert _problem(tmp_path, file="prod.txt").endswith("; it has requirements/prod")


def test_an_app_with_nothing_to_install_is_refused_with_all_ways_out(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/prod.txt").touch()
    outline = _choose(tmp_path).outline
    with pytest.raises(UserError) as caught:
        _identify(outline, packages=())
    assert str(caught.value) == (
        "the source has no Pipfile.lock, Pipfile, requirements.txt or pyproject.toml at its top, and no packages are named; "
        "name a file that lies deeper in `dependencies.file`: requirements/prod.txt; "
        "add one of the files, name what to install: `dependencies: {packages: [flask]}`, "
        "or say that the app needs nothing but gunicorn: `dependencies: {file: none}`"
    )
    assert _identify(outline, packages=("flask",)), "named packages are enough"


@pytest.mark.parametrize("name", ["Pipfile", "pyproject.toml"])
def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("[packages", encoding="utf-8")
    assert _problem(tmp_path).startswith(f"{name} is not valid TOML: ")


def test_wheels_within_the_source_make_every_build_its_own(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="flask")
    assert _choose(tmp_path, wheels="wheels").needs_source
    assert not _choose(tmp_path, wheels="/srv/wheels").needs_source
    assert _choose(tmp_path, file="none", packages=("flask",), wheels="wheels").needs_source
    assert _identify(_OUTLINE, wheels="wheels", build="b1") != _identify(_OUTLINE, wheels="wheels", build="b2")
    assert _identify(_OUTLINE, wheels="/srv/wheels", build="b1") == _identify(_OUTLINE, wheels="/srv/wheels", build="b2")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("setuptools==70\n", True),
        ("flask\nSetuptools>=3\n", True),
        ("setuptools-scm\n", False),
        ("my-setuptools\n", False),
        ("flask\n", False),
    ],
)
def test_what_the_app_names_itself_is_known(text: str, named: bool) -> None:  # noqa: FBT001
    assert Dependencies(Outline("requirements.txt"), (("requirements.txt", text),)).name("setuptools") is named
    assert Dependencies(Outline("packages"), packages=tuple(text.split())).name("setuptools") is named


def test_a_lock_file_without_its_pipfile_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, Pipfile_lock="{}", requirements_txt="flask")
    with pytest.raises(UserError) as caught:
        _choose(tmp_path)
    assert str(caught.value) == "the source has a Pipfile.lock and no Pipfile; pipenv needs both, so commit the Pipfile too"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("flask\n".encode("utf-16"))
    with pytest.raises(UserError, match=r"requirements\.txt is not UTF-8 text"):
        _choose(tmp_path)


def test_a_directory_of_that_name_is_no_requirements_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").mkdir()
    assert _choose(tmp_path, packages=("flask",)).kind == "packages"


def _read_names(source: Path) -> list[str]:
    return [text[0] for text in read_requirements(source, "requirements.txt")]


@pytest.mark.parametrize(
    "line",
    [
        "-r requirements/base.txt",
        "-rrequirements/base.txt",
        "-r   requirements/base.txt",
        "-r\trequirements/base.txt",
        "--requirement requirements/base.txt",
        "--requirement=requirements/base.txt",
        "-c requirements/base.txt",
        "--constraint requirements/base.txt # pins",
        "  -r ./requirements/base.txt",
        "-r requirements/../requirements/base.txt",
    ],
)
def test_what_a_requirements_file_includes_counts_too(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/base.txt").write_text("-r more.txt\n", encoding="utf-8")
    (tmp_path / "requirements/more.txt").write_text("flask==3\n", encoding="utf-8")
    _write(tmp_path, requirements_txt=f"redis\n{line}\n")
    assert _read_names(tmp_path) == [
        "requirements.txt",
        "requirements/base.txt",
        "requirements/more.txt",
    ]


@pytest.mark.parametrize("line", ["# -r base.txt", "--require-hashes", "-r https://example.com/base.txt", "--requirements", "flask -r"])
def test_nothing_else_is_an_inclusion(tmp_path: Path, line: str) -> None:
    _write(tmp_path, requirements_txt=f"{line}\n")
    assert read_requirements(tmp_path, "requirements.txt") == [("requirements.txt", f"{line}\n")]


def test_files_that_include_one_another_are_read_once_each(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="-r base.txt\n", base_txt="-r requirements.txt\n")
    assert _read_names(tmp_path) == ["requirements.txt", "base.txt"]


def test_an_included_file_that_is_missing_is_named(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="-r base.txt\n")
    with pytest.raises(UserError) as caught:
        _choose(tmp_path)
    assert str(caught.value) == "the requirements include base.txt, which the source does not have"


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "a/../../secret.txt", "link.txt"])
def test_a_file_outside_the_source_is_not_read(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (source / "link.txt").symlink_to("../secret.txt")
    _write(source, requirements_txt=f"-r {name}\n")
    with pytest.raises(UserError, match="leads out of the source"):
        _choose(source)


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "-e ./vendor/thing",
        "--editable=vendor/thing",
        ".",
        ".[dev]",
        "./vendor/thing-1.0-py3-none-any.whl",
        "../thing",
        "vendor/thing",
        "vendor/thing-1.0.tar.gz",
        "thing-1.0-py3-none-any.whl",
        "thing-1.0.zip ; python_version > '3'",
        "file:vendor/thing",
        "file:///srv/thing",
        "thing @ file:///srv/thing",
        "thing @ file:./vendor/thing",
        "-f vendor",
        "--find-links=./wheels",
        "  ./thing",
    ],
)
def test_a_requirement_of_something_in_the_source_is_noticed(line: str) -> None:
    assert names_local_source("requirements.txt", f"flask==3.1\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "flask",
        "flask[async]>=3,<4 ; python_version >= '3.9' # for ./views",
        "flask==3.1 --hash=sha256:0a1b",
        "    --hash=sha256:0a1b",
        "# ./vendor",
        "-r base.txt",
        "-c ./constraints.txt",
        "--index-url https://example.com/simple/",
        "--extra-index-url=https://example.com/simple/thing.zip",
        "git+https://example.com/thing.git@v1#egg=thing",
        "thing @ git+ssh://git@example.com/thing.git",
        "thing @ https://example.com/thing-1.0.zip",
        "https://example.com/thing-1.0-py3-none-any.whl",
        "zope.interface",
        "path",
        "",
    ],
)
def test_a_requirement_from_elsewhere_is_not_local(line: str) -> None:
    assert not names_local_source("requirements.txt", f"{line}\n")


@pytest.mark.parametrize(
    "line", ['app = {path = ".", editable = true}', 'app = {path="vendor/x"}', "app.editable = true", 'x = {file = "vendor/x.whl"}']
)
def test_a_pipfile_that_names_something_in_the_source_is_noticed(line: str) -> None:
    assert names_local_source("Pipfile", f"[packages]\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        'flask = "*"',
        'pathspec = "*"',
        'thing = {git = "https://example.com/path/thing.git", ref = "feature/x"}',
        'x = {file = "https://example.com/x.zip"}',
        'url = "https://pypi.org/simple"',
    ],
)
def test_a_pipfile_of_packages_from_elsewhere_is_not_local(line: str) -> None:
    assert not names_local_source("Pipfile", f"[packages]\n{line}\n")


def test_what_is_local_is_noticed_in_an_included_file(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="-r base.txt\n", base_txt="-e .\n")
    assert _choose(tmp_path).outline.local


_OUTLINE = Outline("requirements.txt", "requirements.txt", (("requirements.txt", "0a"),))


def _identify(
    outline: Outline,
    *,
    packages: tuple[str, ...] = ("redis",),
    wheels: str | None = None,
    series: str = "3.11",
    additions: tuple[str, ...] = ("gunicorn==27.0.1",),
    build: str = "b1",
) -> str:
    return outline.identify(packages=packages, wheels=wheels, series=series, additions=additions, build=build)


def test_builds_with_the_same_dependencies_share_an_environment() -> None:
    assert _identify(_OUTLINE, build="b1") == _identify(_OUTLINE, build="b2")


def test_a_build_that_installs_from_itself_has_its_own_environment() -> None:
    local = replace(_OUTLINE, local=True)
    assert _identify(local, build="b1") != _identify(local, build="b2")


def test_all_that_an_environment_is_made_of_counts() -> None:
    identifiers = {
        _identify(_OUTLINE),
        _identify(_OUTLINE, series="3.13"),
        _identify(_OUTLINE, additions=("gunicorn==27.0.2",)),
        _identify(replace(_OUTLINE, kind="Pipfile")),
        _identify(replace(_OUTLINE, digests=(("requirements.txt", "0b"),))),
        _identify(replace(_OUTLINE, digests=(("base.txt", "0a"),))),
        _identify(_OUTLINE, packages=("redis", "celery")),
        _identify(_OUTLINE, packages=()),
        _identify(replace(_OUTLINE, file="services/web/requirements.txt")),
    }
    assert len(identifiers) == 9


def test_the_text_of_a_file_makes_its_digest(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="flask")
    first = _choose(tmp_path).outline
    _write(tmp_path, requirements_txt="flask==3")
    assert first.digests != _choose(tmp_path).outline.digests


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "-r base.txt\n", "base.txt": "./vendor\n"},
        {"Pipfile": '[requires]\npython_version = "3.12"\n', "Pipfile.lock": "{}"},
        {"pyproject.toml": _PROJECT},
        {},
    ],
)
def test_an_outline_arrives_on_another_way_as_it_was(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    told = json.loads(json.dumps(outline_dependencies(tmp_path, None)))
    assert Outline.from_plain(told) == _choose(tmp_path).outline


def test_an_outline_tells_no_text(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="--index-url https://ann:s3cret@example.com/simple\nflask\n")
    assert "s3cret" not in str(outline_dependencies(tmp_path, None))


def test_what_is_wrong_with_the_files_is_told_when_the_outline_is_used(tmp_path: Path) -> None:
    told = outline_dependencies(tmp_path, "web/requirements.txt")
    with pytest.raises(UserError, match="which the source does not have"):
        Outline.from_plain(told)


def test_files_that_double_with_every_inclusion_are_read_once_each(tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n" * 2, encoding="utf-8")
    (tmp_path / "r40.txt").touch()
    _write(tmp_path, requirements_txt="-r r0.txt\n")
    assert _read_names(tmp_path) == ["requirements.txt", *(f"r{number}.txt" for number in range(41))]


def test_files_are_included_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="-r a.txt\n-r b.txt\n", a_txt="-r c.txt\n", b_txt="", c_txt="")
    assert _read_names(tmp_path) == ["requirements.txt", "a.txt", "c.txt", "b.txt"]


def test_a_chain_of_very_many_files_is_refused(tmp_path: Path) -> None:
    for number in range(201):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n", encoding="utf-8")
    _write(tmp_path, requirements_txt="-r r0.txt\n")
    assert _problem(tmp_path) == "the requirements include more than 200 files; put what they name into fewer"


@pytest.mark.parametrize("name", ["requirements.txt", "Pipfile", "pyproject.toml"])
def test_a_file_that_would_fill_the_memory_is_not_read(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 40)
    assert _problem(tmp_path) == f"{name} has more than 4194304 bytes, the most that a file of dependencies may have"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    _write(tmp_path, requirements_txt="-r pipe\n")
    assert _problem(tmp_path) == "pipe is no file"


@pytest.mark.parametrize("name", ["x\0y", "loop"])
def test_a_name_that_leads_nowhere_is_a_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    _write(tmp_path, requirements_txt=f"-r {name}\n")
    with pytest.raises((UserError, OSError)):
        _choose(tmp_path)


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"flask\r\nredis\r\n")
    assert _choose(tmp_path).texts == (("requirements.txt", "flask\nredis\n"),)
