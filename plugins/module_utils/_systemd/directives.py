# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The systemd directives of an app's service, and those that apply to its release commands, too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

Directives = Mapping[str, object]

_NAME = re.compile(r"[A-Z][A-Za-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

RESERVED_DIRECTIVES = {
    "Environment": "use the key `env` of the app, which keeps the values secret",
    "EnvironmentFile": "use the key `env` of the app",
    "ExecStart": "gunicorn is started by the role; use the key `gunicorn` of the app for its settings",
    "Group": "each app has a group of its own",
    "Sockets": "the socket belongs to the release",
    "Type": "the role asks the app itself whether it is ready",
    "User": "each app has a user of its own",
    "WorkingDirectory": "use the key `chdir` of the app",
}
"""Directives of [Service] that are reserved for the role, each with what to do instead."""

RESERVED_FOR_PROCESSES = {
    **{name: reason for name, reason in RESERVED_DIRECTIVES.items() if name not in ("ExecStart", "Sockets")},
    "ExecCondition": "the role has a process run while its release is the one that users reach",
    "ExecStart": "use the key `command` of the process",
    "ExecStartPost": "use the key `ready` of the process",
    "Restart": "a process is started again whenever it ends",
    "TimeoutStartSec": "a process has as long as `health.deadline` of the app says",
    "TimeoutStopSec": "use the key `drain` of the process",
    "Type": "use the key `ready` of the process",
}
"""Likewise of a process that runs beside the web process."""

RESERVED_FOR_JOBS = {
    **{name: reason for name, reason in RESERVED_DIRECTIVES.items() if name not in ("ExecStart", "Sockets", "Type")},
    "ExecStart": "use the key `command` of the job",
    "TimeoutStartSec": "use the key `timeout` of the job",
    "Type": "a job runs once, to its end",
}
"""Likewise of a job that runs at certain times."""

_OF_THE_PROCESS = re.compile(
    "Type|NotifyAccess|Exec[A-Z].*|Kill.*|SendSIG.*|Restart.*|Timeout.*|Watchdog.*|RuntimeMaxSec|RemainAfterExit|SuccessExitStatus"
    "|PIDFile|GuessMainPID|Sockets|FileDescriptor.*|WorkingDirectory|SyslogIdentifier|User|Group|Environment.*"
)
"""Directives that say how the server is started. All others restrict what it may do and use, and apply to its other processes and commands,
too."""


def find_directive_problems(directives: Directives, reserved: Mapping[str, str] | None = None) -> list[str]:
    """Return a sentence for each directive that is not valid in a unit, or `reserved` in ours: by default RESERVED_DIRECTIVES."""
    return [problem for name, value in directives.items() for problem in _find_problems(name, value, reserved or RESERVED_DIRECTIVES)]


def _find_problems(name: str, value: object, reserved: Mapping[str, str]) -> Iterator[str]:
    if not _NAME.fullmatch(str(name)):
        yield f"service.{name} is not the name of a systemd directive, such as MemoryMax (see systemd.exec(5))"
    elif name in reserved:
        yield f"service.{name} cannot be set: {reserved[name]}"
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, (str, int, float)):
            yield f"service.{name} is {one!r}; it must be text, a number, true or false, or a list of them"
        elif isinstance(one, str) and (_CONTROL.search(one) or one.endswith("\\")):
            yield f"service.{name} is {one!r}; it must be one line, with no control character and no backslash at its end"


def format_directives(directives: Directives) -> str:
    """Return the lines of a unit, one for each value."""
    return "".join(
        f"{name}={_as_text(one)}\n" for name, value in sorted(directives.items()) for one in (value if isinstance(value, list) else [value])
    )


def _as_text(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def format_seconds(seconds: float) -> str:
    """Return a time limit as systemd reads it: without an exponent, and never 0, which would be none at all."""
    return f"{max(float(seconds), 0.001):.3f}".rstrip("0").rstrip(".")


def confining(directives: Directives) -> dict[str, object]:
    """Return the directives that say what a process may do and use, and not how the server is started."""
    return {name: value for name, value in directives.items() if not _OF_THE_PROCESS.fullmatch(name)}


def list_confinement(*units: str, app: str, release: str) -> list[str]:
    """Return the lines of the [Service] sections of unit files that say what an instance may do and use, as `Name=value`."""
    lines = []
    for unit in units:
        service = re.search(r"^\[Service\]\n(.*?)(?=^\[|\Z)", unit, re.MULTILINE | re.DOTALL)
        for line in service[1].splitlines() if service else ():
            name, equals, value = line.partition("=")
            if equals and not name.startswith(("#", ";")) and not _OF_THE_PROCESS.fullmatch(name):
                lines.append(f"{name}={value.replace('%i', release).replace('%p', app)}")
    return lines
