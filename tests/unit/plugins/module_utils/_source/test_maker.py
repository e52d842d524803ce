from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._source import builds, maker
from ansible_collections.webstack.flask.plugins.module_utils._source.maker import BuildMaker, ensure_app_build, identify
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import digest_tree, list_files, pack_tree

_APP: dict[str, Any] = {
    **dict.fromkeys(
        ("git", "path", "archive", "checksum", "digest", "packed", "agent", "dependency_file", "ssh_key", "known_hosts", "lfs")
    ),
    "name": "shop",
    "version": "HEAD",
    "subdirectory": "",
    "submodules": True,
    "public": [],
    "shared": [],
    "places": {},
    "recipe": "",
    "reasons": {},
}


def _outline(build: Path, dependency_file: str | None) -> dict[str, Any]:
    return {"files": sorted(path.name for path in build.iterdir()), "file": dependency_file}


@pytest.fixture
def app(tmp_path: Path) -> dict[str, Any]:
    return {**_APP, "root": str(tmp_path / "root")}


def _pack(tmp_path: Path, procfile: str = "") -> dict[str, str]:
    (tmp_path / "source").mkdir()
    if procfile:
        (tmp_path / "source/Procfile").write_text(procfile, encoding="utf-8")
    (tmp_path / "source/app.py").write_text("app", encoding="utf-8")
    files = list_files(tmp_path / "source")
    pack_tree(tmp_path / "source", files, tmp_path / "packed")
    return {"path": "source", "digest": digest_tree(tmp_path / "source", files), "packed": str(tmp_path / "packed")}


def _make_scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.mark.parametrize("option", [{"shared": ["data"]}, {"subdirectory": "web"}, {"submodules": False}, {"recipe": "r"}, {"lfs": False}])
def test_a_build_is_known_by_its_source_unless_it_differs_from_it(option: dict[str, Any]) -> None:
    assert identify(_APP, "0123") == "0123"
    other = identify({**_APP, **option}, "0123")
    assert other != "0123"
    assert other == identify({**_APP, **option}, "0123")


def test_a_directory_that_the_host_lacks_is_asked_for(app: dict[str, Any]) -> None:
    build = BuildMaker({**app, "digest": "0123"}, AppLayout.of("shop", app["root"]), print, _outline)
    assert build.from_directory() == {"id": "0123", "path": f"{app['root']}/builds/0123", "changed": True, "missing": True}


def test_a_check_run_outlines_the_build_that_it_would_make_and_leaves_nothing(app: dict[str, Any], tmp_path: Path) -> None:
    scratch, described = _make_scratch(tmp_path), {**app, **_pack(tmp_path), "dependency_file": "none"}
    outcome = BuildMaker(described, AppLayout.of("shop", app["root"]), print, _outline, scratch).from_directory()
    assert outcome["changed"]
    assert outcome["outline"] == {"files": ["app.py"], "file": "none"}
    assert list(scratch.iterdir()) == []
    assert not Path(outcome["path"]).exists()


def test_without_git_a_check_run_cannot_know_the_build_and_a_run_fails(
    app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _program: None)
    layout, described = AppLayout.of("shop", app["root"]), {**app, "git": "https://git.test/shop"}
    outcome = BuildMaker(described, layout, print, _outline, _make_scratch(tmp_path)).from_git()
    assert outcome == {"id": "", "path": "", "changed": True}
    with pytest.raises(UserError, match="git is not installed on the host"):
        BuildMaker(described, layout, print, _outline).from_git()


def test_a_check_run_tells_the_version_of_a_local_directory(app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "_SCRATCH", str(_make_scratch(tmp_path)))
    monkeypatch.setattr(maker, "require_no_obstacles", lambda _layout: None)
    outcome = ensure_app_build({**app, **_pack(tmp_path)}, print, _outline, check=True)
    assert (outcome["version"], outcome["missing"], outcome["changed"]) == ("local", False, True)


def _make(
    app: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    packed: dict[str, str] | None = None,
    *,
    check: bool = False,
    **options: object,
) -> tuple[dict[str, Any], list[str]]:
    """Make a build, for which the host has no accounts; return the outcome, and what was warned of."""
    monkeypatch.setattr(maker, "require_no_obstacles", lambda _layout: None)
    monkeypatch.setattr(maker, "hold_lock", lambda *_arguments: nullcontext())

    def ensure_build(layout: AppLayout, identifier: str, fill: Callable[[Path], None], subdirectory: str, shared: list[str]) -> bool:
        layout.build(identifier).mkdir(parents=True)
        builds._fill(layout.build(identifier), fill, subdirectory, shared)  # noqa: SLF001
        return True

    monkeypatch.setattr(maker, "ensure_build", ensure_build)
    warnings: list[str] = []
    return ensure_app_build({**app, **(packed or _pack(tmp_path)), **options}, warnings.append, _outline, check=check), warnings


def test_a_build_with_a_recipe_stays_open_until_it_is_followed(
    app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome, _warnings = _make(app, tmp_path, monkeypatch, recipe="r", places={"static.paths": ["made"]})
    assert outcome["changed"]
    assert not Path(outcome["path"]).exists()
    assert Path(f"{outcome['path']}-open/app.py").is_file()


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_a_place_that_the_build_lacks_is_refused_in_a_check_run_as_in_a_run(
    app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, check: bool
) -> None:
    monkeypatch.setattr(maker, "_SCRATCH", str(_make_scratch(tmp_path)))
    lacking: dict[str, Any] = {"places": {"static.paths": ["dist"]}, "reasons": {"dist": "git ignores it"}}
    with pytest.raises(UserError, match=r"`static\.paths` names 'dist', which the source does not have: git ignores it, so"):
        _make(app, tmp_path, monkeypatch, check=check, **lacking)


def test_a_database_that_is_not_shared_is_warned_of(app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maker, "find_databases", lambda _build: ["app.db"])
    _outcome, warnings = _make(app, tmp_path, monkeypatch)
    assert len(warnings) == 1
    assert warnings[0].startswith("shop: the source has a SQLite database, app.db, which is read-only there")


@pytest.mark.parametrize("recipe", ["", "r"], ids=["whole", "open"])
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_what_a_procfile_says_is_handed_on_when_the_build_is_made_and_later(
    app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, *, check: bool
) -> None:
    monkeypatch.setattr(maker, "_SCRATCH", str(_make_scratch(tmp_path)))
    packed = _pack(tmp_path, "web: a\nworker: b\nfoo")
    for _run in range(2):
        outcome, _warnings = _make(app, tmp_path, monkeypatch, packed, check=check, recipe=recipe)
        assert outcome["procfile"]["lines"] == [[1, "web", "a"], [2, "worker", "b"]]
        assert outcome["procfile"]["problems"][0].startswith("line 3 is `foo`")


@pytest.mark.parametrize("recipe", ["", "r"], ids=["whole", "open"])
@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
@pytest.mark.parametrize(
    ("procfile", "problem"), [("worker: b\nfoo", "line 2 is `foo`"), ("", "there is no file with that very name at its top, Procfile")]
)
def test_processes_that_the_source_cannot_give_are_refused_in_a_check_run_as_in_a_run(
    app: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, procfile: str, problem: str, *, check: bool
) -> None:
    monkeypatch.setattr(maker, "_SCRATCH", str(_make_scratch(tmp_path)))
    with pytest.raises(UserError, match=problem):
        _make(app, tmp_path, monkeypatch, _pack(tmp_path, procfile), check=check, recipe=recipe, places={"processes": ["Procfile"]})
