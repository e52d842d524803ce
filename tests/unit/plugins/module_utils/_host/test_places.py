from __future__ import annotations

import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils import _layout as layout_module
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import files, places
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER
from ansible_collections.webstack.flask.plugins.module_utils._host.places import (
    ensure_places,
    find_data,
    find_unseen,
    format_places,
)
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

NAME = "unit-shop"
APP = 61001


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppLayout:
    """Return an app that has its directories, and an account of which only this test knows."""
    user = pwd.struct_passwd((NAME, "x", APP, APP, "", "", ""))
    monkeypatch.setattr(places, "find_user", lambda name: user if name == NAME else None)
    monkeypatch.setattr(places, "_HIDDEN", {"/home": "ProtectHome"})
    monkeypatch.setattr(layout_module, "UNIT_ROOT", tmp_path / "units")
    (tmp_path / "units").mkdir()
    closed = files._require_closed  # noqa: SLF001
    monkeypatch.setattr(files, "_require_closed", lambda place, *more: None if place == Path("/tmp") else closed(place, *more))  # noqa: S108
    layout = AppLayout(NAME, tmp_path / "www" / NAME)
    for path in (layout.releases, layout.builds, layout.environments, layout.shared):
        path.mkdir(parents=True)
    os.chown(layout.shared, APP, APP)
    return layout


def link_shared(layout: AppLayout, target: Path | str) -> None:
    subprocess.run(["rm", "-rf", layout.shared], check=True)
    layout.shared.symlink_to(target)


def own(path: Path) -> Path:
    path.mkdir(parents=True)
    os.chown(path, APP, APP)
    return path


def test_data_may_lie_on_another_disk_there_already_or_not_by_a_chain_of_links(layout: AppLayout, tmp_path: Path) -> None:
    assert find_data(layout) == layout.shared
    link_shared(layout, tmp_path / "disk" / "data")
    assert find_data(layout) == tmp_path / "disk" / "data"
    own(tmp_path / "disk" / "data")
    (tmp_path / "way").symlink_to("disk")
    link_shared(layout, tmp_path / "way" / "data")
    assert find_data(layout) == tmp_path / "disk" / "data"


@pytest.mark.parametrize("place", ["/etc", "/etc/none", "/usr/lib/x", "/var/lib", "/", "/home/bob/data", "/srv"])
def test_the_systems_and_other_apps_places_are_never_given_to_an_app(layout: AppLayout, place: str) -> None:
    link_shared(layout, place)
    with pytest.raises(UserError, match=rf"shared is a link to {place}, and .* `ln -sfn /srv/{NAME} {layout.shared}`"):
        find_data(layout)


def test_what_is_anothers_or_a_release_is_not_given_to_an_app(layout: AppLayout, tmp_path: Path) -> None:
    (tmp_path / "www" / "blog" / "shared").mkdir(parents=True)
    (tmp_path / "www" / "blog" / MARKER).write_text("blog\n", encoding="ascii")
    (tmp_path / "mixed" / "theirs").mkdir(parents=True)
    os.chown(tmp_path / "mixed" / "theirs", 65000, 65000)
    (tmp_path / "file").touch()
    for place, words in (
        (tmp_path / "www" / "blog" / "shared", "another app's"),
        (layout.releases, "where the collection keeps what it makes"),
        (tmp_path / "mixed", "belongs to somebody else, the user with the number 65000"),
        (tmp_path / "mixed" / "theirs", "belongs to somebody else"),
        (tmp_path / "file", "no directory"),
    ):
        link_shared(layout, place)
        with pytest.raises(UserError, match=words):
            find_data(layout)


def test_units_wait_for_every_place_and_write_where_the_apps_links_lead(layout: AppLayout, tmp_path: Path) -> None:
    up, odd, theirs = own(tmp_path / "disk" / "up"), own(tmp_path / 'a "b" 50%'), tmp_path / "theirs"
    theirs.mkdir()
    for name, target in (("instance", up), ("odd", odd), ("theirs", theirs), ("gone", tmp_path / "gone"), ("etc", Path("/etc"))):
        (layout.shared / name).symlink_to(target)
    (layout.shared / "pkg").mkdir()
    (layout.shared / "pkg" / "uploads").symlink_to(up)
    text = format_places(layout, ["pkg/uploads", "data/app.db"])
    lines = text.splitlines()
    assert "RequiresMountsFor=/etc" in lines  # the link is root's
    os.chown(layout.shared / "etc", APP, APP, follow_symlinks=False)
    assert "RequiresMountsFor=/etc\n" not in format_places(layout, [])
    for path in (layout.shared, layout.releases, layout.builds, layout.environments, up, layout.shared / "data" / "app.db"):
        assert f"RequiresMountsFor={path}" in lines
    quoted = f'"{tmp_path}/a \\"b\\" 50%%"'
    assert [line for line in lines if line.startswith("ReadWritePaths")] == sorted(
        [f"ReadWritePaths=-{up}", f"ReadWritePaths=-{quoted}"], key=lambda line: line.replace('"/', "/")
    )
    assert ensure_places(layout, ["pkg/uploads"], check=True)
    assert not layout.places.exists()
    assert ensure_places(layout, ["pkg/uploads"], check=False)
    assert not ensure_places(layout, ["pkg/uploads"], check=False)
    assert f'{tmp_path}/a "b" 50%' in places._read_places(layout.places.read_text(encoding="utf-8"))[1]  # noqa: SLF001


