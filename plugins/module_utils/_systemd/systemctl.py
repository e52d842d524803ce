# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd, as far as the releases of an app need it."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._host.files import sync_directory
from ansible_collections.webstack.flask.plugins.module_utils._layout import UNIT_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._systemd.shell import stays

_PROPERTIES = (
    "Id",
    "ActiveState",
    "SubState",
    "Result",
    "NRestarts",
    "ExecMainCode",
    "ExecMainStatus",
    "MainPID",
    "UnitFileState",
    "Job",
    "CPUWeight",
    "MemoryCurrent",
    "ActiveEnterTimestampMonotonic",
)

_TIMEOUT = 1800.0
"""Seconds for one call of systemctl. Stopping a unit takes as long as it may need to end, which users may set to many minutes."""

_SHORT_TIMEOUT = 30.0
_MOST_JOURNAL = 1 << 20
"""Bytes: one message in the journal can be hundreds of MB."""

_NO_NUMBER = (1 << 64) - 1

_EXITED, _KILLED, _DUMPED = 1, 2, 3
"""How a process ended: CLD_EXITED, CLD_KILLED and CLD_DUMPED of sigaction(2)."""

_SIGKILL = 1 << signal.SIGKILL - 1
"""SIGKILL in a mask of signals. The kernel lets every signal that ends a process end it by this one, but for those that dump core."""


@dataclass(frozen=True)
class UnitState:
    """What `systemctl show` says of a unit."""

    active: str
    sub: str
    result: str = "success"
    restarts: int = 0
    exit_code: int = 0
    exit_status: int = 0
    main_pid: int = 0
    enablement: str = ""
    job: int = 0
    cpu_weight: int | None = None
    """CPUWeight of the unit; None is systemd's default, 100."""

    memory: int | None = None
    """Bytes that it takes; None where that is not known."""

    active_since: float | None = None
    """When it became active the last time, in seconds of the monotonic clock."""

    @property
    def enabled(self) -> bool:
        """Whether the unit starts at boot."""
        return self.enablement == "enabled"

    def describe_death(self, restarts: int = 0) -> str | None:
        """Return how the unit's process ended; None while it may still come up. The first `restarts` restarts are ignored."""
        alive = self.active in ("active", "reloading") or (self.active == "activating" and self.sub != "auto-restart")
        if self.restarts <= restarts and (alive or self.job):
            return None
        return f"it has died and been restarted {self.restarts} time(s)" if alive else self._describe_end()

    def _describe_end(self) -> str:
        if self.exit_code == _EXITED:
            return f"its process ended with exit status {self.exit_status}"
        if self.exit_code in (_KILLED, _DUMPED):
            return f"its process was ended by signal {self.exit_status}"
        if self.result == "success":
            return "it is being stopped" if self.active == "deactivating" else "it has stopped"
        return f"systemd gives the result {self.result!r}"


def parse_show(text: str) -> dict[str, UnitState]:
    """Return the states in the output of `systemctl show` for several units, by unit name."""
    states = {}
    for block in text.strip().split("\n\n"):
        values = dict(line.partition("=")[::2] for line in block.splitlines())
        if values.get("Id"):
            states[values["Id"]] = UnitState(
                active=values.get("ActiveState", "inactive"),
                sub=values.get("SubState", "dead"),
                result=values.get("Result", "success"),
                restarts=int(values.get("NRestarts") or 0),
                exit_code=int(values.get("ExecMainCode") or 0),
                exit_status=int(values.get("ExecMainStatus") or 0),
                main_pid=int(values.get("MainPID") or 0),
                enablement=values.get("UnitFileState", ""),
                job=int(values.get("Job") or 0),
                cpu_weight=_as_number(values.get("CPUWeight", "")),
                memory=_as_number(values.get("MemoryCurrent", "")),
                active_since=int(values.get("ActiveEnterTimestampMonotonic") or 0) / 1e6 or None,
            )
    return states


def _as_number(text: str) -> int | None:
    """Return a number as systemd tells it, which writes words or the largest one that there is where it has none."""
    return int(text) if text.isdecimal() and int(text) < _NO_NUMBER else None


def show(units: Sequence[str]) -> dict[str, UnitState]:
    """Return the state of each unit; one that systemd has never heard of is inactive."""
    return parse_show(_systemctl("show", f"--property={','.join(_PROPERTIES)}", "--", *units))


def is_running(pid: int) -> bool:
    """Return whether a process runs, and is not about to end: systemd may not have noticed yet."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return not is_over(status)


def is_shell(pid: int) -> bool:
    """Return whether a process is a shell that has stayed in front of the program of its command."""
    return stays(pid)


def is_over(status: str) -> bool:
    """Return whether a process has ended or been killed, from its /proc/PID/status (proc_pid_status(5)).

    One that is killed ends when it is next given a processor: on a busy host its children may go on answering for most of a second.
    """
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    pending = int(fields.get("SigPnd", "0"), 16) | int(fields.get("ShdPnd", "0"), 16)
    return fields.get("State", "").split()[:1] in (["Z"], ["X"]) or bool(pending & _SIGKILL)


def wait_for_death(unit: str, restarts: int = 0) -> str:
    """Return how the process of a unit ended that has ended, as soon as systemd knows."""
    for _attempt in range(20):
        death = show([unit])[unit].describe_death(restarts)
        if death:
            return death
        time.sleep(0.1)
    return "its process has ended"


def find_instances(*templates: str) -> list[str]:
    """Return the names of the loaded instances of templates such as `shop@.service`."""
    patterns = [f"{stem}*{dot}{kind}" for stem, dot, kind in (template.rpartition(".") for template in templates)]
    listing = _systemctl("list-units", "--all", "--plain", "--no-legend", "--no-pager", *patterns)
    return [line.split()[0] for line in listing.splitlines() if line.strip()]


def daemon_reload() -> None:
    """Make systemd read the unit files again."""
    _systemctl("daemon-reload")


def set_cpu_weight(unit: str, weight: int | None) -> None:
    """Set CPUWeight of a unit, which need not run, until the next boot; None is systemd's default."""
    _systemctl("set-property", "--runtime", "--", unit, f"CPUWeight={weight or ''}")


