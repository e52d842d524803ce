from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.dependencies import (
    Dependencies,
    choose_dependencies,
    names_local_source,
    read_requirements,
)
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem


def _write(source: Path, **files: str) -> Path:
    for name, text in files.items():
        (source / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return source


def test_a_lock_file_decides_before_everything_else(tmp_path: Path) -> None:
    _write(tmp_path, Pipfile_lock="{}", Pipfile="[packages]", requirements_txt="flask")
    assert choose_dependencies(tmp_path, ["redis"]) == Dependencies(
        "Pipfile.lock", (("Pipfile", "[packages]"), ("Pipfile.lock", "{}")), ("redis",)
    )


def test_a_pipfile_decides_before_requirements(tmp_path: Path) -> None:
    _write(tmp_path, Pipfile="[packages]", requirements_txt="flask")
    assert choose_dependencies(tmp_path, []) == Dependencies("Pipfile", (("Pipfile", "[packages]"),), ())


def test_requirements_decide_before_the_named_packages_which_come_on_top(tmp_path: Path) -> None:
    _write(tmp_path, requirements_txt="flask\n")
    assert choose_dependencies(tmp_path, ["redis"]) == Dependencies("requirements.txt", (("requirements.txt", "flask\n"),), ("redis",))


def test_named_packages_are_enough_for_an_app_without_any_file(tmp_path: Path) -> None:
    assert choose_dependencies(tmp_path, ["flask", "gunicorn"]) == Dependencies("packages", (), ("flask", "gunicorn"))


def test_an_app_with_nothing_to_install_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        choose_dependencies(tmp_path, [])
    assert str(caught.value) == (
        "the source has no Pipfile.lock, Pipfile or requirements.txt, and no packages are named; "
        "add one of the files, or name what to install: `dependencies: {packages: [flask]}`"
    )


def test_a_lock_file_without_its_pipfile_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, Pipfile_lock="{}", requirements_txt="flask")
    with pytest.raises(Problem) as caught:
        choose_dependencies(tmp_path, [])
    assert str(caught.value) == "the source has a Pipfile.lock and no Pipfile; pipenv needs both, so commit the Pipfile too"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes("flask\n".encode("utf-16"))
    with pytest.raises(Problem, match=r"requirements\.txt is not UTF-8 text"):
        choose_dependencies(tmp_path, [])


def test_a_directory_of_that_name_is_no_requirements_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").mkdir()
    assert choose_dependencies(tmp_path, ["flask"]).kind == "packages"


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
    with pytest.raises(Problem) as caught:
        choose_dependencies(tmp_path, [])
    assert str(caught.value) == "the requirements include base.txt, which the source does not have"


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "a/../../secret.txt", "link.txt"])
def test_a_file_outside_the_source_is_not_read(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (source / "link.txt").symlink_to("../secret.txt")
    _write(source, requirements_txt=f"-r {name}\n")
    with pytest.raises(Problem, match="leads out of the source"):
        choose_dependencies(source, [])


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
    assert not names_local_source("requirements/base.txt", f"{line}\n")


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
    assert choose_dependencies(tmp_path, []).local


_NEEDS = Dependencies("requirements.txt", (("requirements.txt", "flask"),), ("redis",))


def _identify(needs: Dependencies, *, python: str = "3.11.2", gunicorn: str = "27.0.1", build: str = "b1") -> str:
    return needs.identify(python=python, gunicorn=gunicorn, build=build)


def test_builds_with_the_same_dependencies_share_an_environment() -> None:
    assert _identify(_NEEDS, build="b1") == _identify(_NEEDS, build="b2")


def test_a_build_that_installs_from_itself_has_its_own_environment() -> None:
    local = replace(_NEEDS, local=True)
    assert _identify(local, build="b1") != _identify(local, build="b2")


def test_all_that_an_environment_is_made_of_counts() -> None:
    identifiers = {
        _identify(_NEEDS),
        _identify(_NEEDS, python="3.11.9"),
        _identify(_NEEDS, gunicorn="27.0.2"),
        _identify(replace(_NEEDS, kind="Pipfile")),
        _identify(replace(_NEEDS, texts=(("requirements.txt", "flask==3"),))),
        _identify(replace(_NEEDS, texts=(("base.txt", "flask"),))),
        _identify(replace(_NEEDS, packages=("redis", "celery"))),
        _identify(replace(_NEEDS, packages=())),
    }
    assert len(identifiers) == 8
