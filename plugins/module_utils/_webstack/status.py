# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an app is: what is told of it, what is wrong with it, and which app to look at first. Nothing here looks at the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord, choose_previous

DAY = 86400
CERTIFICATE_MARGIN = 14 * DAY
"""A certificate that ends within these seconds should have been renewed."""


class Weight(IntEnum):
    """How bad a trouble is."""

    SOON = 1
    """Nobody notices it yet."""

    PART = 2
    """A part of it does not work."""

    DOWN = 3
    """Users get no answer."""


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong with an app."""

    weight: Weight
    text: str


@dataclass(frozen=True)
class AppStatus:
    """An app as it is now. Times are seconds since the epoch, None where there is none."""

    app: str
    release: str | None = None
    version: str = ""
    since: float | None = None
    health: str = ""
    """healthy, or ill; empty of an app without a web process."""

    memory: int = 0
    """Bytes that the processes of the live release take, with what the kernel has cached for them."""

    restarts: int = 0
    """How often systemd has started its web process again."""

    maintenance: float | None = None
    """Since when its site is closed."""

    previous: str | None = None
    certificate_ends: float | None = None
    backup: float | None = None
    verified: float | None = None
    troubles: Sequence[Trouble] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """How bad the worst is that is wrong with it; 0 where nothing is."""
        return max((trouble.weight for trouble in self.troubles), default=0)

    def to_json(self) -> dict[str, Any]:
        """Return it as a dictionary."""
        return {**asdict(self), "troubles": [trouble.text for trouble in self.troubles], "ok": not self.troubles}


def sort_worst_first(statuses: Iterable[AppStatus]) -> list[AppStatus]:
    """Return the apps, those first with which the most is wrong."""
    return sorted(statuses, key=lambda each: (-each.weight, -len(each.troubles), each.app))


def find_last_failure(records: Sequence[ReleaseRecord], live: str | None) -> ReleaseRecord | None:
    """Return the release that has failed since users came to the live one; None where the last deploy went well."""
    reached = next((record.sequence for record in records if record.id == live), -1)
    failed = [record for record in records if record.failed is not None and record.sequence > reached]
    return max(failed, key=lambda record: record.sequence, default=None)


def has_come_since(moment: float, live: ReleaseRecord | None) -> bool:
    """Return whether something happened since users came to the live release, or there is none."""
    return live is None or live.verified is None or moment > live.verified


def describe_releases(records: Sequence[ReleaseRecord], live: str | None) -> list[dict[str, Any]]:
    """Return what became of each release, the last one first."""
    back = choose_previous(records, live)
    return [
        {
            "release": record.id,
            "version": record.version,
            "created": record.created,
            "verified": record.verified,
            "failed": record.failed,
            "state": _name_state(record, live, back),
            "database": record.database,
            "reason": record.reason,
        }
        for record in sorted(records, key=lambda record: (record.sequence, record.created), reverse=True)
    ]


def _name_state(record: ReleaseRecord, live: str | None, back: ReleaseRecord | None) -> str:
    if record.id == live:
        return "live"
    if record.failed is not None:
        return "failed"
    if back is not None and record.id == back.id:
        return "rollback goes here"
    return "was live" if record.healthy else "never live"


@dataclass(frozen=True)
class Findings:
    """What was found out about an app, of which something may be wrong."""

    app: str
    live: str | None
    ill: str | None
    """What its web process does not answer well."""

    dead: Mapping[str, str]
    """Processes that do not run, with how they ended."""

    failure: ReleaseRecord | None
    """The release that has failed since users came to the live one."""

    installation: float | None
    """When an installation of packages has failed since then."""

    failed_jobs: Mapping[str, str]
    """Jobs whose last run has failed, with how."""

    backup_complaints: Sequence[str]
    certificate_ends: float | None


def find_troubles(found: Findings, now: float) -> list[Trouble]:
    """Return what is wrong with an app, the worst first."""
    troubles = []
    if found.live is None:
        troubles.append(Trouble(Weight.DOWN, "it has no release that users reach"))
    if found.ill:
        troubles.append(Trouble(Weight.DOWN, f"it is not healthy: {found.ill}"))
    if found.failure:
        text = f"the deploy of release {found.failure.id} has failed; `webstack {found.app} why` says why"
        troubles.append(Trouble(Weight.PART, text))
    if found.installation is not None:
        troubles.append(Trouble(Weight.PART, f"an installation of packages has failed; `webstack {found.app} why` says why"))
    troubles += [Trouble(Weight.PART, f"the process {name} does not run: {how}") for name, how in found.dead.items()]
    troubles += [Trouble(Weight.PART, f"the last run of the job {name} has failed: {how}") for name, how in found.failed_jobs.items()]
    troubles += [Trouble(Weight.PART, complaint) for complaint in found.backup_complaints]
    ends = found.certificate_ends
    if ends is not None and ends < now:
        troubles.append(Trouble(Weight.DOWN, "its certificate has ended"))
    elif ends is not None and ends < now + CERTIFICATE_MARGIN:
        troubles.append(Trouble(Weight.SOON, f"its certificate ends in {int((ends - now) // DAY)} days"))
    return sorted(troubles, key=lambda trouble: -trouble.weight)
