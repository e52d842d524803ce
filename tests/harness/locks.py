"""Locks: what one process at a time does, in this clone or on this machine. The kernel lets go of them whatever becomes of their holder."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness import paths
from harness.process import HarnessError, say

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARED = (Path("/run/lock"), Path("/tmp"))  # noqa: S108 - files there are made anew or opened to be read, and nothing is written to them
"""Where a machine keeps what all its users may lock. /run/lock is for that, and not every system has it open to all."""

_EVERYBODY_MAY_WRITE = 0o1002
"""Also: nobody but its owner takes a file away."""


@contextmanager
def of_clone(name: str) -> Iterator[None]:
    """Keep others of this clone from doing what has this name."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    with _held(paths.CACHE / f"{name}.lock"):
        yield


@contextmanager
def of_machine(name: str) -> Iterator[None]:
    """Keep every clone and every user of this machine from doing what has this name."""
    with _held(_shared_directory() / f"webstack-flask-{name}.lock"):
        yield


def _shared_directory() -> Path:
    """Return the first directory that is everybody's. It does not depend on who asks, so that all find the same."""
    for directory in _SHARED:
        with suppress(OSError):
            if directory.stat().st_mode & _EVERYBODY_MAY_WRITE == _EVERYBODY_MAY_WRITE:
                return directory
    raise HarnessError(f"Neither of {' and '.join(map(str, _SHARED))} is for everybody to write to (mode 1777): no lock can be kept there.")


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Hold the lock for the block. Threads of one process keep each other out as well: each opens the file for itself."""
    try:
        descriptor = _open(file)
    except OSError as error:
        raise HarnessError(f"The lock {file} cannot be opened ({error.strerror}): remove that file.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another one at the same work, who holds {file} ...")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open(file: Path) -> int:
    """Open the file to be read, which is enough to lock it, also for other users than the one who made it.

    In a directory of everybody's, Linux keeps root itself from making a file that is already there and another's: see
    fs.protected_regular in proc_sys_fs(5). A link or a pipe in the file's place is not waited for, and not followed.
    """
    while True:
        with suppress(FileNotFoundError):
            return os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with suppress(FileExistsError):
            descriptor = os.open(file, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(descriptor, 0o644)  # whatever the umask says
            return descriptor
