# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of a calendar event that are lost when the clocks of its zone change: systemd passes over them.

Where the clocks go forward, a time between does not come that day. Where they go back, an hour comes twice, and an event is due in the
first of the two alone: right for one that is due once a day, and a loss for one that is due each hour or more often.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Find = Callable[[str, float], list[str]]
"""Return the next times of an event after a moment, in seconds since the epoch: systemctl.find_next_times."""

_DAYS_AHEAD = 370
"""How far ahead changes are looked for: each of a year."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class ClockChange:
    """A change of a zone's clocks."""

    before: datetime
    """What the clocks of the zone show when it comes, without a zone."""

    after: datetime
    """What they show from then on."""

    @property
    def step(self) -> timedelta:
        """How far they go, forward or back."""
        return abs(self.after - self.before)


def find_clock_changes(zone: str, now: float) -> Iterator[ClockChange]:
    """Return the changes of a zone's clocks within a year; none of a zone that is not known."""
    try:
        clock = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return
    start = datetime.fromtimestamp(int(now), timezone.utc)
    for day in range(_DAYS_AHEAD):
        low, high = start + timedelta(day), start + timedelta(day + 1)
        if low.astimezone(clock).utcoffset() == high.astimezone(clock).utcoffset():
            continue
        while high - low > _SECOND:
            middle = low + (high - low) // 2 // _SECOND * _SECOND
            low, high = (low, middle) if middle.astimezone(clock).utcoffset() != low.astimezone(clock).utcoffset() else (middle, high)
        yield ClockChange(low.astimezone(clock).replace(tzinfo=None) + _SECOND, high.astimezone(clock).replace(tzinfo=None))


def describe_loss(event: str, now: float, find: Find) -> str | None:
    """Return why runs of an event that names its zone are lost within a year, and what to write, or None."""
    bare, _space, zone = event.rpartition(" ")
    for change in find_clock_changes(zone, now):
        shown = f"on {change.before:%F} the clocks of {zone} go from {change.before:%H:%M} to {change.after:%H:%M}"
        # What the clocks pass over, or show twice, is looked for in UTC, whose clocks do not change.
        begin = min(change.before, change.after)
        due = _find_due(bare, begin, find)
        if due is None or due >= begin + change.step:
            continue
        always = all(_find_due(bare, due + step, find) == due + step for step in (-change.step, change.step))
        if change.after > change.before and not always:
            return f"{shown}, and {due:%H:%M} does not come; write a time that comes every day, or leave out the zone: it is in UTC then"
        if change.after < change.before and always:
            return f"{shown}, and it is not due when that hour comes again; leave out the zone: it is in UTC then"
    return None


def _find_due(bare: str, moment: datetime, find: Find) -> datetime | None:
    """Return when an event is due, at a moment or next after it, by clocks that do not change."""
    since = moment.replace(tzinfo=timezone.utc) - _SECOND
    (due, *_others) = find(f"{bare} UTC", since.timestamp())
    return None if due == "never" else datetime.strptime(due.partition(" ")[2], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=None)  # noqa: DTZ007
