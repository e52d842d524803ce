# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the jobs of apps are, read from the host as the playbook jobs.yml does. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._metrics.exposition import JobStatus
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.job_runs import choose_units
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from ansible_collections.webstack.flask.plugins.module_utils._release.timers import Timers
from ansible_collections.webstack.flask.plugins.module_utils._systemd import journal
from ansible_collections.webstack.flask.plugins.module_utils._systemd.journal import Run

_RUNS = 20
"""So many runs are looked through for one that was good."""


def read_jobs(names: Sequence[str]) -> list[JobStatus]:
    """Return how the jobs of some apps are: those of the releases in which jobs start."""
    found = [(layout, read_records(layout, REAL)) for layout in map(AppLayout.of, names)]
    if not any(record.schedules for _layout, records in found for record in records):
        return []
    known = journal.list_units()
    return [status for layout, records in found for status in _read_jobs_of(layout, records, known)]


def _read_jobs_of(layout: AppLayout, records: Sequence[ReleaseRecord], known: Sequence[str]) -> list[JobStatus]:
    starts = (REAL.files.read_link(layout.jobs) or "").rpartition("/")[2]
    jobs = [Schedule.of(each).name for record in records if record.id == starts for each in record.schedules]
    suspended = Timers(layout, REAL).find_suspended() if jobs else ()
    releases = [record.id for record in records]
    return [
        describe_job(layout.name, job, journal.read_runs(choose_units(layout, job, releases, known), _RUNS), suspended=job in suspended)
        for job in jobs
    ]


def describe_job(app: str, name: str, runs: Sequence[Run], *, suspended: bool) -> JobStatus:
    """Return how a job is, given its runs, the last first. One that goes on, or whose end nobody has seen, is not counted."""
    ended = [(one.ended, one.failed) for one in runs if one.ended is not None]
    good = [moment for moment, failed in ended if not failed]
    last, failed = ended[0] if ended else (None, False)
    return JobStatus(app, name, suspended, last, failed, good[0] if good else None)
