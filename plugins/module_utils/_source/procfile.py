# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `Procfile` of a source: what other platforms run of it, `<name>: <command>` in each line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import PROCESS_PATTERN
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import is_within

PROCFILE = "Procfile"
"""Its name, and the value of `processes` that takes the processes from it."""

NO_FILE = f"there is no file with that very name at its top, {PROCFILE}"
"""Why nothing can be taken from a source."""

_LARGEST = 64 * 1024
"""Bytes of the largest one that is read."""

_LONGEST = 4096
"""Characters of the longest line that is read. What is searched in it would take minutes of the controller's time in one without end."""

_MOST = 100
"""Lines, at most: each may become a unit."""

_ENTRY = re.compile(r"([A-Za-z0-9_-]+):(.*)", re.DOTALL)
_MERGE = re.compile(r"(<{7}|>{7}|\|{7})( .*)?|={7}")
_QUOTED = re.compile(r"\"[^\"]*\s[^\"]*\"|'[^']*\s[^']*'")
_CRON = re.compile(r"(@[a-z]+|(?:[\d*/,-]+\s+){3}[\w*/,-]+\s+[\w*/,-]+)\s+(\S.*)")

_JINJA = re.compile(r"\{[{%#]")
"""What begins an expression of Ansible, which somebody else's text must never be."""

_KINDS = {
    "web": ("web", "wsgi", "asgi"),
    "release": ("release",),
    "other": ("console", "shell", "preflight", "postdeploy", "static", "php", "identity", "rwsgi", "jwsgi", "cwsgi"),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}


class Line(NamedTuple):
    """What one line says."""

    number: int
    name: str
    command: str

    @property
    def kind(self) -> str:
        """What it is: `web`, `release`, `cron`, `process`, or `other`, which is nothing that runs for as long as a release is live."""
        if self.cron and (self.name.lower().startswith("cron") or not self.command.startswith("@")):
            return "cron"
        return _KIND_OF.get(self.name.lower(), "process")

    @property
    def cron(self) -> tuple[str, str] | None:
        """The times, as cron writes them, and the command, if the line is one of a crontab."""
        found = _CRON.fullmatch(self.command)
        return (found[1], found[2]) if found else None


class Procfile(NamedTuple):
    """What was read, and a sentence with the number for each line that cannot be."""

    lines: Sequence[Line]
    problems: Sequence[str]

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Procfile:
        """Return what `to_result` has made plain."""
        return cls([Line(*line) for line in described["lines"]], list(described["problems"]))

    def to_result(self) -> dict[str, Any]:
        """Return it as a module hands it on."""
        return {"lines": [list(line) for line in self.lines], "problems": list(self.problems)}

    @property
    def processes(self) -> list[Line]:
        """The lines that run for as long as a release is live."""
        return [line for line in self.lines if line.kind == "process"]


def require_processes(found: Procfile | None) -> None:
    """Raise UserError, which names each line, if the processes of an app cannot be taken from what was found as they are."""
    if found is None:
        raise UserError(f"`processes: {PROCFILE}` takes the processes from the source, and {NO_FILE}")
    if not found.processes and not found.problems:
        names = ", ".join(line.name for line in found.lines)
        raise UserError(
            f"`processes: {PROCFILE}` takes the processes from the source, whose {PROCFILE} has none{f', but {names}' if names else ''}; "
            "take the key out"
        )
    problems = [*found.problems, *(problem for line in found.processes for problem in _find_name_problems(line))]
    if problems:
        raise UserError(
            f"`processes: {PROCFILE}` takes the processes from the source, whose {PROCFILE} says what cannot be read: "
            f"{'; '.join(problems)}. Mend it, or write the processes into the description"
        )


def _find_name_problems(line: Line) -> Iterable[str]:
    if not PROCESS_PATTERN.fullmatch(line.name):
        yield (
            f"line {line.number} names `{line.name}`; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter"
        )


def read_procfile(build: Path) -> Procfile | None:
    """Return what the `Procfile` at the top of a build says; None if there is none."""
    path = build / PROCFILE
    if not path.is_file() or not is_within(path, build):
        return None
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        return Procfile([], [f"it has more than {_LARGEST // 1024} KiB"])
    try:
        return parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        return Procfile([], [f"line {number} is no text in UTF-8; save the file in that encoding"])


def parse(text: str) -> Procfile:
    """Return what a `Procfile` says. Empty lines and comments count for nothing."""
    lines: list[Line] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not raw.strip() or raw.lstrip().startswith("#"):
            continue
        if len(lines) + len(problems) == _MOST:
            problems.append(f"it has more than {_MOST} lines")
            break
        found = _ENTRY.fullmatch(raw)
        problem = _find_problem(raw, found and found[2].strip())
        if problem or not found:
            problems.append(f"line {number} {problem}")
            continue
        name, command = found[1], found[2].strip()
        if name.lower() in seen:
            problems.append(f"line {number} names `{name}` again, after line {seen[name.lower()]}")
            continue
        seen[name.lower()] = number
        lines.append(Line(number, name, command))
    return Procfile(lines, problems)


def _find_problem(raw: str, command: str | None) -> str:
    if len(raw) > _LONGEST:
        return f"has more than {_LONGEST} characters; put the command into a script of the source"
    if found := _JINJA.search(raw):
        # Not quoted as it is: it may not reach the controller.
        return f"has a brace before {found[0][1]!r}, which Ansible would take for its own; put the command into a script of the source"
    if not raw.replace("\t", " ").isprintable():
        return f"is {_shorten(raw)!r}, with a character that nobody sees"
    why = next((why for is_so, why in _list_signs(raw, command) if is_so), "")
    return f"is `{_shorten(raw)}`{why}" if why else ""


def _list_signs(raw: str, command: str | None) -> Iterable[tuple[bool, str]]:
    """Return what a line may be that it must not be, whether it is, and what to say of it."""
    return (
        (bool(_MERGE.fullmatch(raw.rstrip())), ", a mark of a merge that was not ended"),
        (command is None, "; a line is `<name>: <command>`, with letters, digits, '-' and '_' in the name, beginning at the margin"),
        (command == "", ", without a command"),
        ((command or "").endswith("\\"), ", which goes on in the next line; a command is one line"),
        (bool(_QUOTED.fullmatch(command or "")), ", a command in quotes, which would be the name of one program; take them off"),
    )


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
