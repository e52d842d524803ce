"""An app's data on a host, whose account is one that every Debian has."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import struct
import subprocess
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import ACCESS_LIST, INHERITED_LIST, has_acl
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import take_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release import home
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import read_spec
from ansible_collections.webstack.flask.plugins.module_utils._source import shared_data
from fakes.runs import describe

NOBODY = pwd.getpwnam("nobody")
_ANY = 0xFFFFFFFF

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="to be other accounts takes root")


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppLayout:
    """An app whose user is nobody, on a host where its root is in place."""
    for module in (home, shared_data):
        monkeypatch.setattr(module, "find_user", lambda _name: NOBODY)
        monkeypatch.setattr(module, "find_group", lambda name: NOBODY.pw_gid if name == "shop" else _find_gid(name))
    monkeypatch.setattr(home, "ensure_root", lambda _layout, check: False)  # noqa: ARG005
    layout = AppLayout.of("shop", str(tmp_path / "shop"))
    layout.root.mkdir()
    for folder in (tmp_path, *tmp_path.parents[:-2], layout.root):
        folder.chmod(folder.stat().st_mode | 0o011)
    return layout


def _find_gid(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _ensure(layout: AppLayout, *public: str, directories: tuple[str, ...] = ("media",), check: bool = False) -> bool:
    """Do as a deploy does with the data of an app."""
    changed = home.ensure_directories(layout, check=check)
    changed |= home.ensure_shared(layout, layout.root / "build", directories, [], check=check)
    return changed | home.ensure_public(layout, layout.root / "build", list(public), "www-data", check=check)


def _write(layout: AppLayout, path: str) -> None:
    subprocess.run(
        ["sh", "-ec", f"echo x > {layout.shared / path}"],
        user=NOBODY.pw_uid,
        group=NOBODY.pw_gid,
        extra_groups=[],
        umask=0o077,
        check=True,
    )


def _may_read(path: Path) -> bool:
    web = pwd.getpwnam("www-data")
    test = subprocess.run(["test", "-r", path], user=web.pw_uid, group=web.pw_gid, extra_groups=[], check=False)
    return test.returncode == 0


def test_a_deploy_makes_it_public_once_and_the_next_one_has_nothing_to_do(layout: AppLayout) -> None:
    assert _ensure(layout, "media", check=True)
    assert _ensure(layout, "media")
    _write(layout, "media/a")
    assert _may_read(layout.shared / "media" / "a")
    assert not _ensure(layout, "media", check=True)
    assert not _ensure(layout, "media")


def test_a_directory_within_a_shared_one_is_made_with_what_the_source_has_there(layout: AppLayout) -> None:
    seed = layout.root / "build" / shared_data.SEEDS / "data" / "media"
    seed.mkdir(parents=True)
    (seed / "logo").write_text("x", encoding="utf-8")
    for path in (layout.root / "build", *(layout.root / "build").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    assert _ensure(layout, "data/media", "data/new", directories=("data",))
    assert _may_read(layout.shared / "data" / "media" / "logo")
    assert (layout.shared / "data" / "new").owner() == "nobody"
    _write(layout, "data/private")
    assert not _may_read(layout.shared / "data" / "private")
    assert not _ensure(layout, "data/media", "data/new", directories=("data",))


def test_what_is_no_longer_public_is_closed_and_the_data_stay_the_app_s(layout: AppLayout) -> None:
    _ensure(layout, "media")
    _write(layout, "media/a")
    assert _ensure(layout, check=True)
    assert _ensure(layout)
    assert not has_acl(layout.shared)
    assert not has_acl(layout.shared / "media")
    assert stat.S_IMODE((layout.shared / "media" / "a").stat().st_mode) == 0o640, "for its own group"
    assert not _ensure(layout)


@pytest.mark.parametrize("public", [["media"], []])
def test_a_removed_app_s_uploads_are_closed_and_when_it_comes_back_it_is_as_the_description_says(
    layout: AppLayout, public: list[str]
) -> None:
    _ensure(layout, "media")
    _write(layout, "media/a")
    take_tree(layout.shared)
    assert not _may_read(layout.shared / "media" / "a")
    _ensure(layout, *public)
    assert _may_read(layout.shared / "media" / "a") == has_acl(layout.shared / "media") == bool(public)
    _write(layout, "media/later")
    assert _may_read(layout.shared / "media" / "later") == bool(public)
    assert not _ensure(layout, *public)


def test_a_group_that_does_not_exist_is_told_where_something_is_public(layout: AppLayout) -> None:
    _ensure(layout)
    with pytest.raises(UserError, match=r"there is no group 'nginx-of-mine' that could read .*/shared/media"):
        home.ensure_public(layout, layout.root / "build", ["media"], "nginx-of-mine", check=False)
    assert not home.ensure_public(layout, layout.root / "build", [], "nginx-of-mine", check=False)


@pytest.mark.parametrize("path", ["media/", "./media", "media2", "medi", "media/../secret", "..", ".", "", "/etc", "app.db"])
def test_what_is_public_is_the_plain_path_of_shared_data(path: str) -> None:
    shared = {"directories": ["media", "up/loads"], "files": ["app.db"]}
    read_spec(describe("b1", shared=shared, public=["media", "up/loads/small"]))
    with pytest.raises(UserError, match=rf"nothing was changed, because `public` names {re.escape(repr(path))}, .*\(media, up/loads\)"):
        read_spec(describe("b1", shared=shared, public=[path]))


@pytest.mark.parametrize("public", [["media"], []])
@pytest.mark.parametrize("kind", [ACCESS_LIST, INHERITED_LIST])
def test_a_list_of_somebody_else_on_the_data_is_taken_off(layout: AppLayout, public: list[str], kind: str) -> None:
    _ensure(layout, *public)
    before = stat.S_IMODE(layout.shared.stat().st_mode)
    foreign = [(1, 7, _ANY), (2, 5, 61003), (4, 5, _ANY), (16, 5, _ANY), (32, 0, _ANY)]
    os.setxattr(layout.shared, kind, struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in foreign))
    assert _ensure(layout, *public, check=True)
    assert _ensure(layout, *public)
    assert has_acl(layout.shared) == bool(public)
    assert b"\x4b\xee" not in b"".join(os.getxattr(layout.shared, name) for name in os.listxattr(layout.shared)), "the number 61003"
    assert stat.S_IMODE(layout.shared.stat().st_mode) == before
    assert not _ensure(layout, *public)
