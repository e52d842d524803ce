from __future__ import annotations

import os
import pwd
import re
import resource
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import pytest
from ansible_collections.webstack.flask.plugins.module_utils import _layout as layout_module
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import files, ownership, places, trees
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import measure
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Moved, set_aside
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release import remains
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.removal import (
    find_parts,
    find_refusals,
    find_remains,
    remove,
    remove_app,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox, systemctl

NAME = "unit-shop"
APP, BUILDER = 61001, 61002
DEPTH = 6000
CUT_OFF = 99

_POINTS = ("set_access", "_chown", "back_up", "_archive", "sync_directory", "_remove", "_delete", "_remove_root", "remove_account", "rmdir")
"""Functions before which something has been changed. What is between two of them is one system call, or one program."""


class Usage(NamedTuple):
    free: int


@dataclass
class Host:
    """A host with an app, but for what of it only systemd and the list of accounts know: that is written down as files and events."""

    place: Path
    layout: AppLayout
    events: list[str] = field(default_factory=list)
    untouched: bool = False
    """Whether all files were there when the last process ended."""

    @property
    def accounts(self) -> Path:
        return self.place / "accounts"

    @property
    def backups(self) -> Path:
        return self.place / "backups"

    def find_user(self, name: str) -> pwd.struct_passwd | None:
        path = self.accounts / name
        if not path.exists():
            return None
        uid, comment = path.read_text(encoding="utf-8").split(" ", 1)
        return pwd.struct_passwd((name, "x", int(uid), int(uid), comment, str(self.layout.shared), "/usr/sbin/nologin"))

    def remove_account(self, name: str, _comment: str) -> bool:
        self.events.append(f"account {name}")
        (self.accounts / name).unlink(missing_ok=True)
        return True

    def end_processes(self, uid: int) -> None:
        self.untouched = all(map(os.path.lexists, (self.layout.current, self.layout.service_template, self.layout.cache)))
        self.events.append(f"processes of {uid}")

    def remove(self, *, with_data: bool = False) -> Path | None:
        return remove_app(FakeSwitch(self), remains, with_data=with_data, backups=self.backups)

    def list_archives(self) -> list[Path]:
        return sorted(self.backups.iterdir()) if self.backups.exists() else []


class FakeSwitch(Switch):
    """A switch whose release runs until it is retired."""

    def __init__(self, host: Host) -> None:
        super().__init__(host.layout, REAL, HealthCheck(), proxy=None, drain_limit=0)
        self.events = host.events

    def retire(self, release: str, *, drain: bool = True) -> None:
        assert drain
        self.events.append(f"retired {release}")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Return a host with an app, its data and its accounts."""
    units = tmp_path / "units"
    monkeypatch.setattr(layout_module, "UNIT_ROOT", units)
    monkeypatch.setattr(layout_module, "CACHE_ROOT", tmp_path / "cache")
    monkeypatch.setattr(layout_module, "LOG_ROOT", tmp_path / "log")
    host = Host(tmp_path, AppLayout(NAME, tmp_path / "www" / NAME))
    for module in (remains, ownership, places):
        monkeypatch.setattr(module, "find_user", host.find_user)
        monkeypatch.setattr(module, "find_account_problems", lambda _name, _comment: [], raising=False)
    monkeypatch.setattr(remains, "find_group", lambda _name: None)
    monkeypatch.setattr(remains, "remove_account", host.remove_account)
    monkeypatch.setattr(remains, "end_processes", host.end_processes)
    monkeypatch.setattr(systemctl, "find_instances", lambda *_templates: [f"{NAME}@r1.service", f"{NAME}@r1.socket"])
    monkeypatch.setattr(sandbox, "end", lambda unit: host.events.append(f"ended {unit}"))
    monkeypatch.setattr(systemctl, "daemon_reload", lambda: host.events.append("reloaded"))
    monkeypatch.setattr(places, "_HIDDEN", {})
    closed = files._require_closed  # noqa: SLF001
    # Others than root may write to the directory of temporary files itself.
    monkeypatch.setattr(files, "_require_closed", lambda place, *more: None if place == Path("/tmp") else closed(place, *more))  # noqa: S108
    install(host)
    yield host
    subprocess.run(["find", tmp_path, "-mindepth", "1", "-delete"], check=True)


def install(host: Host) -> None:
    """Put the app on the host."""
    layout = host.layout
    layout.root.mkdir(parents=True)
    layout.root.chmod(0o711)
    (layout.root / MARKER).write_text(f"{NAME}\n", encoding="utf-8")
    for path in (layout.release("r1"), layout.build("b1"), layout.environment("e1"), layout.cache / "work", layout.shared / "uploads"):
        path.mkdir(parents=True)
        (path / "file").touch()
    layout.maintenance.touch()
    layout.current.symlink_to("releases/r1")
    layout.previous.symlink_to("releases/r1")
    (layout.shared / "uploads" / "photo").write_text("precious", encoding="ascii")
    subprocess.run(["chown", "-R", f"{APP}:{APP}", layout.shared], check=True)
    layout.drop_in("r1").parent.mkdir(parents=True)
    for path in (layout.service_template, layout.socket_template, layout.drop_in("r1")):
        path.write_text("# Written by webstack.flask.\n", encoding="ascii")
    layout.installation_log.parent.mkdir()
    layout.installation_log.touch()
    host.accounts.mkdir()
    (host.accounts / NAME).write_text(f"{APP} {layout.comment}", encoding="utf-8")
    (host.accounts / layout.build_user).write_text(f"{BUILDER} {layout.build_comment}", encoding="utf-8")


def read_archive(path: Path, member: str) -> str:
    return subprocess.run(["tar", "-xzOf", path, member], check=True, capture_output=True, text=True).stdout


def list_tree(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def test_an_app_goes_and_its_data_stay_closed_and_roots(host: Host) -> None:
    assert host.remove() is None
    assert list_tree(host.layout.root) == [MARKER, "shared", "shared/uploads", "shared/uploads/file", "shared/uploads/photo"]
    status = host.layout.shared.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o700)
    assert {path.stat().st_uid for path in host.layout.shared.rglob("*")} == {0}
    assert list_tree(host.place / "units") == []
    assert list_tree(host.place / "cache") == []
    assert list_tree(host.place / "log") == []
    assert host.list_archives() == []
    assert find_remains(host.layout, REAL, remains, with_data=False) == []


def test_all_that_runs_is_ended_first_and_the_accounts_go_last(host: Host) -> None:
    host.remove(with_data=True)
    assert host.untouched
    assert host.events == [
        "retired r1",
        f"ended {NAME}-build.service",
        f"ended {NAME}-release-command.service",
        f"processes of {BUILDER}",
        f"processes of {APP}",
        "reloaded",
        f"account _build-{NAME}",
        f"account {NAME}",
    ]


def test_data_that_go_are_in_an_archive_that_root_alone_can_read(host: Host) -> None:
    archive = host.remove(with_data=True)
    assert archive is not None
    assert host.list_archives() == [archive]
    assert re.fullmatch(rf"{NAME}-\d{{8}}T\d{{6}}Z\.tar\.gz", archive.name)
    assert read_archive(archive, "shared/uploads/photo") == "precious"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert stat.S_IMODE(host.backups.stat().st_mode) == 0o700
    assert not host.layout.root.exists()
    assert find_remains(host.layout, REAL, remains, with_data=True) == []


def test_data_that_were_kept_at_first_can_go_later(host: Host) -> None:
    host.remove()
    assert find_remains(host.layout, REAL, remains, with_data=True) == [str(host.layout.shared)]
    archive = host.remove(with_data=True)
    assert archive is not None
    assert read_archive(archive, "shared/uploads/photo") == "precious"
    assert not host.layout.root.exists()


def test_a_tree_of_any_depth_with_anything_in_it_is_archived_and_removed(host: Host) -> None:
    shared = host.layout.shared
    odd = (b"new\nline\x1b[31m", b"\xff\xfe bad", b"-rf", b"--checkpoint-action=exec=false")
    for name in odd:
        Path(os.fsdecode(os.fsencode(shared) + b"/" + name)).write_text("odd", encoding="ascii")
    os.mkfifo(shared / "fifo")
    (shared / "link").symlink_to("/etc/shadow")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(shared / "socket"))
    with (shared / "sparse").open("wb") as file:
        file.truncate(200 << 30)
    current = os.open(shared, os.O_DIRECTORY)
    for _level in range(DEPTH):
        os.mkdir("d", dir_fd=current)
        inner = os.open("d", os.O_DIRECTORY, dir_fd=current)
        os.close(current)
        current = inner
    os.close(os.open("bottom", os.O_CREAT, dir_fd=current))
    os.close(current)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        archive = host.remove(with_data=True)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert archive is not None
    assert archive.stat().st_size < 10 << 20
    listing = subprocess.run(["tar", "-tzf", archive, "--quoting-style=literal"], check=True, capture_output=True).stdout
    for name in (*odd, b"fifo", b"link", b"sparse", b"d/" * DEPTH + b"bottom"):
        assert b"shared/" + name + b"\n" in listing
    assert b"shared/socket" not in listing
    assert not host.layout.root.exists()


def test_without_room_for_the_archive_nothing_is_changed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list_tree(host.place)
    (host.layout.shared / "big").write_bytes(os.urandom(3 << 20))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(free=2 << 20))
    with pytest.raises(UserError, match=r"shared may need 4 MiB, and .*/backups has 2 MiB of free space; nothing was removed"):
        host.remove(with_data=True)
    assert host.events == []
    (host.layout.shared / "big").unlink()
    assert list_tree(host.place) == before
    assert host.layout.shared.stat().st_uid == APP


def test_a_full_disk_leaves_no_archive_and_all_data(host: Host) -> None:
    (host.layout.shared / "big").write_bytes(os.urandom(3 << 20))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))  # to tar(1), a disk on which no more than this fits
    try:
        with pytest.raises(UserError, match="could not be written, and the data are still there: "):
            host.remove(with_data=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert host.list_archives() == []
    assert (host.layout.shared / "big").stat().st_size == 3 << 20
    assert (host.accounts / NAME).exists()
    assert host.remove(with_data=True)


def test_what_tar_has_to_say_is_bounded_and_harmless(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    (host.place / "bin").mkdir()
    tool = host.place / "bin" / "tar"
    tool.write_text("#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8 9; do printf 'tar: \\033]52;%01000d\\n' 0 >&2; done\nexit 1\n", encoding="ascii")
    tool.chmod(0o755)
    monkeypatch.setattr(os, "defpath", f"{tool.parent}:/usr/bin:/bin")
    with pytest.raises(UserError, match=r"tar: \\x1b\]52;000") as raised:
        host.remove(with_data=True)
    assert len(str(raised.value)) < 2000
    assert host.list_archives() == []


def test_parts_of_archives_that_a_former_run_has_left_go_and_those_of_other_apps_stay(host: Host) -> None:
    host.backups.mkdir()
    kept = [host.backups / name for name in (f".{NAME}-eu-20200101T000000Z.tar.gz", f"{NAME}-20200101T000000Z.tar.gz")]
    for path in (*kept, host.backups / f".{NAME}-20200101T000000Z.tar.gz"):
        path.touch()
    archive = host.remove(with_data=True)
    assert set(host.list_archives()) == {*kept, archive}


def test_an_archive_of_the_same_second_is_not_overwritten(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.backups.mkdir()
    (host.backups / f"{NAME}-20200101T000000Z.tar.gz").write_text("older", encoding="ascii")
    stamps = iter(["20200101T000000Z", "20200101T000000Z", "20200101T000001Z"])
    monkeypatch.setattr(time, "strftime", lambda *_arguments: next(stamps))
    archive = host.remove(with_data=True)
    assert archive == host.backups / f"{NAME}-20200101T000001Z.tar.gz"
    assert (host.backups / f"{NAME}-20200101T000000Z.tar.gz").read_text(encoding="ascii") == "older"


@pytest.mark.parametrize("check", [False, True])
def test_where_others_could_exchange_what_root_deletes_or_the_archive_nothing_is_done(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    check: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(AppLayout, "of", lambda *_arguments: host.layout)  # whose root is a longer one than an app may have
    host.place.chmod(0o777)
    app = {"name": NAME, "root": None, "remove_data": False}
    with pytest.raises(UserError, match="others than root may write there"):
        remove(app, {"backups": "/var/backups/x", "lock_timeout": 0}, REAL, remains, check=check)
    (host.layout.root / MARKER).unlink()
    (host.accounts / NAME).write_text("1000 Bob", encoding="utf-8")
    host.layout.root.chmod(0o755)
    with pytest.raises(UserError, match="others than root may write there"):
        remove({**app, "remove_data": True}, {"backups": str(host.backups), "lock_timeout": 0}, REAL, remains, check=check)
    assert host.events == []


def test_what_somebody_else_has_made_stays(host: Host) -> None:
    (host.layout.root / MARKER).unlink()
    (host.accounts / NAME).write_text("1000 Bob", encoding="utf-8")
    host.layout.root.chmod(0o755)
    host.layout.socket_template.write_text("[Socket]\n", encoding="ascii")
    host.layout.drop_in("r1").write_text("[Service]\n", encoding="ascii")
    before = list_tree(host.layout.root)
    written_by_us = [host.layout.service_template, host.layout.cache, host.layout.installation_log]
    assert find_parts(host.layout, REAL, remains, with_data=True) == written_by_us
    host.remove(with_data=True)
    assert list_tree(host.layout.root) == before
    assert host.layout.shared.stat().st_uid == APP
    assert host.layout.socket_template.exists()
    assert host.layout.drop_in("r1").exists()
    assert host.list_archives() == []


def test_nothing_is_stopped_where_nothing_but_a_cache_is_left(host: Host) -> None:
    """An app `user` that never was must not end the sessions, which are user@1000.service."""
    host.remove(with_data=True)
    host.layout.cache.mkdir()
    host.events.clear()
    host.remove(with_data=True)
    assert host.events == ["reloaded", f"account _build-{NAME}", f"account {NAME}"]
    assert not host.layout.cache.exists()


def test_files_that_nobody_knows_keep_the_directory_and_its_mark(host: Host) -> None:
    (host.layout.root / "notes").touch()
    host.remove(with_data=True)
    assert list_tree(host.layout.root) == [MARKER, "notes"]


def test_a_mounted_place_in_the_data_is_refused_with_nothing_changed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = list_tree(host.layout.root)
    (host.place / "mountinfo").write_text(f"36 35 98:0 / {host.layout.shared}/uploads rw - ext4 x rw\n", encoding="ascii")
    monkeypatch.setattr(trees, "_MOUNTS", host.place / "mountinfo")
    with pytest.raises(UserError, match=f"run `umount {host.layout.shared}/uploads`"):
        host.remove(with_data=True)
    assert host.events == []
    assert list_tree(host.layout.root) == before
    host.remove()


@pytest.mark.parametrize("check", [False, True])
def test_data_behind_a_link_are_archived_and_go_or_stay_as_roots(
    host: Host,
    check: bool,  # noqa: FBT001
) -> None:
    elsewhere = host.place / "elsewhere"
    host.layout.shared.rename(elsewhere)
    host.layout.shared.symlink_to(elsewhere)
    if check:
        assert host.remove() is None
        assert host.layout.shared.readlink() == elsewhere
        assert {path.stat().st_uid for path in (elsewhere, *elsewhere.rglob("*"))} == {0}
        assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    archive = host.remove(with_data=True)
    assert archive is not None
    assert read_archive(archive, "shared/uploads/photo") == "precious"
    assert not os.path.lexists(host.layout.shared)
    assert not elsewhere.exists()
    assert not host.layout.root.exists()


@pytest.mark.parametrize("target", ["/etc", "/usr/share/webstack-none", "other", "missing", "theirs", "circle"])
def test_a_link_that_leads_to_what_is_not_the_apps_is_refused_with_nothing_changed(host: Host, target: str) -> None:
    subprocess.run(["rm", "-r", host.layout.shared], check=True)
    for name in ("other", "theirs"):
        (host.place / name).mkdir()
    (host.place / "other" / MARKER).write_text("other\n", encoding="ascii")
    os.chown(host.place / "theirs", 65000, 65000)
    host.layout.shared.symlink_to(host.layout.shared if target == "circle" else host.place / target)
    before = list_tree(host.place)
    with pytest.raises(UserError, match=r"[Nn]othing was changed"):
        host.remove(with_data=True)
    assert (host.events, list_tree(host.place)) == ([], before)


@pytest.mark.parametrize("kind", ["directory", "file", "chain"])
def test_a_link_within_the_data_is_refused_before_an_archive_or_what_it_leads_to_is_given_to_root(
    host: Host, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = host.place / "disk"
    disk.mkdir()
    if kind == "file":
        (disk / "up").touch()
    else:
        (disk / "up" / "deep").mkdir(parents=True)
    subprocess.run(["chown", "-R", f"{APP}:{APP}", disk / "up"], check=True)
    (disk / "way").symlink_to("up")
    (host.layout.shared / "uploads" / "link").symlink_to(disk / ("way" if kind == "chain" else "up"))
    (host.layout.shared / "passwd").symlink_to("/etc/passwd")
    (host.layout.shared / "dangling").symlink_to("/nowhere")
    before = list_tree(host.place)
    monkeypatch.setattr(AppLayout, "of", lambda *_arguments: host.layout)  # whose root is a longer one than an app may have
    app = {"name": NAME, "root": None, "remove_data": True}
    assert f"uploads/link leads to {disk}/up" in find_refusals([app], host.backups, REAL, remains)[0]
    assert find_refusals([{**app, "remove_data": False}], host.backups, REAL, remains) == []
    with pytest.raises(UserError, match=f"uploads/link leads to {disk}/up") as raised:
        host.remove(with_data=True)
    assert "passwd" not in str(raised.value)
    assert (host.events, list_tree(host.place)) == ([], before)
    host.remove()
    assert {path.stat().st_uid for path in disk.rglob("*")} == {0}
    assert host.remove(with_data=True)


@pytest.fixture
def mount(host: Host) -> Iterator[Callable[[Path, Path | None], None]]:
    """Return a function that mounts a disk in memory, or another directory, and takes what was in a place there along."""
    mounted: list[Path] = []

    def mount_at(place: Path, source: Path | None) -> None:
        kept = host.place / f"kept{len(mounted)}"
        subprocess.run(["cp", "-a", place, kept], check=True)
        if source:
            source.mkdir()
        what = ["--bind", source] if source else ["-t", "tmpfs", "none"]
        subprocess.run(["mount", *what, place], check=True)
        mounted.append(place)
        subprocess.run(["cp", "-a", f"{kept}/.", place], check=True)

    yield mount_at
    for place in reversed(mounted):
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("source", [None, "bound"])
def test_data_on_a_disk_are_archived_and_the_disk_is_left_empty_and_roots(
    host: Host, mount: Callable[[Path, Path | None], None], source: str | None
) -> None:
    mount(host.layout.shared, host.place / source if source else None)
    (host.layout.shared / "lost+found").mkdir()
    archive = host.remove(with_data=True)
    assert archive is not None
    assert read_archive(archive, "shared/uploads/photo") == "precious"
    assert list_tree(host.layout.shared) == ["lost+found"]
    status = host.layout.shared.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o700)
    assert find_remains(host.layout, REAL, remains, with_data=True) == []
    assert host.list_archives() == [archive]


def fail_to_delete(path: Path) -> None:
    raise UserError(f"{path} is busy")


def test_a_removal_from_a_disk_that_was_cut_off_is_finished_without_another_archive(
    host: Host, mount: Callable[[Path, Path | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mount(host.layout.shared, None)
    with monkeypatch.context() as patch:
        patch.setattr(trees, "_delete", fail_to_delete)
        with pytest.raises(UserError, match="busy"):
            host.remove(with_data=True)
    assert len(host.list_archives()) == 1
    assert host.remove(with_data=True) is None
    assert list_tree(host.layout.shared) == []
    assert len(host.list_archives()) == 1
    assert find_remains(host.layout, REAL, remains, with_data=True) == []


@pytest.mark.parametrize("place", ["shared/uploads", "releases", "builds", "environments"])
def test_a_disk_within_what_goes_is_refused_before_anything_is_touched(
    host: Host, mount: Callable[[Path, Path | None], None], place: str
) -> None:
    mount(host.layout.root / place, None)
    before = list_tree(host.place)
    with pytest.raises(UserError, match=f"`umount {host.layout.root}/{place}`"):
        host.remove(with_data=True)
    assert (host.events, list_tree(host.place)) == ([], before)


def test_others_files_on_a_disk_within_the_data_stay_theirs(host: Host, mount: Callable[[Path, Path | None], None]) -> None:
    mount(host.layout.shared / "uploads", host.place / "bound")
    (host.place / "bound" / "theirs").touch()
    os.chown(host.place / "bound" / "theirs", 65000, 65000)
    host.remove()
    assert (host.place / "bound" / "theirs").stat().st_uid == 65000
    assert (host.place / "bound" / "photo").stat().st_uid == 0


@pytest.mark.parametrize("with_data", [False, True])
def test_an_apps_directory_that_is_a_disk_stays_and_the_app_goes(
    host: Host,
    mount: Callable[[Path, Path | None], None],
    with_data: bool,  # noqa: FBT001
) -> None:
    mount(host.layout.root, None)
    host.remove(with_data=with_data)
    assert list_tree(host.layout.root) == (
        [] if with_data else [MARKER, "shared", "shared/uploads", "shared/uploads/file", "shared/uploads/photo"]
    )
    assert host.events[-1] == f"account {NAME}"
    assert find_remains(host.layout, REAL, remains, with_data=with_data) == []


@pytest.mark.parametrize("name", ["releases", "builds", "environments"])
def test_code_behind_a_link_is_not_left_behind_in_silence(host: Host, name: str) -> None:
    place, moved = host.layout.root / name, host.place / "moved"
    place.rename(moved)
    place.symlink_to(moved)
    with pytest.raises(UserError, match=f"Delete both by hand .`rm -r {moved} {place}`"):
        host.remove()
    assert host.events == []


def test_an_app_that_moves_its_directories_about_is_removed_all_the_same(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure_when_it_has_ended(tree: Path) -> int:
        if not host.events:
            raise Moved("it still runs")
        return measure(tree)

    monkeypatch.setattr(remains, "measure", measure_when_it_has_ended)
    assert host.remove(with_data=True)
    assert not host.layout.root.exists()


def test_data_whose_removal_was_cut_off_go_though_others_have_come_in_their_place_which_stay(host: Host) -> None:
    set_aside(host.layout.shared).mkdir()
    assert find_remains(host.layout, REAL, remains, with_data=False)[-3] == str(set_aside(host.layout.shared))
    host.remove()
    assert not set_aside(host.layout.shared).exists()
    assert (host.layout.shared / "uploads" / "photo").exists()


@pytest.mark.parametrize("with_data", [False, True])
def test_a_run_that_is_killed_anywhere_loses_no_data_and_is_finished_by_the_next(
    host: Host,
    monkeypatch: pytest.MonkeyPatch,
    with_data: bool,  # noqa: FBT001
) -> None:
    shared, point, ends = host.layout.shared, 0, False
    # Nobody wants to wait for the next second before each archive.
    monkeypatch.setattr(time, "strftime", lambda *_arguments: f"{os.getpid():08d}T{point:06d}Z")
    while not ends:
        point += 1
        ends = not _killed_at(point, host, with_data=with_data)
        archives = [path for path in host.list_archives() if not path.name.startswith(".")]
        kept = (shared / "uploads" / "photo").exists() or any(read_archive(path, "shared/uploads/photo") == "precious" for path in archives)
        assert kept, f"data are lost at point {point}"
        if not ends:
            assert find_remains(host.layout, REAL, remains, with_data=with_data), (
                f"there is nothing to do after being killed at point {point}"
            )
            host.remove(with_data=with_data)
        assert find_remains(host.layout, REAL, remains, with_data=with_data) == []
        assert host.layout.root.exists() != with_data
        assert not [path for path in host.list_archives() if path.name.startswith(".")]
        assert not with_data or host.list_archives()
        subprocess.run(["find", host.place, "-mindepth", "1", "-delete"], check=True)
        install(host)
    assert point > 20


def _killed_at(point: int, host: Host, *, with_data: bool) -> bool:
    """Remove the app in a process of its own that is killed at the n-th call of a function; return whether it got that far."""
    child = os.fork()
    if child == 0:
        left = point

        def count(frame: FrameType, event: str, _argument: object) -> None:
            nonlocal left
            if event == "call" and frame.f_code.co_name in _POINTS:
                left -= 1
                if left == 0:
                    os._exit(CUT_OFF)

        sys.setprofile(count)
        try:
            host.remove(with_data=with_data)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == CUT_OFF
