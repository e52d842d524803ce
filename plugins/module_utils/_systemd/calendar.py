# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar events, systemd.time(7), and what crontab(5) has in their place."""

from __future__ import annotations

import re

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_DAYS = re.compile(r"(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?([.,].*)?", re.IGNORECASE)

_WORDS = {
    "@hourly": "hourly",
    "@daily": "daily",
    "@midnight": "daily",
    "@weekly": "Sun *-*-* 00:00",
    "@monthly": "monthly",
    "@yearly": "yearly",
    "@annually": "yearly",
}
_WEEK = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_YEAR = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12))
"""Of a crontab's fields, but for the day of the week: minute, hour, day, month."""


def from_cron(times: str) -> str | None:
    """Return the calendar event of the times of a crontab's line; None if there is none that means the same."""
    fields = times.lower().split()
    if len(fields) == 1:
        return _WORDS.get(fields[0])
    if len(fields) != 5:
        return None
    months = re.sub(r"[a-z]{3}", lambda found: str(_YEAR.index(found[0]) + 1) if found[0] in _YEAR else found[0], fields[3])
    parts = [_read_field(field, *limits) for field, limits in zip([*fields[:3], months], _RANGES)]
    days = "" if fields[4] == "*" else _read_days(fields[4])
    # Of a day of the month and one of the week, cron takes either; a calendar event takes what is both.
    if None in parts or days is None or (days and fields[2] != "*"):
        return None
    minute, hour, day, month = (f"{int(part):02}" if part and part.isdigit() else part for part in parts)
    return f"{days} *-{month}-{day} {hour}:{minute}".strip()


def _read_field(field: str, first: int, last: int) -> str | None:
    read = []
    for part in field.split(","):
        found = re.fullmatch(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?", part)
        if not found or (found[1] and not found[2] and found[3]) or found[3] in ("0", "00"):
            return None
        begin, end = int(found[1] or first), int(found[2] or found[1] or last)
        if not first <= begin <= end <= last:
            return None
        step = f"/{int(found[3])}" if found[3] and found[3] != "1" else ""
        every = f"{first}{step}" if step else "*"
        read.append(every if not found[1] else f"{begin}..{end}{step}" if found[2] else str(begin))
    return "*" if "*" in read else ",".join(read)


def _read_days(field: str) -> str | None:
    read = []
    for part in field.split(","):
        ends = [_read_day(end) for end in part.split("-")]
        if None in ends or len(ends) > 2:
            return None
        begin, end = int(ends[0] or 0), int(ends[-1] or 0)
        end += 7 if end < begin else 0
        if 1 <= begin < end <= 7:
            read.append(f"{_WEEK[begin]}..{_WEEK[end]}")
        else:
            read += [_WEEK[number % 7] for number in range(begin, end + 1)]
    return ",".join(dict.fromkeys(read))


def _read_day(day: str) -> int | None:
    names = [name.lower() for name in _WEEK]
    if day in names:
        return names.index(day)
    return int(day) if re.fullmatch(r"[0-7]", day) else None


def with_zone(event: str) -> str:
    """Return a calendar event that names its time zone: UTC, unless it does."""
    words = event.split()
    names_one = len(words) > 1 and _ZONE.fullmatch(words[-1]) and not _DAYS.fullmatch(words[-1])
    return " ".join(words if names_one else [*words, "UTC"])
