"""What was on the host before is neither taken over nor deleted; what is an app's is known as its own."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils import _layout as layout_module
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import ownership
from ansible_collections.webstack.flask.plugins.module_utils._host.app_root import ensure_root
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import (
    MARKER,
    find_obstacles,
    is_ours,
    require_no_obstacles,
)
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

NAME = "webstackshop"


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    ownership._list_names.cache_clear()  # noqa: SLF001 - a test is a run of its own


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppLayout:
    # Whether the way to it is closed is found out of real directories elsewhere; that to a temporary one never is.
    monkeypatch.setattr(ownership, "require_closed_way", lambda _path: None)
    return AppLayout.of(NAME, str(tmp_path / "www"))


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of others' units."""
    monkeypatch.setattr(ownership, "_UNITS_ELSEWHERE", (str(tmp_path / "units"),))
    (tmp_path / "units").mkdir()
    return tmp_path / "units"


def test_where_nothing_is_there_is_no_obstacle(layout: AppLayout) -> None:
    assert find_obstacles(layout) == []


def test_an_empty_directory_of_root_s_is_taken(layout: AppLayout) -> None:
    layout.root.mkdir()
    assert find_obstacles(layout) == []


def test_a_directory_of_root_s_with_builds_that_were_put_there_for_a_role_is_taken(layout: AppLayout) -> None:
    layout.build("one").mkdir(parents=True)
    assert find_obstacles(layout) == []
    layout.releases.mkdir()
    assert len(find_obstacles(layout)) == 1


@pytest.mark.parametrize("content", [".git", "releases/20260101T000000Z/app.py", "shared/uploads/photo.jpg", "index.html"])
def test_a_directory_that_somebody_else_has_made_is_refused_and_it_is_said_how_to_take_it_over(layout: AppLayout, content: str) -> None:
    (layout.root / content).parent.mkdir(parents=True)
    (layout.root / content).touch()
    with pytest.raises(UserError, match="is not this app's: somebody else, or another tool, has made it"):
        ensure_root(layout)
    assert not (layout.root / MARKER).exists()
    (advice,) = find_obstacles(layout)
    os.system(advice.partition("lies in it: `")[2].rstrip("`"))  # noqa: S605 - just what a person would type
    assert find_obstacles(layout) == []


def test_an_empty_directory_of_somebody_else_s_is_refused(layout: AppLayout) -> None:
    layout.root.mkdir()
    os.chown(layout.root, 1234, 1234)
    assert len(find_obstacles(layout)) == 1


def test_a_file_in_the_place_of_the_directory_is_refused(layout: AppLayout) -> None:
    layout.root.touch()
    assert len(find_obstacles(layout)) == 1


def test_a_directory_is_ours_by_its_marker(layout: AppLayout) -> None:
    assert not is_ours(layout)
    assert ensure_root(layout, check=True)
    assert not layout.root.exists()
    assert ensure_root(layout)
    assert not ensure_root(layout)
    assert is_ours(layout)
    (layout.root / "more").touch()
    assert find_obstacles(layout) == []


@pytest.mark.parametrize("forged", ["owner", "name", "link"])
def test_a_marker_that_root_has_not_written_for_this_app_does_not_count(layout: AppLayout, forged: str, tmp_path: Path) -> None:
    layout.root.mkdir()
    marker = layout.root / MARKER
    if forged == "link":
        (tmp_path / "elsewhere").write_text(f"{NAME}\n")
        marker.symlink_to(tmp_path / "elsewhere")
    else:
        marker.write_text("other\n" if forged == "name" else f"{NAME}\n")
    if forged == "owner":
        os.chown(marker, 1234, 1234)
    assert not is_ours(layout)


@pytest.mark.parametrize(("name", "mode"), [("shared", 0o700), ("builds", 0o711), ("environments", 0o711)])
def test_what_former_versions_have_left_is_ours(layout: AppLayout, name: str, mode: int) -> None:
    layout.root.mkdir(mode=0o711)
    layout.root.chmod(0o711)
    (layout.root / name).mkdir()
    (layout.root / name).chmod(mode)
    assert is_ours(layout)
    layout.root.chmod(0o755)
    assert not is_ours(layout), "so do Capistrano and its like"


def test_a_directory_is_ours_by_the_app_s_account(layout: AppLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    (layout.root / "releases").mkdir(parents=True)
    entry = pwd.struct_passwd((NAME, "x", 998, 998, layout.comment, str(layout.shared), "/usr/sbin/nologin"))
    monkeypatch.setattr(ownership, "find_user", lambda _name: entry)
    assert is_ours(layout)


@pytest.mark.parametrize("suffix", ["@.service", "@.socket", "@1.service", "-build.service", "-release-command.service"])
def test_a_unit_of_others_is_not_hidden_by_one_of_ours(layout: AppLayout, units: Path, suffix: str) -> None:
    (units / f"{NAME}{suffix}").touch()
    with pytest.raises(UserError, match=rf"{NAME}{suffix} exists on the host already and is not ours; give the app another name"):
        require_no_obstacles(layout)


def test_a_unit_of_our_own_and_what_an_operator_adds_to_it_are_no_obstacle(
    layout: AppLayout, units: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "UNIT_ROOT", units)
    monkeypatch.setattr(ownership, "_UNITS_ELSEWHERE", ())
    monkeypatch.setattr(layout_module, "UNIT_ROOT", units)
    layout.service_template.write_text("# Written by webstack.flask.\n")
    (units / f"{NAME}@.service.d").mkdir()
    (units / f"{NAME}s@.service").touch()
    assert find_obstacles(layout) == []
    layout.service_template.write_text("[Service]\n")
    assert len(find_obstacles(layout)) == 1


def test_an_app_cannot_be_called_as_a_template_of_systemd_s_own() -> None:
    found = find_obstacles(AppLayout.of("user", "/srv/webstackshop"))
    assert [obstacle for obstacle in found if "/user@.service exists on the host already" in obstacle] != []


def test_files_of_somebody_else_in_the_places_of_a_site_are_an_obstacle_and_our_own_are_none(
    layout: AppLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_SITES", tmp_path)
    file, link = tmp_path / f"sites-available/{NAME}.conf", tmp_path / f"sites-enabled/{NAME}.conf"
    for path in (file, link):
        path.parent.mkdir()
    file.write_text("# webstack.flask.nginx_site\n")
    link.symlink_to(f"../sites-available/{NAME}.conf")
    assert find_obstacles(layout) == []
    link.unlink()
    link.symlink_to("../sites-available/other")
    file.write_text("server {}\n")
    found = find_obstacles(layout)
    assert [problem.partition(" exists already")[0] for problem in found] == [f"{NAME}: {file}", f"{NAME}: {link}"]
