# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host keeps of notifications: to whom they go, in a file of root's for each app, and what was told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, read_text, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils._layout import check_name
from ansible_collections.webstack.flask.plugins.module_utils._notifications.decision import Found, Known, Memory
from ansible_collections.webstack.flask.plugins.module_utils._notifications.message import show_time
from ansible_collections.webstack.flask.plugins.module_utils._notifications.queue import Failing, Message, Queue, adopt

SETTINGS_ROOT = Path("/etc/webstack-flask/notifications")
"""With a file for each app. It has the URLs, which are secrets."""

STATE_ROOT = Path("/var/lib/webstack-flask/notifications")

UNIT = "webstack-flask-notify"
"""Name of the timer and the service that look at all apps of the host, without their kinds."""

SECRET = Access(0, 0, 0o600)
DIRECTORY = Access(0, 0, 0o700)


@dataclass(frozen=True)
class Target:
    """Somebody who is told."""

    url: str = field(repr=False)
    on: Sequence[str] = ("failure", "recovery")


@dataclass(frozen=True)
class Settings:
    """Who is told of one app."""

    name: str
    targets: Sequence[Target]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Settings:
        """Return the settings that a file, or the module, tells."""
        return cls(told["name"], [Target(each["url"], tuple(each["on"])) for each in told["targets"]])

    def format(self) -> str:
        """Return the text of the file."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @property
    def digest(self) -> str:
        """What changes with them."""
        return hashlib.sha256(self.format().encode()).hexdigest()


def name_target(number: int, target: Target) -> str:
    """Return how a message names a target: its URL is a secret, but for how it begins."""
    return f"notify[{number}] ({target.url.partition('://')[0]}://…)"


@dataclass(frozen=True)
class State:
    """What is kept of an app from one look to the next."""

    memory: Memory = field(default_factory=Memory)
    queue: Queue = field(default_factory=Queue)
    digest: str = ""
    """Of the settings with which it was written."""

    def under(self, settings: Settings) -> State:
        """Return the state under settings that may be others than before."""
        if self.digest == settings.digest:
            return self
        return State(self.memory, adopt(self.queue, len(settings.targets)), settings.digest)

    def format(self) -> str:
        """Return the text of the file."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def parse(cls, text: str) -> State:
        """Return the state in the text of a file; of one that cannot be read nothing is known."""
        try:
            told = json.loads(text)
            memory, queue = told["memory"], told["queue"]
            return cls(
                Memory(
                    {key: Known(**{**one, "found": Found(**one["found"])}) for key, one in memory["known"].items()},
                    memory["sent"],
                    memory["held"],
                ),
                Queue(
                    [Message(**each) for each in queue["waiting"]],
                    {int(number): Failing(**one) for number, one in queue["failing"].items()},
                    {int(number): count for number, count in queue["lost"].items()},
                ),
                told["digest"],
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()


def settings_file(name: str) -> Path:
    """Return the file with the settings of an app."""
    return SETTINGS_ROOT / f"{check_name(name)}.json"


def state_file(name: str) -> Path:
    """Return the file with the state of an app."""
    return STATE_ROOT / f"{check_name(name)}.json"


def list_described() -> list[str]:
    """Return the apps of which somebody is told."""
    return sorted(path.stem for path in SETTINGS_ROOT.glob("*.json"))


def read_settings(name: str) -> Settings | None:
    """Return the settings of an app, None where nobody is told of it."""
    text = read_text(settings_file(name))
    return Settings.of(json.loads(text)) if text is not None else None


def read_state(name: str) -> State:
    """Return the state of an app."""
    return State.parse(read_text(state_file(name)) or "")


def write_state(name: str, state: State) -> None:
    """Write the state of an app, if somebody is still told of it."""
    if settings_file(name).exists() and read_text(state_file(name)) != state.format():
        ensure_directory(STATE_ROOT, DIRECTORY)
        write_atomically(state_file(name), state.format(), SECRET)


def describe_failing(name: str) -> list[str]:
    """Return to which targets of an app nothing can be sent, and why."""
    settings, queue = read_settings(name), read_state(name).queue
    return [
        f"{name_target(number, settings.targets[number])}: {one.error} (since {show_time(one.since)}; it is tried again)"
        for number, one in queue.failing.items()
        if settings and number < len(settings.targets)
    ]
