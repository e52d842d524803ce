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
UNTOLD = "notify"
"""Key of the trouble that notifications cannot be sent. Of it no notification is sent."""

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
    key: str = ""
    """By it the same trouble is known again, whatever its words are: a health check that fails has other words each time."""

    mark: str = ""
    """What tells one occurrence from the next, where each one counts: the release of a failed deploy."""

    passing: bool = False
    """Whether it may pass by itself within a minute, as while the app is started anew."""

    look: str = "status"
    """What `webstack` is asked to see more of it."""


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
    deploy_failed: bool = False
    """Whether the last deploy, or an installation of its packages, has failed since users came to the live release."""

    troubles: Sequence[Trouble] = field(default_factory=list)
    undecided: Sequence[str] = ()
    """Keys of troubles of which nothing can be said now: of how a job ends that runs, or of what a deploy has yet to start."""

    @property
    def weight(self) -> int:
        """How bad the worst is that is wrong with it; 0 where nothing is."""
        return max((trouble.weight for trouble in self.troubles), default=0)

    def to_json(self) -> dict[str, Any]:
        """Return it as a dictionary."""
        told = {key: value for key, value in asdict(self).items() if key != "undecided"}
        return {**told, "troubles": [trouble.text for trouble in self.troubles], "ok": not self.troubles}


def find_undecided(troubles: Sequence[Trouble], running_jobs: Iterable[str], *, is_changing: bool) -> list[str]:
    """Return the keys of which nothing can be said now, given the jobs that run, and whether a deploy, or the like, changes the app."""
    changing = [trouble.key for trouble in troubles if trouble.key == "release" or trouble.key.startswith("process ")]
    return [*(f"job {name}" for name in running_jobs), *(changing if is_changing else [])]


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


def describe_app_releases(records: Sequence[ReleaseRecord], live: str | None) -> dict[str, Any]:
    """Return which releases an app has and which one users reach, as the module releases_info does."""
    record = next((record for record in records if record.id == live), None)
    back = choose_previous(records, live)
    return {
        "live": live,
        "version": record.version if record else "",
        "since": record.verified if record else None,
        "previous": back.id if back else None,
        "releases": describe_releases(records, live),
    }


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

    backup_complaints: Mapping[str, str]
    """What is wrong with its backups, by the kind of what makes or tries them."""

    certificate_ends: float | None
    silent_jobs: Mapping[str, str] = field(default_factory=dict)
    """Jobs that do not run though they should, with why."""

    silent_backups: Mapping[str, str] = field(default_factory=dict)
    """Likewise, by kind, what makes or tries backups."""

    unsent: Sequence[str] = ()
    """Why notifications do not reach whom they should."""


def find_troubles(found: Findings, now: float) -> list[Trouble]:
    """Return what is wrong with an app, the worst first."""
    part, app = Weight.PART, found.app
    troubles = []
    if found.live is None:
        troubles.append(Trouble(Weight.DOWN, "it has no release that users reach", "release", passing=True, look="releases"))
    if found.ill:
        troubles.append(Trouble(Weight.DOWN, f"it is not healthy: {found.ill}", "health", passing=True, look="logs web"))
    if found.failure:
        text = f"the deploy of release {found.failure.id} has failed; `webstack {app} why` says why"
        troubles.append(Trouble(part, text, "deploy", mark=f"{found.failure.id} {found.failure.failed}", look="why"))
    if found.installation is not None:
        text = f"an installation of packages has failed; `webstack {app} why` says why"
        troubles.append(Trouble(part, text, "installation", mark=str(found.installation), look="why"))
    for name, how in found.dead.items():
        text = f"the process {name} does not run: {how}"
        troubles.append(Trouble(part, text, f"process {name}", passing=True, look=f"logs {name.partition('.')[0]}"))
    for name, how in found.failed_jobs.items():
        troubles.append(Trouble(part, f"the last run of the job {name} has failed: {how}", f"job {name}", look=f"logs {name}"))
    for name, why in found.silent_jobs.items():
        text = f"the job {name} does not run at its times: {why}"
        troubles.append(Trouble(part, text, f"silent job {name}", passing=True, look=f"logs {name}"))
    troubles += [Trouble(part, complaint, kind, look="logs backup") for kind, complaint in found.backup_complaints.items()]
    troubles += [Trouble(part, text, f"silent {kind}", passing=True, look="logs backup") for kind, text in found.silent_backups.items()]
    ends = found.certificate_ends
    if ends is not None and ends < now:
        troubles.append(Trouble(Weight.DOWN, "its certificate has ended", "certificate", mark="ended"))
    elif ends is not None and ends < now + CERTIFICATE_MARGIN:
        troubles.append(Trouble(Weight.SOON, f"its certificate ends in {int((ends - now) // DAY)} days", "certificate"))
    troubles += [Trouble(part, f"notifications cannot be sent: {why}", UNTOLD) for why in found.unsent]
    return sorted(troubles, key=lambda trouble: -trouble.weight)
