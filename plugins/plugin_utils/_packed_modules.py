# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules of this collection as Ansible packs them for hosts, kept from one run to the next."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

_OWN = "ansible_collections.webstack.flask.plugins.modules."
_UNFINISHED = (".lock", "-part")
_SETS = 8
"""How many sets stay: each is 2 MB, and there is one for each Ansible and each version of this collection."""


def name_set(versions: Iterable[str], directories: Iterable[Path]) -> str:
    """Return the name of the set that belongs to these versions and to the Python files of these directories.

    A file counts by its path, size and time of change, so that it need not be read.
    """
    known = hashlib.sha256()
    for version in versions:
        known.update(f"{version}\n".encode())
    for directory in directories:
        for file in sorted(directory.rglob("*.py")):
            seen = file.stat()
            known.update(f"{file} {seen.st_size} {seen.st_mtime_ns}\n".encode())
    return known.hexdigest()[:32]


def lend(kept: Path, run: Path) -> None:
    """Give what is kept to a run, in whose directory Ansible looks for it before it packs a module.

    It is what root will run on hosts: a set counts only if nobody but this user can have written it.
    """
    if not kept.is_dir() or kept.stat().st_uid != os.getuid() or kept.stat().st_mode & 0o022:
        return
    run.mkdir(exist_ok=True)
    for file in kept.glob(f"{_OWN}*"):
        (run / file.name).symlink_to(file)


def keep(run: Path, kept: Path) -> None:
    """Keep what a run has packed and had not been given. Of sets that have not grown for the longest time, the oldest go."""
    packed = [file for file in run.glob(f"{_OWN}*") if not file.is_symlink() and not file.name.endswith(_UNFINISHED)]
    if not packed:
        return
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept.mkdir(mode=0o700, exist_ok=True)
    for file in packed:
        number, name = tempfile.mkstemp(dir=kept, prefix=".new-")
        with open(number, "wb") as copy:
            copy.write(file.read_bytes())
        os.replace(name, kept / file.name)
    for old in sorted(kept.parent.iterdir(), key=lambda found: found.stat().st_mtime)[:-_SETS]:
        shutil.rmtree(old, ignore_errors=True)
