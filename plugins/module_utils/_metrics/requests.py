# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests nginx has answered for each app, by the class of their status: counted from its access logs, what is new in them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, read_text, write_atomically

STATE = Path("/var/lib/webstack-flask/metrics-requests.json")
_LOGS = Path("/var/log/nginx")
_MOST_READ = 1 << 26
"""Bytes of one log that are read at a time; the next run goes on from there."""

_STATUS = re.compile(rb'(?m)^[^"\n]*"[^"\n]*" ([1-5])\d\d ')
"""In a line of the formats that begin as `combined` does. nginx writes a quotation mark that a visitor sends as \\x22."""

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


@dataclass(frozen=True)
class Seen:
    """What was counted of the log of one app, and how far it was read: the file, by its inode, and the place in it."""

    inode: int = 0
    place: int = 0
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))


def count_requests(apps: Iterable[str], logs: Path = _LOGS, state: Path = STATE) -> dict[str, Mapping[str, int]]:
    """Return how many requests each app with a log has had since its first counting, by class, and keep that for the next time.

    What was in a log before there was any counting does not count.
    """
    before = _read_state(state)
    found = {app: seen for app in apps if (seen := _read_on(logs / f"{app}.access.log", before.get(app), is_first=not before))}
    write_atomically(
        state, json.dumps({app: asdict(seen) for app, seen in found.items()}) + "\n", Access(os.geteuid(), os.getegid(), 0o600)
    )
    return {app: seen.counts for app, seen in found.items()}


def _read_state(path: Path) -> dict[str, Seen]:
    with suppress(ValueError, TypeError, AttributeError):
        told: dict[str, Any] = json.loads(read_text(path) or "{}")
        return {app: Seen(**seen) for app, seen in told.items()}
    return {}


def _read_on(log: Path, seen: Seen | None, *, is_first: bool) -> Seen | None:
    """Return what is known of a log after what is new in it, None where there is none."""
    try:
        status = log.stat()
    except FileNotFoundError:
        return seen
    if seen is None:
        seen = Seen(status.st_ino, status.st_size if is_first else 0)
    if seen.inode != status.st_ino:
        # It was rotated: the rest is in the file beside.
        rotated = log.with_name(f"{log.name}.1")
        with suppress(FileNotFoundError):
            if rotated.stat().st_ino == seen.inode:
                seen = _read_file(rotated, seen)
        seen = Seen(status.st_ino, 0, seen.counts)
    elif status.st_size < seen.place:
        seen = Seen(status.st_ino, 0, seen.counts)  # it was emptied
    return _read_file(log, seen)


def _read_file(path: Path, seen: Seen) -> Seen:
    """Return what is known after the whole lines that are new."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        file.seek(seen.place)
        text = file.read(_MOST_READ)
    whole = text[: text.rfind(b"\n") + 1]
    return Seen(seen.inode, seen.place + len(whole), add_counts(seen.counts, count_classes(whole)))


def count_classes(text: bytes) -> Mapping[str, int]:
    """Return how many of some lines of a log have a status of each class. A line of another format is none."""
    found = Counter(_STATUS.findall(text))
    return {name: found[name[:1].encode()] for name in CLASSES}


def add_counts(*counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sums by class."""
    return {name: sum(each.get(name, 0) for each in counts) for name in CLASSES}
