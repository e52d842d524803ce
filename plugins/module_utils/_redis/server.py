# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running Redis is asked and told by its administrator, through its own client."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._redis.address import RedisLayout
from ansible_collections.webstack.flask.plugins.module_utils._redis.config import ADMINISTRATOR, SETTINGS

_CLIENT = "/usr/bin/redis-cli"
_TIMEOUT = 60
_WRITE_TIMEOUT = 600
_PAUSE = 0.1


class Server:
    """A running Redis."""

    def __init__(self, layout: RedisLayout, password: str) -> None:
        """Keep which one, and the administrator's password."""
        self.layout = layout
        self._environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "REDISCLI_AUTH": password}

    def read_settings(self) -> dict[str, str]:
        """Return its SETTINGS."""
        told: dict[str, str] = json.loads(self._ask("--json", "CONFIG", "GET", *SETTINGS))
        return {key: told[key] for key in SETTINGS}

    def read_memory(self) -> int:
        """Return how many bytes its data take."""
        return int(parse_info(self._ask("INFO", "memory"))["used_memory"])

    def set(self, key: str, value: str) -> None:
        """Give it another setting, at once."""
        self._ask("CONFIG", "SET", key, value)

    def wait_for_log(self) -> None:
        """Wait until the append-only file has all data. It is written from the moment on in which the setting says so."""
        self._wait("aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_last_bgrewrite_status", "its append-only file")

    def write_snapshot(self) -> None:
        """Have it write a snapshot of all data, and wait until it has."""
        self._ask("BGSAVE", "SCHEDULE")
        self._wait("rdb_bgsave_in_progress", "aof_rewrite_in_progress", "rdb_last_bgsave_status", "a snapshot")

    def _wait(self, running: str, waiting: str, status: str, what: str) -> None:
        deadline = time.monotonic() + _WRITE_TIMEOUT
        while "1" in ((state := self._read_persistence())[running], state[waiting]):
            if time.monotonic() > deadline:
                raise UserError(f"the Redis of {self.layout.name} has not written {what} within {_WRITE_TIMEOUT} s; {self._journal}")
            time.sleep(_PAUSE)
        if state[status] != "ok":
            raise UserError(f"the Redis of {self.layout.name} could not write {what}; {self._journal}")

    @property
    def _journal(self) -> str:
        return f"`journalctl -u {self.layout.unit}` says why"

    def _read_persistence(self) -> dict[str, str]:
        return parse_info(self._ask("INFO", "persistence"))

    def _ask(self, *words: str) -> str:
        return ask(["-s", str(self.layout.socket), "--user", ADMINISTRATOR, *words], self._environment, f"the Redis of {self.layout.name}")


def ask(words: Sequence[str], environment: dict[str, str], who: str) -> str:
    """Return what a Redis answers; raise UserError with what it says if that is an error."""
    try:
        # -e lets an error be the exit status, too.
        ended = commands.run([_CLIENT, "-e", *words], timeout=_TIMEOUT, env=environment)
    except commands.TimedOut:
        raise UserError(f"{who} has not answered within {_TIMEOUT} s") from None
    if ended.status != 0:
        raise UserError(f"{who} says: {(ended.errors.strip() or ended.output.strip())[-500:]}")
    return ended.output


def parse_info(text: str) -> dict[str, Any]:
    """Return what INFO tells, by its keys."""
    return {key: value for key, colon, value in (line.strip().partition(":") for line in text.splitlines()) if colon}
