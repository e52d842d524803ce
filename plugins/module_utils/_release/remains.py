# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an app is no release's: its accounts and what they run, its data, and the archive of them."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import (
    find_account_problems,
    find_group,
    find_user,
    remove_account,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import measure
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, require_closed_way, sync_directory
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import is_ours
from ansible_collections.webstack.flask.plugins.module_utils._host.places import Data, Elsewhere, find_elsewhere
from ansible_collections.webstack.flask.plugins.module_utils._host.places import find_data as find_place_of_data
from ansible_collections.webstack.flask.plugins.module_utils._host.processes import end_processes
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import (
    Moved,
    empty_directory,
    is_mount,
    list_content,
    require_nothing_mounted_in,
    require_unmounted,
    show_path,
    show_words,
    take_tree,
)
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

__all__ = [
    "back_up",
    "empty",
    "end_processes_of",
    "find_accounts",
    "find_data",
    "is_mount",
    "is_ours",
    "remove_account",
    "require_closed_way",
    "require_removable",
    "require_room_for_archive",
    "take_data",
]

_STAMP = "%Y%m%dT%H%M%SZ"
_ANY_STAMP = f"{'[0-9]' * 8}T{'[0-9]' * 6}Z"

_TIMEOUT = 24 * 3600
"""Seconds for an archive."""

_MIB = 1024 * 1024

_MOST_NAMED = 5
"""Paths that are named in a message, where there may be many."""


def find_accounts(layout: AppLayout) -> list[str]:
    """Return the accounts that we have made; where a run was cut off, that is a group alone."""
    return [
        name
        for name, comment in comments_of(layout).items()
        if (find_user(name) or find_group(name) is not None) and not find_account_problems(name, comment)
    ]


def comments_of(layout: AppLayout) -> dict[str, str]:
    """Return the accounts of an app, by name, each with the comment by which it is known as the app's."""
    return {layout.build_user: layout.build_comment, layout.name: layout.comment}


def end_processes_of(name: str) -> None:
    """End whatever an account runs, if it is there."""
    if user := find_user(name):
        end_processes(user.pw_uid)


def find_data(layout: AppLayout) -> Data | None:
    """Return the app's data, None where there are none, not even a directory for them that is ours to remove.

    Raise UserError where a link leads to what is not the app's, or to nothing: its disk may not be mounted.
    """
    place = layout.shared
    if not place.is_symlink():
        if not place.is_dir() or (is_mount(place) and place.lstat().st_uid == 0 and not set(os.listdir(place)) - {"lost+found"}):
            return None
        return Data(place, is_link=False, is_mount=is_mount(place))
    target = Path(os.path.realpath(place))
    if not target.exists():
        raise UserError(
            f"{place} is a link to {target}, which is not there; nothing was changed. If it lies on a disk that is not mounted, mount it. "
            f"If it is gone for good, delete the link: `rm {place}`. Then run again"
        )
    found = find_place_of_data(layout)
    user, status = find_user(layout.name), found.lstat()
    # What an earlier run has kept is root's, and closed.
    if not ((user is not None and status.st_uid == user.pw_uid) or (status.st_uid == 0 and stat.S_IMODE(status.st_mode) == 0o700)):
        raise UserError(
            f"{place} is a link to {target}, which does not belong to the app's account, and is not removed; nothing was changed. Delete "
            f"the link (`rm {place}`), and run again"
        )
    return Data(found, is_link=True, is_mount=is_mount(found))


def require_removable(layout: AppLayout, parts: Sequence[Path], data: Data | None, *, with_data: bool) -> None:
    """Raise UserError where something that is to go is not all that would have to go, or must not go. Nothing is changed."""
    for path in parts:
        if path == layout.shared:
            continue
        if path in (layout.releases, layout.environments, layout.builds, layout.cache) and path.is_symlink():
            target = os.path.realpath(path)
            raise UserError(
                f"{path} is a link to {target}, and what lies elsewhere is not removed; nothing was changed. Delete both by hand "
                f"(`rm -r {target} {path}`), and run again"
            )
        _require(layout, require_unmounted, path)
    if data is None:
        return
    if with_data:
        _require(layout, require_nothing_mounted_in, data.place)
        if elsewhere := _find_elsewhere(layout, data):
            raise UserError(_refuse_elsewhere(layout, elsewhere))
    for each in _find_elsewhere(layout, data):
        require_closed_way(each.target.parent)


def _require(layout: AppLayout, requirement: Callable[[Path], None], path: Path) -> None:
    """Let a requirement of mounts say how to free one that the app's releases keep busy."""
    try:
        requirement(path)
    except UserError as problem:
        units = " ".join(f"'{unit}'" for unit in layout.units("*"))
        raise UserError(f"{problem}. Where it is busy, stop the app before (`systemctl stop {units}`)") from problem


