# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody is told, and when: from what was known of an app and what is wrong with it now. Nothing here looks at the host.

Whoever is told knows in the end what is so: what is withheld, because it would be too much, comes later, as the
difference to what was told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

HOUR = 3600
DAY = 24 * HOUR
MOST_AN_HOUR = 6
"""Messages that one app may cause within an hour."""

LASTS = 2
"""A trouble that may pass by itself, and the end of any, count when so many looks in a row have found them."""

_MOST_HELD = 20


@dataclass(frozen=True)
class Found:
    """Something that is wrong with an app now."""

    key: str
    """By it one look knows again what another one has found, whatever its words are."""

    text: str
    mark: str = ""
    """What tells one occurrence from the next, such as the release of a failed deploy: another one is told as a new failure."""

    passing: bool = False
    """Whether it may pass by itself, as while an app is started anew."""

    look: str = "status"
    """The words after `webstack APP` that tell more."""


@dataclass(frozen=True)
class Known:
    """A trouble that was found, and what was told of it. Times are seconds since the epoch."""

    found: Found
    since: float
    looks: int = 1
    """How many looks in a row have found it, up to LASTS; 0 where the last one did not."""

    missed: int = 0
    """How many looks in a row have not found it any more, up to LASTS."""

    told: float | None = None
    """When somebody was told of it the last time."""

    @property
    def counts(self) -> bool:
        """Whether it is there, and lasts."""
        return self.missed == 0 and (self.looks >= LASTS or not self.found.passing)

    @property
    def is_over(self) -> bool:
        """Whether it was told, and has been gone for long enough to say so."""
        return self.told is not None and self.missed >= LASTS


@dataclass(frozen=True)
class News:
    """What one message tells of an app."""

    at: float
    failed: Sequence[Known] = ()
    still: Sequence[Known] = ()
    """Troubles that were told a day ago, and are there yet."""

    recovered: Sequence[Known] = ()
    passed: Sequence[str] = ()
    """What came and went while no more messages were allowed."""

    is_last: bool = False
    """Whether no more are allowed after this one for a while."""

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.failed or self.still or self.recovered or self.passed)


@dataclass(frozen=True)
class Memory:
    """What is known of an app from one look to the next."""

    known: Mapping[str, Known] = field(default_factory=dict)
    sent: Sequence[float] = ()
    """When there were messages within the last hour."""

    held: Mapping[str, str] = field(default_factory=dict)
    """What would have been told, had it not been too much, by its key."""


def decide(memory: Memory, found: Iterable[Found], undecided: Collection[str], now: float) -> tuple[News, Memory]:
    """Return what is to be told after a look, nothing in most cases, and what is to be known at the next one.

    Of the keys that are `undecided` nothing can be said now, such as of a job that runs anew: they stay as they were.
    """
    known = _look(memory.known, {one.key: one for one in found if one.key not in undecided}, undecided, now)
    failed = [one for one in known.values() if one.counts and one.told is None]
    still = [one for one in known.values() if one.counts and one.told is not None and now - one.told >= DAY]
    recovered = [one for one in known.values() if one.is_over]
    sent = [moment for moment in memory.sent if now - HOUR < moment <= now]
    if len(sent) >= MOST_AN_HOUR:
        held = {**memory.held, **{one.found.key: one.found.text for one in failed}}
        return News(now), Memory(known, sent, dict(list(held.items())[:_MOST_HELD]))
    named = {one.found.key for one in (*failed, *still, *recovered)} | {key for key, one in known.items() if one.told is not None}
    passed = [text for key, text in memory.held.items() if key not in named]
    news = News(now, failed, still, recovered, passed, is_last=len(sent) == MOST_AN_HOUR - 1)
    if not news:
        return news, Memory(known, sent)
    told = {one.found.key: replace(one, told=now) for one in (*failed, *still)}
    gone = {one.found.key for one in recovered}
    return news, Memory({key: told.get(key, one) for key, one in known.items() if key not in gone}, [*sent, now])


def _look(known: Mapping[str, Known], found: Mapping[str, Found], undecided: Collection[str], now: float) -> dict[str, Known]:
    """Return what is known after a look. What was never told, and is gone, is forgotten."""
    after = {}
    for key, one in known.items():
        now_found = found.get(key)
        if now_found is None:
            if key in undecided:
                after[key] = one
            elif one.told is not None:
                after[key] = replace(one, looks=0, missed=min(one.missed + 1, LASTS))
        elif now_found.mark != one.found.mark:
            after[key] = Known(now_found, now)
        else:
            after[key] = replace(one, found=now_found, looks=min(one.looks + 1, LASTS), missed=0)
    return {**after, **{key: Known(one, now) for key, one in found.items() if key not in known}}
