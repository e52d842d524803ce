# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each act on the host: who, from where, what, from what to what, for how long, how it ended.

It goes into a file of root's and into the journal. A line is made of a closed set of fields, so that no variable, argument or output of an
app comes into it. What cannot be written ends no act and holds none up: it is told.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._host.actor import Actor, find_actor
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, set_access
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOG_ROOT

AUDIT = LOG_ROOT / "audit.jsonl"
IDENTIFIER = "webstack-audit"
"""By it the journal knows what this writes."""

MOST_BYTES = 1 << 20
"""A file that would be longer is put aside, and a new one begun."""

KEPT = 5
"""So many that were put aside are kept."""

_LONGEST = 300
"""Characters of a text that are kept."""

_MOST_NOTES = 10
_PATIENCE, _PAUSE = 1.0, 0.01
"""Seconds to wait for others who write, and between two tries."""

_LONGEST_SENDING = 5
"""Seconds that the journal has to take an entry."""

_PROGRAM = re.compile(r"[\w.+-]{1,64}", re.ASCII)
_ASSIGNMENT = re.compile(r"\w+=")


@dataclass
class Act:
    """Something that is done to an app."""

    act: str
    """What it is, in one word or two, such as deploy."""
    app: str
    what: str = ""
    """With what: a part of the app, a program, a backup."""
    before: str = ""
    after: str = ""
    """From which release, or database, to which."""
    version: str = ""
    seconds: float = 0
    error: str = ""
    """Why it has failed; its first line is kept."""
    notes: Sequence[str] = field(default_factory=tuple)
    """What was done besides, in words."""


def describe(act: Act, actor: Actor, moment: float) -> dict[str, Any]:
    """Return what is to be written of an act that ended at a moment, given in seconds since 1970."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
        "app": _shorten(act.app),
        "act": _shorten(act.act),
        "what": _shorten(act.what),
        "from": _shorten(act.before),
        "to": _shorten(act.after),
        "version": _shorten(act.version),
        "seconds": round(act.seconds, 1),
        "outcome": "failed" if act.error else "ok",
        "reason": _shorten(act.error),
        "notes": [_shorten(note) for note in list(act.notes)[:_MOST_NOTES]],
        "user": _shorten(actor.user),
        "address": _shorten(actor.address),
        "controller": _shorten(actor.controller),
        "ci": _shorten(actor.ci),
        "ci_user": _shorten(actor.ci_user),
    }


def _shorten(text: str) -> str:
    """Return the first line of a text, with escapes for what a terminal would obey, and not too long."""
    line = escape(text.strip().partition("\n")[0].replace("\t", " "))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def format_line(described: Mapping[str, Any]) -> bytes:
    """Return the line of the file. It is ASCII, and has no other line break than its end."""
    return json.dumps(described, ensure_ascii=True).encode("ascii") + b"\n"


def format_sentence(described: Mapping[str, Any]) -> str:
    """Return what somebody reads in the journal."""
    before, after = described["from"], described["to"]
    way = f" at {after}" if before == after and after else f" from {before or 'nothing'} to {after or 'nothing'}" if before or after else ""
    what = f" ({described['what']})" if described["what"] else ""
    places = [
        f" from {described['address']}" if described["address"] else "",
        f" by {described['controller']}" if described["controller"] else "",
    ]
    told = f": {described['reason']}" if described["reason"] else ""
    who = f"{described['user']}{''.join(places)}"
    return f"{described['act']} of {described['app']}{what}{way}, {described['outcome']} after {described['seconds']} s; {who}{told}"


def format_entry(described: Mapping[str, Any]) -> bytes:
    """Return the entry of the journal as logger(1) reads it, each field as one of its own."""
    values = {key: "; ".join(value) if isinstance(value, list) else str(value) for key, value in described.items() if key != "time"}
    fields = {
        "MESSAGE": format_sentence(described),
        "PRIORITY": "4" if described["outcome"] == "failed" else "5",
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        **{f"WEBSTACK_{key.upper()}": value for key, value in values.items() if value},
    }
    # No value has a line break, so that each is one line.
    return "".join(f"{name}={value}\n" for name, value in fields.items()).encode("utf-8", "backslashreplace")


def _send(entry: bytes) -> None:
    """Write an entry into the journal.

    It adds the command line of whoever sends one. That of this process may have secrets, as `webstack shop run` has: logger(1) has none.
    """
    subprocess.run(["logger", "--journald"], input=entry, capture_output=True, timeout=_LONGEST_SENDING, check=True)


def record(act: Act, actor: Actor | None = None, *, file: Path = AUDIT, send: Callable[[bytes], None] = _send) -> list[str]:
    """Write an act down; return what went wrong with that, for whoever runs it. Nothing is raised."""
    try:
        described = describe(act, actor or find_actor(), time.time())
        return [
            *_try(lambda: _append(file, format_line(described)), str(file)),
            *_try(lambda: send(format_entry(described)), "the journal"),
        ]
    except Exception as error:  # noqa: BLE001 - an act that was done is not to fail because of how it is written down
        return [f"{act.act} of {act.app} could not be written down: {type(error).__name__}: {error}"]


def _try(write: Callable[[], None], place: str) -> list[str]:
    try:
        write()
    except (OSError, UserError, subprocess.SubprocessError) as error:
        return [f"this was done, and could not be written to {place}: {error}"]
    return []


def _append(file: Path, line: bytes) -> None:
    """Add a line to the file, all of it or nothing. One that the power has cut stays the last of its own line."""
    ensure_directory(file.parent, Access(os.geteuid(), os.getegid(), 0o700))
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _lock(directory)
        with suppress(FileNotFoundError):
            if file.lstat().st_size + len(line) > MOST_BYTES:
                _put_aside(file)
        descriptor = _open(file)
        try:
            size = os.fstat(descriptor).st_size
            whole = line if not size or os.pread(descriptor, 1, size - 1) == b"\n" else b"\n" + line
            if _write(descriptor, whole, size) != len(whole):
                raise OSError(f"there was no room for all of it ({len(whole)} bytes)")
        finally:
            os.close(descriptor)
    finally:
        os.close(directory)


def _write(descriptor: int, whole: bytes, size: int) -> int:
    """Write at the end of a file of a size, and take back what is not all of it; return how many bytes were written."""
    written = 0
    try:
        written = os.write(descriptor, whole)
    finally:
        if written != len(whole):
            with suppress(OSError):
                os.ftruncate(descriptor, size)
    return written


def _open(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    set_access(descriptor, Access(os.geteuid(), os.getegid(), 0o600))
    return descriptor


def _put_aside(file: Path) -> None:
    for number in range(KEPT, 0, -1):
        former = _aside(file, number - 1) if number > 1 else file
        with suppress(FileNotFoundError):
            os.replace(former, _aside(file, number))


def _aside(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}.{number}")


def _lock(descriptor: int) -> None:
    """Let nobody else write meanwhile: the kernel's lock on the directory, which ends with its holder."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise OSError(f"others have been writing to it for {_PATIENCE:g} s") from None
            time.sleep(_PAUSE)
        else:
            return


