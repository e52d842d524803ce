# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that are on their way: one that cannot be sent stays, and is tried again. Nothing here sends any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

MINUTE = 60
_LONGEST_PAUSE = 60 * MINUTE
_MOST_WAITING = 20
"""Messages that wait for one target; of more the oldest goes, which the next one tells."""


@dataclass(frozen=True)
class Message:
    """A message for one target."""

    target: int
    """Its number in the list of the user."""

    kind: str
    """`failure` or `recovery`, as targets are asked for them."""

    title: str
    body: str
    at: float


@dataclass(frozen=True)
class Failing:
    """A target to which nothing can be sent."""

    since: float
    tries: int
    next: float
    """Not before this moment it is tried again."""

    error: str


@dataclass(frozen=True)
class Queue:
    """What waits, in the order in which it came."""

    waiting: Sequence[Message] = ()
    failing: Mapping[int, Failing] = field(default_factory=dict)
    lost: Mapping[int, int] = field(default_factory=dict)
    """How many messages went because too many waited, by target."""


def enqueue(queue: Queue, messages: Sequence[Message]) -> Queue:
    """Return the queue with further messages."""
    waiting, lost = [*queue.waiting, *messages], dict(queue.lost)
    for target in {message.target for message in messages}:
        own = [message for message in waiting if message.target == target]
        for surplus in own[: max(0, len(own) - _MOST_WAITING)]:
            waiting.remove(surplus)
            lost[target] = lost.get(target, 0) + 1
    return replace(queue, waiting=waiting, lost=lost)


def find_due(queue: Queue, now: float) -> Message | None:
    """Return what is to be sent next: the first one for a target that is not waited for."""
    return next((each for each in queue.waiting if _has_waited(queue.failing.get(each.target), now)), None)


def _has_waited(failing: Failing | None, now: float) -> bool:
    # A moment that is too far off is of a clock that was set back.
    return failing is None or not now < failing.next <= now + _LONGEST_PAUSE


def settle(queue: Queue, message: Message, error: str | None, now: float) -> Queue:
    """Return the queue after a message was tried. Without an error it is gone; with one its target has a pause, longer each time."""
    target = message.target
    failing = {number: one for number, one in queue.failing.items() if number != target}
    if error is None:
        waiting, lost = list(queue.waiting), {number: count for number, count in queue.lost.items() if number != target}
        waiting.remove(message)
        return Queue(waiting, failing, lost)
    before = queue.failing.get(target)
    tries = before.tries + 1 if before else 1
    pause = min(MINUTE * 2 ** min(tries - 1, 10), _LONGEST_PAUSE)
    return replace(queue, failing={**failing, target: Failing(before.since if before else now, tries, now + pause, error)})


def adopt(queue: Queue, targets: int) -> Queue:
    """Return the queue for a list of targets that has changed: all are tried at once, and what was for one that is gone goes."""
    return Queue([each for each in queue.waiting if each.target < targets], {}, {key: n for key, n in queue.lost.items() if key < targets})