def test_a_file_behind_a_link_is_reached_with_what_lies_beside_it(layout: AppLayout, tmp_path: Path) -> None:
    database = own(tmp_path / "db") / "app.db"
    database.touch()
    os.chown(database, APP, APP)
    (layout.shared / "app.db").symlink_to(database)
    assert f"ReadWritePaths=-{database.parent}\n" in format_places(layout, ["app.db"])


def test_units_wait_for_what_a_link_in_the_place_of_shared_leads_to(layout: AppLayout, tmp_path: Path) -> None:
    link_shared(layout, own(tmp_path / "disk" / "data"))
    assert f"RequiresMountsFor={tmp_path}/disk/data\n" in format_places(layout, [])


def test_an_app_cannot_open_anything_to_itself_by_a_link(layout: AppLayout, tmp_path: Path) -> None:
    (tmp_path / "www" / "blog" / "shared").mkdir(parents=True)
    (tmp_path / "www" / "blog" / MARKER).write_text("blog\n", encoding="ascii")
    own(tmp_path / "www" / "blog" / "shared" / "mine")
    for number, target in enumerate(
        (Path("/etc"), Path("/proc/self/root"), Path("/"), tmp_path / "www" / "blog" / "shared" / "mine", layout.releases)
    ):
        (layout.shared / str(number)).symlink_to(target)
    (layout.shared / "name\nReadWritePaths=").symlink_to("/etc")
    assert "ReadWritePaths" not in format_places(layout, [])


@pytest.fixture
def process(layout: AppLayout) -> Iterator[int]:
    """Return a process with a view of the file systems of its own, as an app's service has it."""
    layout.places.parent.mkdir()
    layout.places.write_text(format_places(layout, ["instance"]), encoding="utf-8")
    script = f"mount --bind {layout.shared} {layout.shared} && exec sleep 100"
    child = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script])
    while Path(f"/proc/{child.pid}/comm").read_text(encoding="ascii") != "sleep\n":
        time.sleep(0.01)
    yield child.pid
    child.kill()
    child.wait()


def test_a_process_that_looks_below_a_volume_that_came_late_is_noticed(layout: AppLayout, process: int) -> None:
    assert find_unseen(layout, process) == []
    subprocess.run(["mount", "-t", "tmpfs", "none", layout.shared], check=True)
    try:
        assert find_unseen(layout, process) == [str(layout.shared)]
    finally:
        subprocess.run(["umount", layout.shared], check=True)
    assert find_unseen(layout, process) == []
    assert find_unseen(layout, 4194999) == []


def test_a_process_that_may_not_write_where_a_new_link_leads_is_noticed_once(layout: AppLayout, tmp_path: Path) -> None:
    up = own(tmp_path / "disk" / "up")
    (layout.shared / "instance").symlink_to(up)
    script = f"mount --bind {up} {up} && mount -o remount,bind,ro {up} && exec sleep 100"
    with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script]) as child:
        while Path(f"/proc/{child.pid}/comm").read_text(encoding="ascii") != "sleep\n":
            time.sleep(0.01)
        ensure_places(layout, ["instance"], check=False)
        found = []
        for age in (-3600, 3600):  # the unit file is older than the process, or newer
            os.utime(layout.places, (time.time() + age, time.time() + age))
            found.append(find_unseen(layout, child.pid))
        child.kill()
    assert found == [[], [str(up)]]


def test_what_an_app_sees_otherwise_by_its_own_unit_is_no_difference(layout: AppLayout, tmp_path: Path) -> None:
    (layout.shared / "instance").mkdir()
    ensure_places(layout, ["instance"], check=False)
    script = f"mount --bind {tmp_path} {layout.shared}/instance && exec sleep 100"
    with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script]) as child:
        while Path(f"/proc/{child.pid}/comm").read_text(encoding="ascii") != "sleep\n":
            time.sleep(0.01)
        found = find_unseen(layout, child.pid)
        child.kill()
    assert found == []
