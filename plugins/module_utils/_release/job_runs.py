# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the jobs of an app went, and when they run next."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import GONE
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record, read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.timers import Timers
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import name_of, release_of
from ansible_collections.webstack.flask.plugins.module_utils._systemd import journal
from ansible_collections.webstack.flask.plugins.module_utils._systemd.journal import Run

LINES = 10
"""Lines of what a job has said that are shown of its last run."""

_MOST_UNITS = 200
"""Units that are looked for. Any process of the host can write names of units into the journal, as many as it likes."""


def describe_jobs(layout: AppLayout, host: Host, known: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Return each job of the release in which jobs start: its last runs, `most` at most, in whichever release, and when it runs next.

    `known` are the units of which the journal knows.
    """
    release = (host.files.read_link(layout.jobs) or "").rpartition("/")[2]
    record = read_record(layout, host, release) if release else None
    suspended = Timers(layout, host).find_suspended()
    releases = [one.id for one in read_records(layout, host)]
    return [
        {
            "app": layout.name,
            "name": job.name,
            "suspended": job.name in suspended,
            "next": "" if job.name in suspended else "".join(host.units.find_next_times(job.at)[:1]),
            "runs": _describe_runs(choose_units(layout, job.name, releases, known), host, most),
        }
        for job in map(Schedule.of, record.schedules if record else ())
    ]


def choose_units(layout: AppLayout, job: str, releases: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the units of a job, not too many: those of the releases on the host, and those of which the journal says that there were."""
    former = (unit for unit in known if layout.is_job(unit) and name_of(unit) == job)
    return list(dict.fromkeys([*(layout.job_unit(release, job) for release in releases), *former]))[:_MOST_UNITS]


def _describe_runs(units: Sequence[str], host: Host, most: int) -> list[dict[str, Any]]:
    runs = journal.read_runs(units, most)
    if not runs:
        return []
    # Jobs of one name never overlap: the last run alone can be one that goes on.
    goes_on = runs[0].ended is None and host.units.show([runs[0].unit])[runs[0].unit].active not in GONE
    words = journal.read_words(runs[0].invocation, LINES)
    return [describe_run(runs[0], goes_on=goes_on, words=words), *map(describe_run, runs[1:])]


def describe_run(one: Run, *, goes_on: bool = False, words: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a run was, as the module jobs_info does."""
    unfinished = "running" if goes_on else "interrupted"
    result = unfinished if one.ended is None else "failed" if one.failed else "success"
    return {
        "release": release_of(one.unit),
        "began": time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(one.began)),
        "seconds": None if one.ended is None else round(one.ended - one.began, 1),
        "result": result,
        "reason": "the host went down meanwhile" if result == "interrupted" else one.describe_failure(),
        "lines": list(words),
    }
