# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room on the disk, looked for before something big is written."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Step, open_directory, walk

_MIB = 1024 * 1024

_LEFT_FREE = 256 * _MIB
"""Bytes that a file of unknown size leaves free on its disk, for all else that the host writes."""


def require_room(directory: Path, what: str, least: int, *, times: int = 2) -> None:
    """Raise UserError unless there is room in `directory` for one more of what it holds.

    A new one is expected to be as big as the biggest that is there, and to need so many `times` that room while it is made, but never
    less than `least` MiB.
    """
    biggest = max((measure(path) for path in directory.iterdir() if path.is_dir() and not path.is_symlink()), default=0)
    needed = max(times * biggest, least * _MIB)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise UserError(
            f"{directory} has {free // _MIB} MiB of free space, and {what} may need {-(-needed // _MIB)} MiB; "
            "nothing was written. Free some space, for instance by a lower `keep_releases`"
        )


def find_room(directory: Path) -> int:
    """Return the bytes that a file in `directory` may have, so that the host can go on writing to that disk."""
    usage = shutil.disk_usage(directory)
    return max(0, usage.free - min(_LEFT_FREE, usage.total // 20))


def measure(tree: Path) -> int:
    """Return the bytes that the files of a tree take on the disk: those with several names once, sparse ones as they lie there.

    The tree may be another account's, and change meanwhile: raise trees.Moved where that makes it impossible.
    """
    total = 0
    linked = {}
    with open_directory(tree) as descriptor, closing(walk(descriptor)) as visits:
        for visit in visits:
            if visit.step is not Step.ITEM:
                continue
            if visit.status.st_nlink > 1:
                linked[visit.status.st_dev, visit.status.st_ino] = visit.status.st_blocks * 512
            else:
                total += visit.status.st_blocks * 512
    return total + sum(linked.values())
