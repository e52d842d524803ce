# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd has written in the journal of units that run once and end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._host.words import redact

_STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"
_DONE = "39f53479d3a045ac8e11786248231fbf"
_NOT_DONE = "be02cf6855d2428ba40df7e9d022f03d"
_PROCESS_ENDED = "98e322203f7a4ed290d09fe03c09fe15"
_RESULT = "d9b373ed55a64feb8242e02dbe79a49c"
_KINDS = (_STARTING, _DONE, _NOT_DONE, _PROCESS_ENDED, _RESULT)
"""MESSAGE_ID of what systemd says of a unit: sd-messages.h. A run has at most one of each, and none of the last two of a good end."""

_FIELDS = "MESSAGE_ID,INVOCATION_ID,UNIT,UNIT_RESULT,EXIT_CODE,EXIT_STATUS"
_TIMEOUT = 60.0
_MOST_WORDS = 20_000
"""Bytes of what one run has said: one message can be hundreds of MB."""


@dataclass
class Run:
    """One run of a unit."""

    unit: str
    invocation: str
    began: float
    """Seconds since the epoch."""

    ended: float | None = None
    """None while it runs, and for ever if the host went down meanwhile."""

    failed: bool = False
    result: str = ""
    """What systemd calls the kind of its failure: `exit-code`, `timeout`, `signal`, ... (`Result=` in systemd.service(5))."""

    exit: str = field(default="", repr=False)
    """Why its process ended, unless by exit status 0: `exit status 3`, `signal 9`."""

    @property
    def status(self) -> int:
        """How it ended, as a shell tells it: the exit status, or 128 and the number of the signal; 1 where nothing else is known."""
        if not self.failed:
            return 0
        word, number = self.exit.rpartition(" ")[::2]
        if not number.isdecimal():
            return 1
        return 128 + int(number) if word == "signal" else int(number) or 1

    def describe_failure(self) -> str:
        """Return why it has failed, or nothing."""
        if not self.failed:
            return ""
        if self.result == "timeout":
            return "it took longer than its timeout"
        if self.result == "oom-kill":
            return "it took more memory than it may"
        return f"its process ended with {self.exit}" if self.exit else f"systemd gives the result {self.result!r}"


def parse_runs(lines: Iterable[str]) -> list[Run]:
    """Return the runs in the output of `journalctl --output=json`, the last first. One whose beginning is missing is left out."""
    runs: dict[str, Run] = {}
    for entry in sorted(map(json.loads, lines), key=lambda entry: int(entry["__REALTIME_TIMESTAMP"])):
        invocation, kind = entry.get("INVOCATION_ID"), entry.get("MESSAGE_ID")
        if kind == _STARTING:
            runs[invocation] = Run(entry["UNIT"], invocation, _when(entry))
        elif invocation in runs:
            _add(runs[invocation], kind, entry)
    return sorted(runs.values(), key=lambda one: one.began, reverse=True)


def _add(one: Run, kind: str, entry: dict[str, Any]) -> None:
    if kind == _PROCESS_ENDED:
        word = "exit status" if entry.get("EXIT_CODE") == "exited" else "signal"
        one.exit = f"{word} {entry.get('EXIT_STATUS')}"
    elif kind in (_DONE, _NOT_DONE, _RESULT):
        one.ended = _when(entry)
        one.failed = one.failed or kind != _DONE
        one.result = entry.get("UNIT_RESULT", one.result)


def _when(entry: dict[str, Any]) -> float:
    return int(entry["__REALTIME_TIMESTAMP"]) / 1e6


def list_units() -> list[str]:
    """Return the names of all units of which the journal knows, also of those that are gone."""
    return _journalctl("--field=UNIT").split("\n")


def read_runs(units: Sequence[str], most: int) -> list[Run]:
    """Return the last runs of units, so many at most, the last first."""
    if not units:
        return []
    # Fields that begin with an underscore are the journal's own: nobody else can write as process 1.
    matches = ["_PID=1", *(f"UNIT={unit}" for unit in units), *(f"MESSAGE_ID={kind}" for kind in _KINDS)]
    said = _journalctl("--output=json", f"--output-fields={_FIELDS}", f"--lines={len(_KINDS) * most}", *matches)
    return parse_runs(said.splitlines())[:most]


def read_words(invocation: str, lines: int) -> list[str]:
    """Return the last lines that a run has said itself, without the words by which an app calls others."""
    said = _journalctl("--output=cat", f"--lines={lines}", f"_SYSTEMD_INVOCATION_ID={invocation}", most=_MOST_WORDS)
    return redact(said).splitlines()


def _journalctl(*arguments: str, most: int = 1 << 22) -> str:
    command = ["journalctl", "--no-pager", "--quiet", *arguments]
    try:
        ended = run(command, timeout=_TIMEOUT, most=most)
    except TimedOut:
        raise UserError(f"`{' '.join(command)}` took more than {_TIMEOUT:g} s") from None
    if ended.status != 0:
        raise UserError(f"`{' '.join(command)}` failed: {ended.errors.strip()}")
    return ended.output.rstrip("\n")
