# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the file systems of a host are there, and fit for an app: found out before anything is built."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import list_mounts
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

_TABLE = Path("/etc/fstab")

_FEWEST_INODES = 1000
"""An environment with gunicorn and Flask alone has about so many files."""


def find_mount_problems(layout: AppLayout) -> Iterator[str]:
    """Return a sentence for each file system that is not there, or in which an app could not be built or run."""
    mounted = list_mounts("/") if (table := read_text(_TABLE)) else []
    for place in find_unmounted(layout, table or "", mounted):
        yield (
            f"{place} is to be mounted, says {_TABLE}, and is not: what would be written there now would be hidden later. Run "
            f"`mount {place}`, or take the line out of {_TABLE}"
        )
    for path in (layout.environments, layout.cache):
        present = next(filter(os.path.exists, (path, *path.parents)), path)  # not by pathlib: it may be closed
        yield from _find_unfit(present, os.statvfs(present))


def _find_unfit(path: Path, found: os.statvfs_result) -> Iterator[str]:
    if found.f_flag & os.ST_RDONLY:
        yield f"{path} is mounted read-only, and environments are made below it; run `mount -o remount,rw {path}`"
    elif found.f_flag & os.ST_NOEXEC:
        yield (
            f"{path} is mounted noexec, and programs of an environment below it have to run; run `mount -o remount,exec {path}`, and take "
            f"`noexec` out of its line in {_TABLE}"
        )
    # A file system that makes inodes as it needs them has none to count.
    if found.f_files and found.f_favail < _FEWEST_INODES:
        yield (
            f"{path} has room for {found.f_favail} more files (inodes), and an environment has more than {_FEWEST_INODES}; `df -i {path}` "
            "shows it. Delete files that nobody needs"
        )


def find_unmounted(layout: AppLayout, table: str, mounted: Sequence[str]) -> list[str]:
    """Return where fstab(5), given as text, says that something of an app is mounted, and nothing is."""
    ways = {os.path.realpath(layout.root / name) for name in ("", "shared", "releases", "builds", "environments")}
    wanted = []
    for line in table.splitlines():
        words = line.split()
        if len(words) < 4 or words[0].startswith("#") or "noauto" in words[3].split(","):
            continue
        place = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[1]).rstrip("/")
        inside = place.startswith(f"{os.path.realpath(layout.root)}/")
        if place and (inside or any(way == place or way.startswith(f"{place}/") for way in ways)) and place not in mounted:
            wanted.append(place)
    return wanted
