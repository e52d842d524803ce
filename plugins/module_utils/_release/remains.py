# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an app is no release's: its accounts and what they run, its data, and the archive of them."""

from __future__ import annotations

import os
import shutil
import time
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
from ansible_collections.webstack.flask.plugins.module_utils._host.processes import end_processes
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import require_unmounted, show_words, take_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

__all__ = [
    "back_up",
    "end_processes_of",
    "find_accounts",
    "is_ours",
    "remove_account",
    "require_closed_way",
    "require_room_for_archive",
    "require_unmounted",
    "take_tree",
]

_STAMP = "%Y%m%dT%H%M%SZ"
_ANY_STAMP = f"{'[0-9]' * 8}T{'[0-9]' * 6}Z"

_TIMEOUT = 24 * 3600
"""Seconds for an archive."""

_MIB = 1024 * 1024


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