def read_last(most: int, app: str = "", file: Path = AUDIT) -> list[dict[str, Any]]:
    """Return the last acts, of all apps or of one, the oldest first. A line that is cut is passed over."""
    found: list[dict[str, Any]] = []
    for place in (file, *(_aside(file, number) for number in range(1, KEPT + 1))):
        if len(found) >= most:
            break
        try:
            lines = place.read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            continue
        told = [act for act in map(_read_line, lines) if act and app in ("", act.get("app"))]
        found = [*told, *found]
    return found[-most:] if most > 0 else []


def _read_line(line: str) -> dict[str, Any] | None:
    try:
        read = json.loads(line)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


@contextmanager
def audited(act: str, app: str, what: str = "", warn: Callable[[str], object] | None = None) -> Iterator[Act]:
    """Write down what is done within, with its end, however it ends; what fails is raised again.

    Whoever does it may say more: `error` where it fails without raising anything, `before` and `after`.
    """
    done, begun = Act(act, app, what), time.monotonic()
    try:
        yield done
    except BaseException as error:
        done.error = done.error or (str(error) if isinstance(error, (UserError, OSError)) else "") or type(error).__name__
        raise
    finally:
        done.seconds = time.monotonic() - begun
        for complaint in record(done):
            (warn or _complain)(complaint)


def _complain(words: str) -> None:
    sys.stderr.write(escape(f"WARNING: {words}\n"))


def name_program(words: Sequence[str]) -> str:
    """Return the program of a command line and how many arguments it has, and none of these: they may be secrets.

    One word alone is a line for a shell; what it assigns before its program counts for nothing.
    """
    try:
        parts = shlex.split(words[0]) if len(words) == 1 else list(words)
    except ValueError:
        parts = []
    while parts and len(words) == 1 and _ASSIGNMENT.match(parts[0]):
        del parts[0]
    program = os.path.basename(parts[0]) if parts else ""
    if not _PROGRAM.fullmatch(program):
        return "a line for a shell" if len(words) == 1 else "a program"
    return f"{program}, {len(parts) - 1} argument{'' if len(parts) == 2 else 's'}"
