# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program of the host that looks at the apps each minute, and tells what has begun and what is over."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._notifications.decision import Found, decide
from ansible_collections.webstack.flask.plugins.module_utils._notifications.message import with_delay, write
from ansible_collections.webstack.flask.plugins.module_utils._notifications.queue import enqueue, find_due, settle
from ansible_collections.webstack.flask.plugins.module_utils._notifications.sending import send
from ansible_collections.webstack.flask.plugins.module_utils._notifications.settings import (
    Settings,
    State,
    list_described,
    name_target,
    read_settings,
    read_state,
    write_state,
)
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import list_apps, read_statuses
from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import UNTOLD, AppStatus, Trouble, Weight

LAUNCHER = Path("/usr/local/lib/webstack-flask/notify")
"""The program on a host."""

_LOCK = LOCK_ROOT / "notify.lock"
_LOCK_TIMEOUT = 300
_LONGEST = 1000
"""Characters of a trouble that are kept."""

_ENOUGH = 240.0
"""Seconds after which a look sends no more; the next one goes on."""


def main() -> int:
    """Look once at each app of which somebody is told, and send what there is to send."""
    with hold_lock(_LOCK, _LOCK_TIMEOUT, lambda _words: None):
        known = set(list_apps())
        settings = [one for name in list_described() if name in known and (one := read_settings(name)) is not None]
        statuses = _read([one.name for one in settings])
        deadline = time.monotonic() + _ENOUGH
        for one, status in zip(settings, statuses):
            state = look(read_state(one.name).under(one), one, status, os.uname().nodename, time.time())
            # Before it is sent: what was found is not lost with this process.
            write_state(one.name, state)
            _send_all(one, state, deadline)
    return 0


def _read(names: Sequence[str]) -> list[AppStatus]:
    """Return how each app is. One that cannot be looked at keeps nobody from being told of the others."""
    try:
        return read_statuses(names, time.time())
    except Exception:  # noqa: BLE001 - each by itself, to find the one
        return [_read_one(name) for name in names]


def _read_one(name: str) -> AppStatus:
    try:
        return read_statuses([name], time.time())[0]
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody is to know
        trouble = Trouble(Weight.PART, f"it cannot be looked at: {type(error).__name__}: {error}", "look", passing=True)
        return AppStatus(name, troubles=[trouble])


def look(state: State, settings: Settings, status: AppStatus, host: str, now: float) -> State:
    """Return the state after a look at an app, with the messages that it makes."""
    found = [
        Found(trouble.key, trouble.text[:_LONGEST], trouble.mark, trouble.passing, trouble.look)
        for trouble in status.troubles
        if trouble.key != UNTOLD
    ]
    news, memory = decide(state.memory, found, status.undecided, now)
    messages = write(news, settings.name, host, [target.on for target in settings.targets])
    return replace(state, memory=memory, queue=enqueue(state.queue, messages))


def _send_all(settings: Settings, state: State, deadline: float, send: Callable[[Mapping[str, str]], str | None] = send) -> None:
    """Send what is due of an app, and write down after each message what became of it: a process that is killed sends one of them twice."""
    while (message := find_due(state.queue, time.time())) is not None and time.monotonic() < deadline:
        target = settings.targets[message.target]
        body = with_delay(message, state.queue.lost.get(message.target, 0), time.time())
        error = send({"url": target.url, "kind": message.kind, "title": message.title, "body": body})
        became = f"could not be sent: {error}" if error else "was sent"
        sys.stdout.write(escape(f"{settings.name}: the message to {name_target(message.target, target)} {became}\n"))
        state = replace(state, queue=settle(state.queue, message, error, time.time()))
        write_state(settings.name, state)
