# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wheels that apps share, so that the second app that needs one does not ask the index.

pip's own cache cannot be shared by accounts that do not trust each other: it is keyed by URL, so that the code which one app's installation
runs could put there what another installs. Here each wheel lies under the digest of its content, which root has computed, and an
app gets those alone that its lock file names by that digest: whoever fetched them can have put nothing else in their place.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import Pin, canonical_name
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, mark_used
from ansible_collections.webstack.flask.plugins.module_utils._layout import CACHE_ROOT

ROOT = CACHE_ROOT / ".wheels"
"""No app is called so: their names begin with a letter."""

_KEPT = 60 * 24 * 3600
"""Seconds after which an unused wheel is deleted."""

_WHEEL = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._!+]+)(?:-[A-Za-z0-9._]+){3,4}\.whl")
_PIECE = 1024 * 1024

_MOST = 8 << 30
"""Bytes that are taken over at a time: whoever downloads could leave files without end."""


class WheelStore:
    """The wheels of one kind of interpreter. Root alone looks into it; apps get links, in directories of their own."""

    def __init__(self, series: str, root: Path = ROOT) -> None:
        """Open the store for a series of Python, such as 3.13."""
        self._directory = root / f"{series}-{platform.machine()}"

    def offer(self, pins: Iterable[Pin], view: Path) -> list[Pin]:
        """Link all wheels that match the pins into a directory; return the pins without one."""
        return [pin for pin in pins if not sum(self._link(pin, digest, view) for digest in pin.digests)]

    def keep(self, pins: Iterable[Pin], downloads: Path) -> None:
        """Store the wheels that were downloaded for the pins, and delete those that have not been used for long.

        The directory is another account's, which may do anything in it meanwhile: what counts is what was read, once.
        """
        for directory in (self._directory.parent, self._directory):
            ensure_directory(directory, Access(os.geteuid(), os.getegid(), 0o700))
        wanted = {digest: pin for pin in pins for digest in pin.digests}
        left = _MOST
        for name in os.listdir(downloads):
            if (match := _WHEEL.fullmatch(name)) and any(names_package(match, pin) for pin in wanted.values()):
                left -= self._take(downloads / name, wanted, left)
        for place in self._directory.iterdir():
            with suppress(FileNotFoundError):  # another installation deletes them, too
                if place.stat().st_mtime < time.time() - _KEPT:
                    shutil.rmtree(place)

    def _link(self, pin: Pin, digest: str, view: Path) -> bool:
        place = self._directory / digest
        found = [file for file in place.glob("*.whl") if fits(file.name, pin)]
        for file in found:
            mark_used(place)
            with suppress(FileExistsError):
                os.link(file, view / file.name)
        return bool(found)

    def _take(self, path: Path, wanted: Mapping[str, Pin], most: int) -> int:
        """Take over a file of so many bytes at the most, if it is one of the wanted; return how many there were to read."""
        scratch = Path(tempfile.mkdtemp(dir=self._directory, prefix="."))
        try:
            digest, size = _copy_regular(path, scratch / path.name, most)
            pin = wanted.get(digest)
            if pin and fits(path.name, pin):
                with suppress(OSError):  # it is there already
                    scratch.rename(self._directory / digest)
            return size
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _copy_regular(path: Path, copy: Path, most: int) -> tuple[str, int]:
    """Copy a file that may change meanwhile; return the digest of the copy and its size, no digest if it is too big or no regular file."""
    digest = hashlib.sha256()
    size = 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return "", 0
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return "", 0
        with copy.open("wb") as written:
            while size <= status.st_size and (piece := os.read(descriptor, _PIECE)):
                size += len(piece)
                digest.update(piece)
                written.write(piece)
            os.fchmod(written.fileno(), 0o644)
    finally:
        os.close(descriptor)
    return digest.hexdigest(), size


def fits(file: str, pin: Pin) -> bool:
    """Return whether a wheel of this name is one of the package and the version."""
    match = _WHEEL.fullmatch(file)
    return match is not None and names_package(match, pin)


def names_package(match: re.Match[str], pin: Pin) -> bool:
    """Return whether the name of a wheel, taken apart, is that of the package and the version."""
    return (canonical_name(match["name"]), match["version"]) == (pin.name, pin.version)
