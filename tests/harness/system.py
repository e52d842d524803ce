"""The controlling machine: its rights, its programs, and Debian packages that bring missing ones."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, TextIO

from harness import locks, paths, process
from harness.process import CommandError, HarnessError, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOCK_TIMEOUT = 300  # seconds
_LOCK_PAUSE = 2  # seconds

# Debian keeps what administrators use out of an ordinary user's PATH.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def root_prefix() -> list[str] | None:
    """Return what to put before a command that needs root, or None when this user may not become root."""
    if os.geteuid() == 0:
        return []
    if process.succeeds(["sudo", "-n", "true"], timeout=10):
        return ["sudo", "-n"]
    return None


def require(program: str, packages: Sequence[str], why: str) -> None:
    """See that ``program`` is there; install the Debian packages that bring it when it is not.

    Raises HarnessError, which says what to do by hand, where that is not possible.
    """
    install(lambda: [] if shutil.which(program) else packages, why)


def install(missing: Callable[[], Sequence[str]], why: str) -> None:
    """Install the Debian packages that ``missing`` names, or raise HarnessError that says what to do by hand.

    One process at a time does that on a machine, and asks ``missing`` again when its turn comes: the one before may have brought them.
    """
    packages = missing()
    if not packages:
        return
    by_hand = f"Something is missing ({why}); install it with: sudo apt-get install {' '.join(packages)}"
    prefix = root_prefix()
    if prefix is None or not shutil.which("apt-get"):
        raise HarnessError(by_hand)
    with locks.of_machine("apt"):
        packages = missing()
        if not packages:
            return
        say(f"Installing {' '.join(packages)} ({why}) ...")
        try:
            _apt_install(prefix, packages)
        except CommandError as error:
            raise HarnessError(f"{by_hand}\nTrying to do so failed; see {paths.LOGS / 'apt.log'}.") from error
        if left := missing():
            raise HarnessError(f"What {' '.join(left)} should bring is missing, although apt has installed it ({why}).")


def _apt_install(prefix: Sequence[str], packages: Sequence[str]) -> None:
    """Install packages without recommended ones; refresh the index first, as a fresh machine has none."""
    words = ("DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")  # what it says about locks is to be understood below
    apt = [*prefix, "env", *words, "apt-get", "-o", f"DPkg::Lock::Timeout={_LOCK_TIMEOUT}", "-q"]
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    with (paths.LOGS / "apt.log").open("a+", encoding="utf-8") as log:
        _run_apt([*apt, "update"], log)
        _run_apt([*apt, "install", "--yes", "--no-install-recommends", *packages], log)


def _run_apt(command: Sequence[str], log: TextIO) -> None:
    """Run apt-get, and again while another program holds one of its locks.

    DPkg::Lock::Timeout is for the locks of dpkg alone: where the one of the package lists is taken, apt-get (2.6) gives up at once.
    """
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while True:
        begun = log.seek(0, os.SEEK_END)
        try:
            process.run(command, log=log)
        except CommandError:
            log.seek(begun)
            if "Could not get lock" not in log.read() or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(_LOCK_PAUSE)
