"""The Docker daemon: found, or started, or a clear word on what is missing."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import time
from pathlib import Path

from harness import locks, paths, process, system
from harness.process import CommandError, HarnessError, say

_START_DEADLINE = 60  # seconds
_LOG = paths.LOGS / "dockerd.log"


def call(*arguments: str, feed: str | bytes = "", timeout: float | None = None) -> str:
    """Run ``docker`` with these arguments and return what it prints."""
    return process.output([*command(), *arguments], feed=feed, timeout=timeout)


@functools.cache
def command() -> tuple[str, ...]:
    """Return the words that reach a Docker daemon: ``docker``, with sudo where the socket asks for it.

    Starts a daemon where none runs and this user may. Raises HarnessError with what would help otherwise.
    """
    if found := _reachable():
        return found
    prefix = system.root_prefix()
    if prefix is None:
        raise HarnessError(_explain())
    with locks.of_machine("docker"):  # a second daemon would end at once, and count as one that does not start
        return _provide(prefix)


def _provide(prefix: list[str]) -> tuple[str, ...]:
    """Install what is missing, and start the daemon; return the words that reach it."""
    system.require("docker", ["docker.io", "iptables"], "test hosts are containers")
    if found := _wait_until_reachable(3):  # the package may have started it, or the one who held the lock before
        return found
    system.require("dockerd", ["docker.io", "iptables"], "test hosts are containers")
    if _start(prefix) and (found := _wait_until_reachable(_START_DEADLINE)):
        return found
    raise HarnessError(
        "No container can run here, because the Docker daemon does not start: it needs root's full rights and a kernel with overlayfs, "
        "network bridges and iptables, which a real or virtual machine has and an unprivileged container has not. "
        f"Its last words are:\n{_last_words(prefix)}",
    )


def _reachable() -> tuple[str, ...] | None:
    for candidate in (("docker",), ("sudo", "-n", "docker")):
        if process.succeeds([*candidate, "info"], timeout=30):
            return candidate
    return None


def _wait_until_reachable(seconds: float) -> tuple[str, ...] | None:
    deadline = time.monotonic() + seconds
    while True:
        if found := _reachable():
            return found
        if time.monotonic() > deadline:
            return None
        time.sleep(0.5)


def _explain() -> str:
    """Say in one sentence why no container can run, and what would help."""
    if not shutil.which("docker"):
        return "Docker is missing, and test hosts are containers: run `sudo apt-get install docker.io iptables`."
    try:
        process.output(["docker", "info"], timeout=30)
    except CommandError as error:
        if "permission denied" in error.output:
            return "This user may not use Docker: run `sudo usermod -aG docker $USER` and log in again, or run ./dev as root."
    return "No Docker daemon answers: start it with `sudo systemctl start docker`, or run ./dev as root."


def _start(prefix: list[str]) -> bool:
    """Start the daemon, through systemd where that is the init system, else in the background; say whether it may yet answer."""
    if _systemd_runs():
        return process.succeeds([*prefix, "systemctl", "start", "docker"])
    say(f"Starting the Docker daemon in the background (log: {_LOG.relative_to(paths.ROOT)}) ...")
    _LOG.parent.mkdir(parents=True, exist_ok=True)
    with _LOG.open("a", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            [*prefix, "dockerd"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"PATH": _path_with_working_iptables()},
            start_new_session=True,
        )
    time.sleep(1)
    return daemon.poll() is None


def _systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()


def _path_with_working_iptables() -> str:
    """Return a PATH in which ``iptables`` is one that this kernel understands.

    Debian's default speaks nftables; where the kernel does not, the same package's legacy one may work.
    """
    path = os.environ["PATH"]
    if process.succeeds(["iptables", "-t", "nat", "-L", "-n"]) or not shutil.which("iptables-legacy"):
        return path
    shims = paths.CACHE / "iptables"
    shims.mkdir(parents=True, exist_ok=True)
    for name in ("iptables", "ip6tables"):
        target = shutil.which(f"{name}-legacy")
        if target and not (shims / name).exists():
            (shims / name).symlink_to(target)
    return f"{shims}{os.pathsep}{path}"


def _last_words(prefix: list[str]) -> str:
    """Return the end of the daemon's log."""
    if _systemd_runs():
        return process.output([*prefix, "journalctl", "--no-pager", "--lines=5", "--output=cat", "--unit=docker"]).strip()
    try:
        return "\n".join(_LOG.read_text(encoding="utf-8").splitlines()[-5:])
    except OSError:
        return "(none)"
