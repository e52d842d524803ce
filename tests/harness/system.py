"""The controlling machine: its rights, its programs, and Debian packages that bring missing ones."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from harness import paths, process
from harness.process import CommandError, HarnessError, say

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    if shutil.which(program):
        return
    install(packages, why)
    if not shutil.which(program):
        raise HarnessError(f"`{program}` is missing although {' '.join(packages)} is installed ({why}).")


def install(packages: Sequence[str], why: str) -> None:
    """Install Debian packages, or raise HarnessError that says what to do by hand."""
    by_hand = f"Something is missing ({why}); install it with: sudo apt-get install {' '.join(packages)}"
    prefix = root_prefix()
    if prefix is None or not shutil.which("apt-get"):
        raise HarnessError(by_hand)
    say(f"Installing {' '.join(packages)} ({why}) ...")
    try:
        _apt_install(prefix, packages)
    except CommandError as error:
        raise HarnessError(f"{by_hand}\nTrying to do so failed; see {paths.LOGS / 'apt.log'}.") from error


def _apt_install(prefix: Sequence[str], packages: Sequence[str]) -> None:
    """Install packages without recommended ones; refresh the index first, as a fresh machine has none."""
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300", "-q"]
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    with (paths.LOGS / "apt.log").open("a", encoding="utf-8") as log:
        process.run([*apt, "update"], log=log)
        process.run([*apt, "install", "--yes", "--no-install-recommends", *packages], log=log)
