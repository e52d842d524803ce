# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking an app off the host: what it runs from and the accounts at once, its data only when that is wanted.

A run that is cut off anywhere is finished by the next one: the accounts go last, so that there is something left to remove until then.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
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
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, read_text, sync_directory
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER, is_ours
from ansible_collections.webstack.flask.plugins.module_utils._host.processes import end_processes
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import (
    Moved,
    remove_tree,
    require_unmounted,
    set_aside,
    show_words,
    take_tree,
)
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.release import is_foreign_unit
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox, systemctl

_STAMP = "%Y%m%dT%H%M%SZ"
_ANY_STAMP = f"{'[0-9]' * 8}T{'[0-9]' * 6}Z"

_TIMEOUT = 24 * 3600
"""Seconds for an archive."""

_MIB = 1024 * 1024


def find_parts(layout: AppLayout, *, with_data: bool) -> list[Path]:
    """Return the files and directories of an app that are on the host, in the order in which they are removed.

    Data comes last and is not among them unless it is wanted, or its removal was begun. What is not ours is not an app's: neither a unit
    file that we have not written, nor what is in a directory that somebody else has made.
    """
    code = [layout.current, layout.previous, layout.releases, layout.environments, layout.builds] if is_ours(layout) else []
    data = [*([layout.shared] if with_data else []), set_aside(layout.shared)] if is_ours(layout) else []
    trees = [name for path in (*code, layout.cache) for name in (path, set_aside(path))]
    return [*_find_units(layout), *(path for path in (*trees, *data) if os.path.lexists(path))]


def _find_units(layout: AppLayout) -> list[Path]:
    """Return the unit files that we have written."""
    units = (layout.service_template, layout.socket_template, *layout.find_drop_ins().values())
    return [path for path in units if read_text(path) and not is_foreign_unit(path)]


def _find_accounts(layout: AppLayout) -> list[str]:
    """Return the accounts that we have made; where a run was cut off, that is a group alone."""
    return [
        name
        for name, comment in _comments(layout).items()
        if (find_user(name) or find_group(name) is not None) and not find_account_problems(name, comment)
    ]


def _comments(layout: AppLayout) -> dict[str, str]:
    return {layout.build_user: layout.build_comment, layout.name: layout.comment}


def find_remains(layout: AppLayout, *, with_data: bool) -> list[str]:
    """Return in words what of an app is on the host and would be removed."""
    return [*map(str, find_parts(layout, with_data=with_data)), *(f"account {name}" for name in _find_accounts(layout))]


def remove_app(layout: AppLayout, switch: Switch, *, with_data: bool, backups: Path) -> Path | None:
    """Remove an app; return the archive of its data if they were removed as well.

    Data that stay are given to root, and closed. No file is touched before every process of both accounts has ended. Raise UserError, with
    nothing changed, where there is no room for the archive, or something is mounted in what is to go.
    """
    parts = find_parts(layout, with_data=with_data)
    if layout.shared in parts and layout.shared.is_symlink():
        raise UserError(
            f"{layout.shared} is a link to {os.path.realpath(layout.shared)}, and data elsewhere are not removed; nothing was changed. "
            f"Delete the link, and what it leads to, by hand (`rm {layout.shared}`), and run again"
        )
    for path in parts:
        require_unmounted(path)
    to_archive = layout.shared in parts and _is_directory(layout.shared)
    if to_archive:
        with suppress(Moved):  # an app that moves its directories about must not keep us from removing it: it is measured again below
            require_room_for_archive(layout, backups)
    _end_everything(layout, switch)
    if is_ours(layout) and _is_directory(layout.shared):
        take_tree(layout.shared)
    archive = back_up(layout, backups) if to_archive else None
    for path in parts:
        _remove(path)
    systemctl.daemon_reload()
    _remove_root(layout)
    for name, comment in _comments(layout).items():
        remove_account(name, comment)
    return archive


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _end_everything(layout: AppLayout, switch: Switch) -> None:
    """Stop the app, its release commands and installations, and whatever else its accounts run.

    Not if nothing but a cache is left of it: units such as user@1000.service have the name of an app that is called so.
    """
    accounts = _find_accounts(layout)
    if not (accounts or is_ours(layout) or _find_units(layout)):
        return
    for release in switch.find_others(None):
        switch.retire(release)
    for unit in (layout.build_unit, layout.command_unit):
        sandbox.end(unit)
    for name in accounts:
        if user := find_user(name):
            end_processes(user.pw_uid)


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        remove_tree(path)
    if path.parent.suffix == ".d" and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _remove_root(layout: AppLayout) -> None:
    """Remove the app's directory once nothing is in it but the mark that it is ours."""
    if is_ours(layout) and _is_directory(layout.root) and not set(os.listdir(layout.root)) - {MARKER}:
        (layout.root / MARKER).unlink(missing_ok=True)
        layout.root.rmdir()


def require_room_for_archive(layout: AppLayout, directory: Path) -> None:
    """Raise UserError where an archive of the app's data might not fit into a directory, which need not be there yet."""
    present = next(place for place in (directory, *directory.parents) if place.exists())
    needed, free = measure(layout.shared), shutil.disk_usage(present).free
    if needed > free:
        raise UserError(
            f"the archive of {layout.shared} may need {-(-needed // _MIB)} MiB, and {directory} has {free // _MIB} MiB of free space; "
            "nothing was removed. Free some space, or name another directory for archives"
        )


def back_up(layout: AppLayout, directory: Path) -> Path:
    """Write the app's data to an archive that root alone can read; return its path. Raise UserError if it is not complete, and leave none.

    By tar(1), which takes any depth and any name, and holes as holes. A socket is no data, and is left out.
    """
    ensure_directory(directory, Access(0, 0, 0o700))
    for partial in directory.glob(f".{layout.name}-{_ANY_STAMP}.tar.gz"):  # of runs that were cut off
        partial.unlink()
    require_room_for_archive(layout, directory)
    while os.path.lexists(final := directory / f"{layout.name}-{time.strftime(_STAMP, time.gmtime())}.tar.gz"):
        time.sleep(0.1)
    partial = final.with_name(f".{final.name}")
    descriptor = os.open(partial, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        _archive(layout.shared, partial)
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
    command = ["tar", *how, f"--file={file}", f"--directory={tree.parent}", "--", tree.name]
    try:
        ended = run(command, timeout=_TIMEOUT, most=_MIB, env={"PATH": os.defpath, "LC_ALL": "C"})
    except TimedOut:
        raise UserError(
            f"the archive of {tree} took more than {_TIMEOUT // 3600} hours and was stopped; the data are still there"
        ) from None
    if ended.status:
        raise UserError(f"the archive of {tree} could not be written, and the data are still there: {show_words(ended.errors)}")
