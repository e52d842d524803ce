# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release is made of and what has become of it, and which releases to keep."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class ReleaseRecord:
    """The content of release.json. Times are seconds since the epoch, None where it never happened.

    Of its environment variables it holds the names alone. The reason of a failure holds lines of the app's log.
    """

    id: str
    build: str
    environment: str
    created: float
    version: str = ""
    verified: float | None = None
    failed: float | None = None
    reason: str = ""
    variables: tuple[str, ...] = ()
    commands_run: float | None = None
    commands: str = ""
    """Which release commands these were, in the terms of preparation.identify_commands."""

    health: Mapping[str, Any] = field(default_factory=dict)
    """How it is asked for its health, in the terms of HealthCheck: what a later release is asked may not be there yet."""

    database: str = ""
    """The database of the app's own that it has; empty where it has none."""

    processes: tuple[Mapping[str, Any], ...] = ()
    """What it runs besides its web process, each with `name`, `count` and `exclusive`."""

    schedules: tuple[Mapping[str, Any], ...] = ()
    """What it runs at certain times, each with `name`, `at` and `missed`."""

    context: Mapping[str, Any] = field(default_factory=dict)
    """What somebody who runs or asks it by hand has to know: `chdir`, `env_files`, its `host` and whether users reach it `encrypted`."""

    web: bool = True
    """Whether it has a web process, by which users reach it."""

    sequence: int = 0
    """Which event of the app the last one of this release was, from 1 on: a clock can be set back. 0 where it was not counted yet."""

    @classmethod
    def from_json(cls, text: str) -> ReleaseRecord:
        """Return the record written in `text`; keys that this version does not know are left out."""
        content = json.loads(text)
        known = {key: value for key, value in content.items() if key in cls.__dataclass_fields__}
        return cls(**{**known, **{key: tuple(known.get(key, ())) for key in ("variables", "processes", "schedules")}})

    def to_json(self) -> str:
        """Return the text to write."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @property
    def healthy(self) -> bool:
        """Whether the release has served, and has not failed since: to serve again clears a failure."""
        return self.verified is not None and self.failed is None

    def mark_verified(self, when: float) -> ReleaseRecord:
        """Return the record of the release after it was seen to serve."""
        return replace(self, verified=when, failed=None, reason="")

    def mark_commands_run(self, when: float, commands: str) -> ReleaseRecord:
        """Return the record of the release after its release commands have run; they do so once."""
        return replace(self, commands_run=when, commands=commands)

    def mark_failed(self, when: float, reason: str) -> ReleaseRecord:
        """Return the record of the release after it was seen to fail."""
        return replace(self, failed=when, reason=reason)


@dataclass(frozen=True)
class Leftovers:
    """What nothing needs any more, by identifier."""

    releases: tuple[str, ...]
    builds: tuple[str, ...]
    environments: tuple[str, ...]


def choose_previous(records: Sequence[ReleaseRecord], current: str | None) -> ReleaseRecord | None:
    """Return the release to go back to: of those that were healthy, the last one that users reached before the current one.

    Going back is itself a switch, so that going back twice returns to where one was.
    """
    healthy = [record for record in records if record.healthy and record.id != current]
    return max(healthy, key=lambda record: (record.sequence, record.verified or 0.0), default=None)


def is_unfinished(records: Sequence[ReleaseRecord], current: str) -> bool:
    """Return whether the switch to the current release was cut off before it was written down, as far as its record can be read.

    That may be a release that never served, or one that did and that users were being taken back to.
    """
    record = next((record for record in records if record.id == current), None)
    last = choose_previous(records, None)
    return record is not None and (not record.healthy or (last is not None and last.id != current))


def next_sequence(records: Iterable[ReleaseRecord]) -> int:
    """Return the number of the next event of an app."""
    return 1 + max((record.sequence for record in records), default=0)


def choose_leftovers(
    records: Sequence[ReleaseRecord],
    builds: Iterable[str],
    environments: Iterable[str],
    current: str | None,
    keep: int,
    keep_failed: int = 2,
    pinned: Collection[str] = (),
) -> Leftovers:
    """Return what to prune.

    The current release stays, and besides it the last `keep` verified ones, and those that are `pinned`, because something still runs in
    them. Failed ones never count as good: the last `keep_failed` of them stay for their logs.
    """
    others = [record for record in records if record.id != current]
    healthy = sorted((r for r in others if r.healthy), key=lambda r: (r.sequence, r.verified or 0.0), reverse=True)
    unhealthy = sorted((r for r in others if not r.healthy), key=lambda r: (r.sequence, r.failed or r.created), reverse=True)
    kept = {r.id for r in healthy[:keep]} | {r.id for r in unhealthy[:keep_failed]} | {current, *pinned}
    staying = [r for r in records if r.id in kept]
    used_builds = {r.build for r in staying}
    used_environments = {r.environment for r in staying}
    return Leftovers(
        releases=tuple(sorted(r.id for r in others if r.id not in kept)),
        builds=tuple(sorted(set(builds) - used_builds)),
        environments=tuple(sorted(set(environments) - used_environments)),
    )