def start(*units: str) -> None:
    """Start units without waiting for them; their state tells how it went."""
    _systemctl("start", "--no-block", "--", *units)


def start_and_wait(*units: str) -> None:
    """Start units and wait until they are up."""
    _systemctl("start", "--", *units)


def stop(*units: str) -> None:
    """Stop units and wait until they are down."""
    _systemctl("stop", "--", *units)


def restart(*units: str) -> None:
    """Start units anew, whether they run or not, and wait until they are up."""
    _systemctl("restart", "--", *units)


def restart_running(*patterns: str) -> None:
    """Start those of some units anew that run, and wait until they are up; the others stay as they are."""
    _systemctl("try-restart", "--", *patterns)


def end(*units: str) -> None:
    """Tell units to end, and wait for none: they have the time that they say to finish what they are at."""
    _systemctl("stop", "--no-block", "--", *units)


def enable(*units: str) -> None:
    """Make units start at boot."""
    _systemctl("enable", "--quiet", "--", *units)
    _keep_links()


def disable(*units: str) -> None:
    """Make units not start at boot."""
    _systemctl("disable", "--quiet", "--", *units)
    _keep_links()


def _keep_links() -> None:
    """Make what starts at boot survive a power cut."""
    for directory in (UNIT_ROOT, *UNIT_ROOT.glob("*.wants")):
        with suppress(FileNotFoundError, NotADirectoryError):  # systemd removes the empty ones, for others at the same time
            sync_directory(directory)


def forget_failure(*units: str) -> None:
    """Reset the failed state of units."""
    with suppress(UserError):
        _systemctl("reset-failed", "--", *units)


def find_complaints(unit: str, file: Path) -> list[str]:
    """Return what systemd complains of in a unit file: names and values that it would ignore."""
    command = ["systemd-analyze", "--no-pager", "verify", unit]
    try:
        errors = run(command, timeout=_SHORT_TIMEOUT).errors
    except TimedOut:
        raise UserError(f"`{' '.join(command)}` took more than {_SHORT_TIMEOUT:g} s") from None
    return [line.removeprefix(f"{file}:") for line in errors.splitlines() if str(file) in line]


def find_next_times(event: str, after: float | None = None) -> list[str]:
    """Return the next three times of a calendar event, such as `Mon 2026-01-05 04:00:00 UTC`; raise UserError if systemd cannot read it.

    They are those after now, or after a moment, in seconds since the epoch.
    """
    moment = [] if after is None else [f"--base-time=@{after:.0f}"]
    command = ["systemd-analyze", "--no-pager", "calendar", "--iterations=3", *moment, "--", event]
    ended = run(command, timeout=_SHORT_TIMEOUT, env={**os.environ, "TZ": "UTC"})
    if ended.status != 0:
        raise UserError(ended.errors.strip().splitlines()[0] if ended.errors.strip() else f"systemd cannot read {event!r}")
    return re.findall(r"^\s*(?:Next elapse|Iteration #\d+|Iter\. #\d+): (.*)$", ended.output, re.MULTILINE)


def read_journal(unit: str, lines: int, since: float = 0) -> str:
    """Return the last lines of a unit, without time stamps, or what can be had of them; it never fails.

    With a moment of the clock as `since`, they are so many of those that came after it.
    """
    command = ["journalctl", "--no-pager", "--output=cat", f"--lines={lines}", f"--unit={unit}"]
    if since:  # with it, journalctl before systemd 254 takes the first of the lines, and not the last
        command.append(f"--since=@{since:.6f}")
    with suppress(TimedOut, OSError):
        # What a process has said that ended at once may not have been stored yet.
        run(["journalctl", "--sync"], timeout=_SHORT_TIMEOUT)
    with suppress(TimedOut, OSError):
        return run(command, timeout=_SHORT_TIMEOUT, most=_MOST_JOURNAL).output.strip()
    return ""


def reload(unit: str) -> None:
    """Make a unit read its configuration again."""
    _systemctl("reload", "--", unit)


def _systemctl(*arguments: str) -> str:
    command = f"`systemctl {' '.join(arguments)}`"
    try:
        result = run(["systemctl", *arguments], timeout=_TIMEOUT)
    except TimedOut:
        raise UserError(f"{command} took more than {_TIMEOUT / 60:g} minutes") from None
    if result.status != 0:
        raise UserError(f"{command} failed: {result.errors.strip()}")
    return result.output
