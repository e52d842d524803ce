# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lock that the kernel releases when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, set_access

_PAUSE = 0.5


@contextmanager
def hold_lock(path: Path, timeout: float, warn: Callable[[str], object]) -> Iterator[None]:
    """Hold the lock on `path`; `warn` after a wait of a second or more, raise UserError after `timeout` seconds."""
    uid, gid = os.geteuid(), os.getegid()
    ensure_directory(path.parent, Access(uid, gid, 0o755))
    started = time.monotonic()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        set_access(descriptor, Access(uid, gid, 0o600))  # whoever can read it could hold the lock forever
        while not _try_lock(descriptor):
            waited = time.monotonic() - started
            if waited >= timeout:
                holder = os.read(descriptor, 100).decode(errors="replace").strip() or "unknown"
                raise UserError(
                    f"another run has been changing this app for more than {timeout:g} s (process {holder} on this host); "
                    "wait until it is done and run again"
                )
            time.sleep(_PAUSE)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        waited = time.monotonic() - started
        if waited >= 1:
            warn(f"waited {waited:.0f} s for another run on this host")
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether somebody holds the lock on `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
