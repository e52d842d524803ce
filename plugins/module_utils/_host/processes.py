# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ending all that runs as an account, however fast it starts anew."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_TIMEOUT = 10
"""Seconds within which a killed process is gone, unless it hangs in the kernel."""

_NOBODYS = 0xFFFFFF00
"""A user id of no account, which the killer bears besides: no process of the account may end it first (kill(2))."""


def end_processes(uid: int) -> None:
    """Kill every process of an account; raise UserError if one is left after 10 seconds.

    To read /proc and kill what is found there would miss a process that forks and ends faster than it is found. One `kill(-1)` by the
    account itself reaches all at once, and no fork(2) comes through while a signal waits for the one that calls it.
    """
    deadline = time.monotonic() + _TIMEOUT
    while True:
        _kill_all(uid)
        left = find_processes(uid)
        if not left:
            return
        if time.monotonic() > deadline:
            shown = ", ".join(map(str, left[:5]))
            raise UserError(f"{len(left)} process(es) of the user with the id {uid} do not end, {shown} among them; reboot the host")
        time.sleep(0.01)


def _kill_all(uid: int) -> None:
    """Send SIGKILL to all processes of an account, by a process that for once is the account itself."""
    if uid <= 0:
        raise ValueError(uid)  # as root, this would end the whole host
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = _become_and_kill(uid)
        finally:
            os._exit(status)
    os.waitpid(child, 0)


def _become_and_kill(uid: int) -> int:
    os.setgroups([])
    try:
        os.setresuid(_NOBODYS, uid, _NOBODYS)
    except OSError:  # a container may map no such number
        os.setresuid(uid, uid, uid)
    real, effective, saved = os.getresuid()
    if effective != uid or real not in (uid, _NOBODYS) or saved != real:
        return 1
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 0


def find_processes(uid: int) -> list[int]:
    """Return the numbers of the processes of an account that have not ended."""
    return [int(process.name) for process in Path("/proc").glob("[0-9]*") if _is_alive(process, uid)]


def _is_alive(process: Path, uid: int) -> bool:
    """Return whether a process, given its directory below /proc, is one of an account's and not dead already."""
    try:
        # A process can hide behind root as the owner of its directory in /proc, but not in here: proc_pid(5).
        status = (process / "status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(re.search(rf"^Uid:.*\b{uid}\b", status, re.MULTILINE)) and not re.search(r"^State:\t[ZX]", status, re.MULTILINE)
