from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode
from ansible_collections.webstack.flask.plugins.module_utils._environment import maker
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import outline_dependencies
from ansible_collections.webstack.flask.plugins.module_utils._environment.maker import collect_variables, ensure_app_environment
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Python
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_PARAMETERS = {"gunicorn_version": "27.0.1", "python": "/usr/bin/python3", "pipenv": "/usr/bin/pipenv", "timeout": 900}


def _app(root: Path, **options: object) -> dict[str, Any]:
    nothing = dict.fromkeys(("outline", "step", "file", "gunicorn_version", "python", "wheels", "index_url"))
    lists: dict[str, list[str]] = {name: [] for name in ("packages", "additions", "build_packages")}
    switches = {"ignore_python_requirement": False, "ignore_lock_mismatch": False}
    return {
        "name": "shop",
        "root": str(root),
        "build": "0123",
        "variables": "e30=",
        "git_credentials": "e30=",
        **nothing,
        **lists,
        **switches,
        **options,
    }


@pytest.fixture(autouse=True)
def _one_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "read_python", lambda path: Python(path, "3.11.2"))
    monkeypatch.setattr(maker, "list_pythons", list)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    build = tmp_path / "builds/0123"
    build.mkdir(parents=True)
    (build / "requirements.txt").write_text("flask\n", encoding="utf-8")
    return build


def _predict(app: dict[str, Any]) -> dict[str, Any]:
    return ensure_app_environment(app, _PARAMETERS, print, check=True)


def test_an_index_is_told_to_pip_and_to_pipenv() -> None:
    app = {"variables": encode({"A": "b"}), "index_url": "https://pypi.test/simple"}
    assert collect_variables(app) == {
        "A": "b",
        "PIP_INDEX_URL": "https://pypi.test/simple",
        "PIPENV_PYPI_MIRROR": "https://pypi.test/simple",
    }


def test_a_check_run_names_the_environment_that_a_run_would_build(build: Path, tmp_path: Path) -> None:
    outcome = _predict(_app(tmp_path))
    assert outcome["changed"]
    assert outcome["source"] == "requirements.txt"
    assert outcome["path"] == f"{tmp_path}/environments/{outcome['id']}"
    assert _predict(_app(tmp_path, gunicorn_version="26.0.0"))["id"] != outcome["id"]
    outlined = _app(tmp_path, build="", outline=outline_dependencies(build, None))
    assert _predict(outlined) == outcome


def test_of_a_build_of_which_nothing_is_known_a_check_run_names_no_environment(tmp_path: Path) -> None:
    assert _predict(_app(tmp_path)) == {"id": "", "path": "", "source": "", "changed": True}


@pytest.mark.usefixtures("build")
def test_an_interpreter_that_a_debian_package_may_bring_is_no_error_of_a_check_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "find_missing_packages", list)
    with pytest.raises(UserError):
        _predict(_app(tmp_path, python="3.99"))
    assert _predict(_app(tmp_path, python="3.99", build_packages=["python3.99"]))["id"] == ""


def test_options_that_are_not_valid_and_a_build_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dependencies\.python is 'python2'"):
        ensure_app_environment(_app(tmp_path, python="python2"), _PARAMETERS, print, check=False)
    with pytest.raises(UserError, match="there is no build '0123' of shop on the host"):
        ensure_app_environment(_app(tmp_path), _PARAMETERS, print, check=False)


def test_other_interpreters_are_looked_for_only_if_the_default_one_does_not_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    newer = Python("/usr/local/bin/python3.13", "3.13.1")
    searches: list[str] = []

    def search() -> list[Python]:
        searches.append("once")
        return [newer]

    monkeypatch.setattr(maker, "list_pythons", search)
    assert maker.find_python(_app(tmp_path), None, "/usr/bin/python3").version == "3.11.2"
    assert searches == []
    assert maker.find_python(_app(tmp_path, python="3.13"), None, "/usr/bin/python3") == newer
    assert searches == ["once"]


_PIPFILE = {
    "Pipfile": '[packages]\nflask = "*"\nredis = "*"\n[requires]\npython_version = "3.9"\n',
    "Pipfile.lock": '{"default": {"flask": {"version": "==3.1.3"}}}',
}
_PROJECT = '[project]\nname = "shop"\nrequires-python = ">=3.99"\ndependencies = ["flask", "redis"]\n'
_POETRY = """
[tool.poetry.dependencies]
python = "*"
flask = "*"
redis = "^5"
pywin = {version = "*", platform = "win32"}
extra = {version = "*", optional = true}
[project]
requires-python = ">=3.99"
"""
_FLASK_ALONE = '[[package]]\nname = "flask"\nversion = "3.1.3"\n'
_ELSEWHERE = f'{_PROJECT}[tool.uv.sources]\nflask = {{index = "ours"}}\n'


@pytest.mark.parametrize(
    ("files", "ignored", "stale"),
    [
        (_PIPFILE, False, "the Pipfile.lock does not fit its Pipfile: it lacks redis. Run `pipenv lock`"),
        (_PIPFILE, True, ""),
        ({"pyproject.toml": _PROJECT, "uv.lock": _FLASK_ALONE}, False, "it lacks redis. Run `uv lock`"),
        ({"pyproject.toml": _POETRY, "poetry.lock": _FLASK_ALONE}, False, "it lacks redis. Run `poetry lock`"),
        ({"pyproject.toml": _PROJECT, "pdm.lock": _FLASK_ALONE}, False, "it lacks redis. Run `pdm lock`"),
        ({"pyproject.toml": _PROJECT, "pylock.toml": _FLASK_ALONE}, False, "it lacks redis. Run `uv export"),
        ({"pyproject.toml": _PROJECT}, False, ""),
        ({"pyproject.toml": _ELSEWHERE}, False, "`dependencies.index_url`"),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_a_python_that_is_not_there_and_a_lock_that_is_stale_are_told_at_once(
    tmp_path: Path, files: dict[str, str], stale: str, *, ignored: bool, check: bool
) -> None:
    build = tmp_path / "builds/0123"
    build.mkdir(parents=True)
    for name, text in files.items():
        (build / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        ensure_app_environment(_app(tmp_path, ignore_lock_mismatch=ignored), _PARAMETERS, print, check=check)
    said = str(caught.value)
    assert "the app demands Python" in said
    assert "`dependencies.ignore_python_requirement: true`" in said
    assert stale in said
    assert ("Besides, " in said) == bool(stale)
    assert ("locks anew then, by `" in said) == (len(files) > 1)


def test_what_is_wrong_with_an_interpreter_that_is_asked_for_says_nothing_of_locks(tmp_path: Path) -> None:
    build = tmp_path / "builds/0123"
    build.mkdir(parents=True)
    for name, text in _PIPFILE.items():
        (build / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        _predict(_app(tmp_path, python="3.99"))
    assert "locks anew" not in str(caught.value)
    assert "it lacks redis" in str(caught.value)
