"""Places in a build that are links to data which outlives it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._source import shared_data
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import (
    ensure_shared,
    find_link_target,
    link_shared,
    list_unserved,
)


@pytest.mark.parametrize("path", ["instance", "var/log/app.log"])
def test_a_link_leads_from_its_place_in_a_build_to_the_same_place_in_the_shared_directory(tmp_path: Path, path: str) -> None:
    place = tmp_path / "builds/0123" / path
    place.parent.mkdir(parents=True)
    place.symlink_to(find_link_target(path))
    (tmp_path / "shared" / path).mkdir(parents=True)
    assert place.resolve() == tmp_path / "shared" / path


def test_what_the_source_has_there_is_kept_aside_and_the_rest_stays(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var/seed.db").write_text("seed")
    (tmp_path / "app.py").write_text("code")
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance/README").write_text("read me")
    link_shared(tmp_path, ["var/seed.db", "instance", "up/loads"])
    assert (tmp_path / ".shared/var/seed.db").read_text() == "seed"
    assert (tmp_path / ".shared/instance/README").read_text() == "read me"
    assert (tmp_path / "app.py").read_text() == "code"
    links = {str(path.relative_to(tmp_path)): str(path.readlink()) for path in tmp_path.rglob("*") if path.is_symlink()}
    assert links == {
        "instance": "../../shared/instance",
        "up/loads": "../../../shared/up/loads",
        "var/seed.db": "../../../shared/var/seed.db",
    }


def test_a_place_below_a_link_or_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    (tmp_path / "file").write_text("")
    for place in ("alias/data", "file/data"):
        with pytest.raises(UserError, match=r"in the source '(alias|file)' is no directory"):
            link_shared(tmp_path, [place])


@pytest.mark.parametrize("code", ["pkg/__init__.py", "pkg/deep/er/views.py", "pkg/fast.so", "pkg/pyproject.toml", "pkg/setup.cfg"])
def test_a_place_that_holds_code_is_refused_before_anything_is_moved(tmp_path: Path, code: str) -> None:
    (tmp_path / code).parent.mkdir(parents=True)
    (tmp_path / code).write_text("", encoding="utf-8")
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match=rf"`shared` names 'pkg', which is code: the source has {code} there"):
        link_shared(tmp_path, ["data", "pkg"])
    assert not (tmp_path / "data").is_symlink()


def test_a_single_file_of_code_is_refused_and_a_directory_of_data_in_a_package_is_not(tmp_path: Path) -> None:
    (tmp_path / "pkg/uploads").mkdir(parents=True)
    (tmp_path / "pkg/app.py").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match=r"names 'pkg/app\.py', which is code: the source has pkg/app\.py there"):
        link_shared(tmp_path, ["pkg/app.py"])
    link_shared(tmp_path, ["pkg/uploads", "pkg/new.db"])
    assert (tmp_path / "pkg/uploads").is_symlink()


@pytest.mark.parametrize("path", [".", "..", "../x", "a/../b", "./a", "a/", "a//b", "/a", ".shared", ".shared/a", ""])
def test_only_plain_paths_are_shared(tmp_path: Path, path: str) -> None:
    with pytest.raises(UserError, match="is not the plain path of a place within the source"):
        link_shared(tmp_path, [path])
    assert list(tmp_path.iterdir()) == []


def test_a_place_within_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'a/b', which is within 'a'"):
        link_shared(tmp_path, ["a", "a/b"])


@pytest.mark.parametrize("target", ["data", "none"])
def test_a_link_in_the_source_is_refused_with_the_place_to_which_it_leads(tmp_path: Path, target: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "uploads").symlink_to(target)
    with pytest.raises(UserError, match=f"'uploads', which is a link to '{target}' in the source; name the place"):
        link_shared(tmp_path, ["uploads"])


def test_what_a_new_build_has_otherwise_in_a_shared_place_is_told(tmp_path: Path) -> None:
    for name, texts in {
        "old": {"a.html": "1", "b.html": "1"},
        "new": {"a.html": "2", "b.html": "1", "c.html": "1", ".gitkeep": ""},
    }.items():
        (tmp_path / name / "pages").mkdir(parents=True)
        for file, text in texts.items():
            (tmp_path / name / "pages" / file).write_text(text, encoding="utf-8")
    link_shared(tmp_path / "new", ["pages"])
    assert list_unserved(tmp_path / "old", tmp_path / "new", ["pages"]) == [], "it was not shared before"
    link_shared(tmp_path / "old", ["pages"])
    assert list_unserved(tmp_path / "old", tmp_path / "new", ["pages"]) == ["pages/a.html", "pages/c.html"]


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppLayout:
    """An app whose user is nobody, with an empty shared directory."""
    monkeypatch.setattr(shared_data, "find_user", lambda _name: pwd.getpwnam("nobody"))
    monkeypatch.setattr(shared_data, "find_group", lambda _name: pwd.getpwnam("nobody").pw_gid)
    layout = AppLayout.of("shop", str(tmp_path / "shop"))
    layout.shared.mkdir(parents=True)
    os.chown(layout.shared, pwd.getpwnam("nobody").pw_uid, -1)
    for folder in (tmp_path, *tmp_path.parents[:-2], layout.root):
        folder.chmod(folder.stat().st_mode | 0o011)
    return layout


def _give_way(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Let another program be called in the place of mkdir."""
    program = folder / "bin/mkdir"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    program.parent.chmod(0o755)
    monkeypatch.setattr(shared_data, "_ENVIRONMENT", {"PATH": f"{program.parent}:/usr/bin:/bin"})
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def _ensure(layout: AppLayout, tmp_path: Path) -> bool:
    return ensure_shared(layout, tmp_path / "build", ["data"], [], check=False)


def test_what_is_made_is_the_app_s(layout: AppLayout, tmp_path: Path) -> None:
    assert _ensure(layout, tmp_path)
    assert (layout.shared / "data").owner() == "nobody"
    assert not _ensure(layout, tmp_path)


def test_a_command_that_does_not_end_in_the_app_s_tree_is_ended(layout: AppLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_data, "_TIMEOUT", 0.3)
    _give_way(monkeypatch, tmp_path, "sleep 30")
    with pytest.raises(UserError, match=r"the shared data of shop could not be made: `mkdir` took more than 0\.3 s"):
        _ensure(layout, tmp_path)


def test_no_more_of_what_fails_is_told_than_a_message_can_use(layout: AppLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _give_way(monkeypatch, tmp_path, "yes no | head -n 100000 >&2; exit 1")
    with pytest.raises(UserError) as caught:
        _ensure(layout, tmp_path)
    assert len(str(caught.value)) < 2100


def test_nothing_of_root_s_environment_is_shown_to_the_app(layout: AppLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    _give_way(monkeypatch, tmp_path, f'echo "user $(id -un), secret $SECRET, umask $(umask)" > {layout.shared}/said')
    _ensure(layout, tmp_path)
    assert (layout.shared / "said").read_text(encoding="utf-8") == "user nobody, secret , umask 0027\n"