def _find_elsewhere(layout: AppLayout, data: Data) -> list[Elsewhere]:
    user = find_user(layout.name)
    try:
        return find_elsewhere(data.place, user.pw_uid) if user else []
    except Moved:  # an app that moves its directories about must not keep us from removing it
        return []


def _refuse_elsewhere(layout: AppLayout, elsewhere: Sequence[Elsewhere]) -> str:
    shown = [f"{show_path(str(each.link))} leads to {show_path(str(each.target))}" for each in elsewhere[:_MOST_NAMED]]
    more = [f"and {len(elsewhere) - _MOST_NAMED} more do"] if len(elsewhere) > _MOST_NAMED else []
    links = " ".join(show_path(str(each.link)) for each in elsewhere[:_MOST_NAMED])
    targets = " ".join(show_path(str(each.target)) for each in elsewhere[:_MOST_NAMED])
    return (
        f"links in the data of {layout.name} lead to more of its data, which would neither be in the archive nor be removed: "
        f"{', '.join([*shown, *more])}. Nothing was changed. Keep a copy of what you need, give it to root "
        f"(`chown -hR root:root {targets}`) or delete it, delete the links (`rm {links}`), and run again"
    )


def take_data(layout: AppLayout, data: Data) -> None:
    """Give an app's data to root, wherever they lie, closed to everybody else: no later account of this number has them."""
    user = find_user(layout.name)
    elsewhere = _find_elsewhere(layout, data)
    take_tree(data.place, user.pw_uid if user else None)
    for each in elsewhere:
        require_closed_way(each.target.parent)
        if each.target.is_dir():
            take_tree(each.target, user.pw_uid if user else None)
        else:
            os.chown(each.target, 0, 0, follow_symlinks=False)


def empty(data: Data) -> None:
    """Delete data whose place stays: a disk is mounted there, or a link led to it."""
    empty_directory(data.place)


def require_room_for_archive(data: Data, directory: Path) -> None:
    """Raise UserError where an archive of the app's data might not fit into a directory, which need not be there yet."""
    present = next(place for place in (directory, *directory.parents) if place.exists())
    needed, free = measure(data.place), shutil.disk_usage(present).free
    if needed > free:
        raise UserError(
            f"the archive of {data.place} may need {-(-needed // _MIB)} MiB, and {directory} has {free // _MIB} MiB of free space; "
            "nothing was removed. Free some space, or name another directory for archives"
        )


def back_up(layout: AppLayout, data: Data, directory: Path) -> Path | None:
    """Write the app's data to an archive that root alone can read; return its path. Raise UserError if it is not complete, and leave none.

    By tar(1), which takes any depth and any name, and holes as holes. A socket is no data, and is left out. Data whose removal was cut off
    after the archive are not written to another one.
    """
    if data.stays and not list_content(data.place):
        return None
    ensure_directory(directory, Access(0, 0, 0o700))
    for partial in directory.glob(f".{layout.name}-{_ANY_STAMP}.tar.gz"):  # of runs that were cut off
        partial.unlink()
    require_room_for_archive(data, directory)
    while os.path.lexists(final := directory / f"{layout.name}-{time.strftime(_STAMP, time.gmtime())}.tar.gz"):
        time.sleep(0.1)
    partial = final.with_name(f".{final.name}")
    descriptor = os.open(partial, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        _archive(data.place, partial)
        os.fsync(descriptor)
        os.replace(partial, final)
    except BaseException:
        partial.unlink()
        raise
    finally:
        os.close(descriptor)
    sync_directory(directory)
    return final


def _archive(tree: Path, file: Path) -> None:
    """Write a tree to a file that is there already; raise UserError unless all of it was written."""
    how = ["--create", "--gzip", "--sparse", "--numeric-owner", "--quoting-style=escape", "--force-local"]
    # `shared` in the archive, whatever its directory is called where a link leads to it.
    how += ["--transform=flags=rh;s,^[.],shared,"]
    command = ["tar", *how, f"--file={file}", f"--directory={tree}", "--", "."]
    try:
        ended = run(command, timeout=_TIMEOUT, most=_MIB, env={"PATH": os.defpath, "LC_ALL": "C"})
    except TimedOut:
        raise UserError(
            f"the archive of {tree} took more than {_TIMEOUT // 3600} hours and was stopped; the data are still there"
        ) from None
    if ended.status:
        raise UserError(f"the archive of {tree} could not be written, and the data are still there: {show_words(ended.errors)}")
