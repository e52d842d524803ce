# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages in words. What apps have said is bounded, and what a terminal would obey in it stands as an escape."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._notifications.decision import MOST_AN_HOUR, News
from ansible_collections.webstack.flask.plugins.module_utils._notifications.queue import MINUTE, Message

FAILURE, RECOVERY = "failure", "recovery"
_LONGEST = 400
"""Characters of what is told of one trouble."""

_MOST = 10
"""Troubles that one message names."""

_LATE = 5 * MINUTE


def write(news: News, app: str, host: str, wanted: Sequence[Sequence[str]]) -> list[Message]:
    """Return a message for each target that wants any of the news; `wanted` says of each target which kinds it is to have."""
    messages = []
    for target, kinds in enumerate(wanted):
        part = _choose(news, kinds)
        if part:
            kind = FAILURE if part.failed or part.still or part.passed else RECOVERY
            messages.append(Message(target, kind, f"{kind.upper()}: {app} on {host}", _write_body(part, app), news.at))
    return messages


def _choose(news: News, kinds: Sequence[str]) -> News:
    """Return the news of some kinds."""
    chosen = news if FAILURE in kinds else replace(news, failed=(), still=(), passed=())
    return chosen if RECOVERY in kinds else replace(chosen, recovered=())


def _write_body(news: News, app: str) -> str:
    looks = dict.fromkeys(one.found.look for one in (*news.failed, *news.still))
    lines = [
        *_list("Failed:", [f"{_bound(one.found.text)} (since {show_time(one.since)})" for one in news.failed]),
        *_list("Not mended yet:", [f"{_bound(one.found.text)} (since {show_time(one.since)})" for one in news.still]),
        *_list("Came and went while messages were held back:", list(map(_bound, news.passed))),
        *_list("Well again:", [f"{_bound(one.found.text)} (it began {show_time(one.since)})" for one in news.recovered]),
        *_list("To see more, type on the host:", [f"sudo webstack {app} {look}" for look in looks]),
    ]
    if news.is_last:
        lines.append(f"No more than {MOST_AN_HOUR} messages are sent within an hour. What comes until then is told afterwards, in one.")
    return "\n".join(lines)


def _list(title: str, entries: Sequence[str]) -> list[str]:
    if not entries:
        return []
    more = [f"- and {len(entries) - _MOST} more"] if len(entries) > _MOST else []
    return [title, *(f"- {entry}" for entry in entries[:_MOST]), *more]


def _bound(text: str) -> str:
    words = escape(" ".join(text.split()))
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def with_delay(message: Message, lost: int, now: float) -> str:
    """Return the body of a message, with what there is to say of its way."""
    lines = [message.body]
    if now - message.at > _LATE:
        lines.append(f"This is of {show_time(message.at)}; it could not be sent before.")
    if lost:
        lines.append(f"{lost} older messages could not be sent at all.")
    return "\n".join(lines)


def show_time(moment: float) -> str:
    """Return a moment as people write it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
