# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a running Redis is brought to other settings, so that what it has on disk is complete at each moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._redis.size import MIB, parse_size

_WORDS = {"maxmemory": "max_memory", "maxmemory-policy": "eviction"}
"""Our words for settings of Redis; those that are not here belong to `persistence`."""


@dataclass(frozen=True)
class Change:
    """What a running Redis is told: settings before its configuration file is written, and those after it.

    A Redis that is started with `appendonly` looks for its data in the append-only file, and in the snapshot otherwise; if there is none it
    starts empty. So a file says that it is to look there only when all is there, and what was written before goes on until then.
    `writes_log` is whether that is to be waited for, and `writes_snapshot` likewise.
    """

    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    writes_log: bool = False
    writes_snapshot: bool = False


def plan_change(running: Mapping[str, str], wanted: Mapping[str, str]) -> Change:
    """Return how a Redis with the settings `running` gets the settings `wanted`."""
    differing = {key: value for key, value in wanted.items() if running.get(key) != value}
    writes_log = differing.get("appendonly") == "yes"
    writes_snapshot = bool(differing.get("save"))
    early = ["maxmemory", "maxmemory-policy", *(["appendonly"] if writes_log else []), *(["save"] if writes_snapshot else [])]
    before = {key: differing.pop(key) for key in early if key in differing}
    return Change(before, differing, writes_log, writes_snapshot)


def describe_change(running: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return in our words which settings are other ones."""
    differing = [key for key, value in wanted.items() if running.get(key) != value]
    return list(dict.fromkeys(f"{_WORDS.get(key, 'persistence')} changed" for key in differing))


def leaves_snapshot(settings: Mapping[str, str]) -> bool:
    """Return whether a snapshot that is there from before is stale: the next start would bring it back to life."""
    return settings["appendonly"] == "no" and not settings["save"]


def require_possible(wanted: Mapping[str, Any], memory: int) -> None:
    """Raise UserError where a Redis may have more memory than the host has, in bytes."""
    if parse_size(wanted["max_memory"]) >= memory > 0:
        raise UserError(
            f"redis.max_memory is {wanted['max_memory']}, and the host has {memory // MIB}M of memory for all it does; give it "
            "less than half of that, because while its data are written to disk they may take twice as much"
        )


def require_room(running: Mapping[str, str], wanted: Mapping[str, str], used: int) -> None:
    """Raise UserError where the data of a Redis, of so many bytes, are more than it is to have, and it may throw nothing away."""
    if running["maxmemory"] != wanted["maxmemory"] and wanted["maxmemory-policy"] == "noeviction" and used > int(wanted["maxmemory"]):
        raise UserError(
            f"redis.max_memory would be {int(wanted['maxmemory']) // MIB}M, and what is in this Redis takes {-(-used // MIB)}M; nothing "
            "of it was changed. Give it more, let the app work off or delete what it has there, or let it throw data away: "
            "`eviction: allkeys-lru`"
        )
