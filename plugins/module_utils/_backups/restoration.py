# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore a backup beside what an app has, or into its own places where these are empty. Nothing is ever written over."""

from __future__ import annotations

import os
import pwd
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.contents import (
    ABOUT,
    DUMP,
    ELSEWHERE,
    SHARED,
    open_dumps,
    put_copies,
    read_about,
    shape_of,
)
from ansible_collections.webstack.flask.plugins.module_utils._backups.repository import Repository, Snapshot
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import Settings
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import show_size, show_time
from ansible_collections.webstack.flask.plugins.module_utils._backups.verification import restore_tree
from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import name_beside
from ansible_collections.webstack.flask.plugins.module_utils._databases.present import find_present
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Shape
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, read_link, read_text, set_access
from ansible_collections.webstack.flask.plugins.module_utils._host.places import find_data
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Step, open_directory, remove_tree, walk

PARTS = ("database", "files")


def describe_backups(snapshots: Sequence[Snapshot], state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what is known of each backup, the newest first: times in seconds since the epoch, None where this host does not know."""
    known = state.get("snapshots", {})
    return [
        {
            "backup": snapshot.short,
            "at": snapshot.at,
            "bytes": known.get(snapshot.short, {}).get("bytes"),
            "verified": known.get(snapshot.short, {}).get("verified"),
            "host": snapshot.host,
        }
        for snapshot in reversed(snapshots)
    ]


def list_backups(snapshots: Sequence[Snapshot], state: Mapping[str, Any], host: str) -> list[str]:
    """Return a line for each backup, the newest first."""
    lines = []
    for known in describe_backups(snapshots, state):
        size = show_size(known["bytes"]) if known["bytes"] is not None else "size not known here"
        verified = f"restored to try it at {show_time(known['verified'])}" if known["verified"] else "not tried"
        where = "" if known["host"] == host else f", from the host {known['host']}"
        lines.append(f"{known['backup']}  {show_time(known['at'])}  {size}, {verified}{where}")
    return lines


def restore(
    settings: Settings, repository: Repository, snapshot: Snapshot, parts: Sequence[str], say: Callable[[str], object]
) -> dict[str, str]:
    """Restore parts of a backup; return where they are. Raise UserError, with nothing left behind, where that fails."""
    layout, user = settings.layout, find_user(settings.name)
    if user is None or user.pw_gecos != layout.comment:
        raise UserError(f"the host has no user {settings.name} that runs the app; run site.yml, which makes it, and then this")
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    # On the disk of the app, where it stays; nobody but root comes in before it is the app's.
    place = layout.restored / stamp
    ensure_directory(layout.restored, Access(0, 0, 0o711))
    _remove_unfinished(layout.restored)
    ensure_directory(place, Access(0, 0, 0o700))
    found: dict[str, str] = {}
    try:
        restored = restore_tree(settings, repository, snapshot, place)
        about = read_about(read_text(restored / ABOUT) or "", settings.name)
        say(f"{snapshot.short} of {show_time(snapshot.at)} was read")
        put_copies(restored, about)
        shape = shape_of(about)
        data = find_data(layout)
        is_new = "files" not in parts or (data.is_dir() and not holds_files(data))
        if "database" in parts and shape:
            found["database"] = _restore_database(settings, restored / DUMP, shape, stamp, is_new=is_new)
            is_new = found["database"] == settings.name
            say(f"its database is {found['database']}")
        if "files" in parts:
            found["files"] = _restore_files(restored, place, data, user, is_new=is_new)
            say(f"its files are in {found['files']}")
            if about["elsewhere"]:
                os.rename(restored / ELSEWHERE, place / ELSEWHERE)
                _give(place / ELSEWHERE, user)
                found["elsewhere"] = str(place / ELSEWHERE)
                links = ", ".join(f"{number} is {each['target']}" for number, each in enumerate(about["elsewhere"]))
                say(f"what links among its files led to is in {found['elsewhere']}: {links}")
    except BaseException:
        remove_tree(place)
        raise
    remove_tree(restored)
    if not os.listdir(place):
        place.rmdir()
    else:
        with open_directory(place) as descriptor:
            set_access(descriptor, Access(0, 0, 0o711))
    return found


def describe_switch(settings: Settings, found: Mapping[str, str]) -> list[str]:
    """Return the commands by which what was restored takes the place of what the app has, which is kept."""
    name, layout = settings.name, settings.layout
    database = found.get("database") if found.get("database") != name else None
    files = found.get("files") if found.get("files") != str(find_data(layout)) else None
    if not database and not files:
        return [f"it is in the app's own places, which had nothing that is not in the backup; {name} was started anew"]
    lines = ["to look at it, on the host:"]
    lines += [f"  sudo -u postgres psql {database}"] if database else []
    lines += [f"  sudo diff -rq {find_data(layout)} {files}"] if files else []
    if database:
        release = Path(read_link(layout.current) or "RELEASE").name
        lines += ["to take users to the restored database, while the one that they have is kept:"]
        lines += [f"  ansible-playbook … rollback.yml -e flask_app={name} -e flask_release={release} -e flask_data={database}"]
    if files:
        units = f"'{name}@*.service' '{name}@*.socket' '{name}.*.service'"
        lines += ["to give the app the restored files, and to keep those that it has had, on the host, and as root:"]
        lines += [f"  systemctl stop {units} && cd {Path(files).parent}"]
        lines += [f"  mkdir before && mv {find_data(layout)}/* before/ && mv {files}/* {find_data(layout)}/"]
        lines += ["  and then start it again: site.yml"]
    return lines


def _restore_database(settings: Settings, dump: Path, shape: Shape, stamp: str, *, is_new: bool) -> str:
    """Restore a database beside the app's own, and return its name.

    Where the app is new on this host, and its own has no row that is not in the backup too, as migrations leave it, the two change places.
    """
    dumps, database = open_dumps(settings), name_beside(settings.name, stamp)
    with dump.open("rb") as file:
        dumps.restore(file, database, shape, timeout=settings.timeout, warn=lambda _words: None)
    has_own = find_present(settings.name) == settings.name and settings.name in dumps.server.list_owned(settings.name)
    if is_new and has_own and dumps.is_within(settings.name, database, timeout=settings.timeout):
        dumps.replace_own(database, name_beside(settings.name, f"before-{stamp}"), warn=lambda _words: None)
        return settings.name
    return database


def _restore_files(restored: Path, place: Path, data: Path, user: pwd.struct_passwd, *, is_new: bool) -> str:
    """Give restored files to the app, whatever its number was where they come from, and put them where they belong if it is new here."""
    _give(restored / SHARED, user)
    if not is_new:
        os.rename(restored / SHARED, place / SHARED)
        return str(place / SHARED)
    with open_directory(data) as descriptor:
        _merge(restored / SHARED, descriptor, user)
    return str(data)


def _merge(source: Path, target: int, user: pwd.struct_passwd) -> None:
    """Move what is in a directory of root's place into one that has no files, by descriptors, since that one is the app's."""
    for name in os.listdir(source):
        path = source / name
        if path.is_dir() and not path.is_symlink():
            try:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=target)
            except FileNotFoundError:
                pass
            else:
                try:
                    _merge(path, inner, user)
                finally:
                    os.close(inner)
                continue
        if _is_in(name, target):
            raise UserError(f"{name} has come into the app's files meanwhile, and is not written over; run again")
        os.rename(path, name, dst_dir_fd=target)


def _is_in(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _remove_unfinished(top: Path) -> None:
    """Delete what a restoration that was cut off has left: until it is complete, nobody but root may enter."""
    for path in top.iterdir():
        if path.is_dir() and stat.S_IMODE(path.lstat().st_mode) == 0o700:
            remove_tree(path)


def holds_files(top: Path) -> bool:
    """Return whether there is anything in a tree but directories."""
    with open_directory(top) as descriptor, closing(walk(descriptor)) as visits:
        return any(visit.step is Step.ITEM for visit in visits)


def _give(top: Path, user: pwd.struct_passwd) -> None:
    """Give a tree to the app, all of it: it lies where nobody but root comes."""
    for directory, names, files in os.walk(top, topdown=False):
        for name in (*names, *files):
            os.chown(os.path.join(directory, name), user.pw_uid, user.pw_gid, follow_symlinks=False)
    os.chown(top, user.pw_uid, user.pw_gid, follow_symlinks=False)
