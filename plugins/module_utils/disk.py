# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room on the disk, looked for before something big is written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem

_MIB = 1024 * 1024


def require_room(directory: Path, what: str, least: int) -> None:
    """Raise Problem unless there is room in `directory` for one more of what it holds.

    A new one is expected to be as big as the biggest that is there, and to need as much again while it is made, but never
    to need less than `least` MiB.
    """
    biggest = max((measure(path) for path in directory.iterdir() if path.is_dir()), default=0)
    needed = max(2 * biggest, least * _MIB)
    free = shutil.disk_usage(directory).free
    if free < needed:
        raise Problem(
            f"{directory} has {free // _MIB} MiB of free space, and {what} may need {-(-needed // _MIB)} MiB; "
            "nothing was written. Free some space, for instance by a lower `keep_releases`"
        )


def measure(tree: Path) -> int:
    """Return the space in bytes that a directory takes on the disk, files with several names counted once."""
    sizes = {}
    for folder, _folders, files in os.walk(tree):
        for name in files:
            status = Path(folder, name).lstat()
            sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())
