"""What a build must hold, and what it holds unsaid."""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path, PurePosixPath

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.contents import (
    EMPTY,
    LEFT_OUT,
    describe_databases,
    explain_absences,
    find_databases,
    find_ignored,
    find_passed_over,
    list_lacking,
    require_places,
)
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import list_files


def _write(top: Path, **texts: str) -> Path:
    for name, text in texts.items():
        file = top / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return top


def _ignore(top: Path, *lines: str, within: str = "") -> None:
    (top / within / ".gitignore").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.mark.parametrize("key", ["static.paths", "python_path", "chdir"])
def test_a_place_must_be_a_directory_of_the_build(tmp_path: Path, key: str) -> None:
    _write(tmp_path, web__app="x", file="x")
    (tmp_path / "away").symlink_to("/etc")
    places = {key: ["web", "file", "away", "none", "web/none"]}
    assert [path for _key, path in list_lacking(tmp_path, places, [])] == ["file", "away", "none", "web/none"]


def test_a_file_must_be_a_file_and_what_is_shared_may_be_missing(tmp_path: Path) -> None:
    _write(tmp_path, web__env="x")
    places = {"env_files": ["web/env", "web", ".env"], "static.paths": ["media", "media/small", "mediator"]}
    assert list_lacking(tmp_path, places, ["media"]) == [("env_files", "web"), ("env_files", ".env"), ("static.paths", "mediator")]


@pytest.mark.parametrize("line", ["dist/", "dist", "/frontend/dist/", "frontend/dist/*", "*", "frontend"])
def test_git_is_named_where_it_is_the_reason_with_the_line(tmp_path: Path, line: str) -> None:
    _ignore(tmp_path, "*.log", line)
    with pytest.raises(UserError) as caught:
        require_places(tmp_path, {"static.paths": ["frontend/dist"]}, [], {})
    assert f"git ignores it (line 2 of .gitignore: `{line}`)" in str(caught.value)
    assert "`static.paths` names 'frontend/dist', which the source does not have" in str(caught.value)
    assert "`build_commands`" in str(caught.value)


def test_an_ignored_file_of_variables_has_its_own_advice(tmp_path: Path) -> None:
    _ignore(tmp_path, ".env")
    with pytest.raises(UserError, match=r"`env_files` names '\.env', which .* git ignores it .* Give the variables in `env`"):
        require_places(tmp_path, {"env_files": [".env"]}, [], {})


def test_where_git_is_not_the_reason_it_is_not_named(tmp_path: Path) -> None:
    _ignore(tmp_path, "dist/", "!web/")
    with pytest.raises(UserError) as caught:
        require_places(tmp_path, {"static.paths": ["web"], "chdir": ["src"]}, [], {})
    assert "git" not in str(caught.value)
    assert "`static.paths` names 'web'" in str(caught.value)
    assert "`chdir` names 'src'" in str(caught.value)


@pytest.mark.parametrize("key", ["dependencies.file", "dependencies.wheels"])
def test_what_is_looked_at_again_is_told_only_where_git_is_the_reason(tmp_path: Path, key: str) -> None:
    require_places(tmp_path, {key: ["vendor/x"]}, [], {})
    _ignore(tmp_path, "vendor")
    with pytest.raises(UserError, match=f"`{key}` names 'vendor/x', .*git ignores it"):
        require_places(tmp_path, {key: ["vendor/x"]}, [], {})


def test_after_commands_the_message_says_that_they_have_not_made_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'dist', which neither the source has nor `build_commands` made; correct the path"):
        require_places(tmp_path, {"static.paths": ["dist"]}, [], {}, commands=True)


def test_a_repository_above_the_source_is_asked_too(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    _ignore(tmp_path, "dist/")
    source = _write(tmp_path / "web", app__py="x", dist__app="x")
    assert explain_absences(source, list_files(source), {"static.paths": ["dist"]})["dist"].startswith("git ignores it (line 1")
    assert find_ignored(source, ["dist"]) == {}, "without the repository nothing says so"


def test_why_a_directory_of_the_controller_is_no_source_is_told(tmp_path: Path) -> None:
    _write(tmp_path, app="x", venv__pyvenv="x")
    (tmp_path / "venv/pyvenv").rename(tmp_path / "venv/pyvenv.cfg")
    (tmp_path / "empty").mkdir()
    places = {"static.paths": ["empty", "venv", "none"], "env_files": ["app"]}
    assert explain_absences(tmp_path, [PurePosixPath("app")], places) == {"empty": EMPTY, "venv": LEFT_OUT}


def test_a_database_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "app.db") as database:
        database.execute("create table t (a)")
    (tmp_path / "deep").mkdir()
    (tmp_path / "app.db").rename(tmp_path / "deep/app.sqlite3")
    _write(tmp_path, **{"notes.db": "text", ".shared/old.db": "SQLite format 3\0"})
    assert find_databases(tmp_path) == ["deep/app.sqlite3"]
    assert "`shared: {files: [deep/app.sqlite3]}`" in describe_databases(["deep/app.sqlite3"])


@pytest.mark.parametrize(
    ("file", "places", "found"),
    [
        ("gunicorn.conf.py", {}, "gunicorn.conf.py"),
        ("web/gunicorn.conf.py", {"chdir": ["web"]}, "web/gunicorn.conf.py"),
        ("web/gunicorn.conf.py", {}, ""),
        ("gunicorn.conf.py", {"chdir": ["web"]}, ""),
        ("gunicorn.conf.py", {"gunicorn.config": ["gunicorn.conf.py"]}, ""),
        ("gunicorn.conf.py", {"gunicorn.config": []}, ""),
        ("gunicorn.py", {}, ""),
    ],
)
def test_a_configuration_that_gunicorn_would_read_by_itself_is_found_unless_the_description_knows_it(
    tmp_path: Path, file: str, places: dict[str, list[str]], found: str
) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / file).touch()
    assert find_passed_over(tmp_path, places) == found
