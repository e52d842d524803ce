# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of an app: how they went, one that is run now, suspended or resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.job_runs import describe_jobs
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record, read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.timers import Timers
from ansible_collections.webstack.flask.plugins.module_utils._systemd import journal
from ansible_collections.webstack.flask.plugins.module_utils._webstack.one_run import run_unit

ACTS = ("run", "suspend", "resume")
HEAD = ("job", "next", "last run", "took", "result", "release")
_RUNS = 5
_LOCK_TIMEOUT = 300
"""Seconds to wait for a run that changes the app."""

_BAD = ("failed", "interrupted")


def read_jobs(layout: AppLayout) -> list[dict[str, Any]]:
    """Return the jobs of an app with their last runs, as the module jobs_info does."""
    return describe_jobs(layout, REAL, journal.list_units(), _RUNS)


def is_bad(job: Mapping[str, Any]) -> bool:
    """Return whether the last run of a job that has ended was no good."""
    ended = [run for run in job["runs"] if run["result"] != "running"]
    return bool(ended) and ended[0]["result"] in _BAD


def as_row(job: Mapping[str, Any]) -> list[str]:
    """Return the row of a job in a table under HEAD."""
    following = "suspended" if job["suspended"] else job["next"] or "never again"
    if not job["runs"]:
        return [job["name"], following, "", "", "", ""]
    last = job["runs"][0]
    took = "" if last["seconds"] is None else f"{last['seconds']:g} s"
    result = f"{last['result']}: {last['reason']}" if last["reason"] else last["result"]
    return [job["name"], following, last["began"], took, result, last["release"]]


def act_on_job(layout: AppLayout, act: str, job: str, say: Callable[[str], object]) -> int:
    """Run a job now, suspend it, or resume it; return the exit status of the job that was run, otherwise 0."""
    require_job(layout, job)
    if act == "run":
        units = [layout.job_unit(record.id, job) for record in read_records(layout, REAL)]
        return run_unit(layout.starter_unit(job), units, say)
    timers = Timers(layout, REAL)
    with hold_lock(layout.lock, _LOCK_TIMEOUT, say):
        changed = timers.suspend(job) if act == "suspend" else timers.resume(job)
    say(describe_act(job, act, changed=changed))
    return 0


def describe_act(job: str, act: str, *, changed: bool) -> str:
    """Return in words what has become of a job that was suspended or resumed."""
    if act == "suspend":
        return f"{job} is suspended" if changed else f"{job} was suspended already"
    return f"{job} runs at its times again" if changed else f"{job} was not suspended"


def require_job(layout: AppLayout, job: str) -> None:
    """Raise UserError, with the jobs that there are, for another one."""
    known = list_jobs(layout)
    if job not in known:
        raise UserError(f"{layout.name} has no job {job}; it has {', '.join(known) or 'none'}")


def list_jobs(layout: AppLayout) -> Sequence[str]:
    """Return the names of the jobs of the release in which jobs start."""
    release = (REAL.files.read_link(layout.jobs) or "").rpartition("/")[2]
    record = read_record(layout, REAL, release) if release else None
    return sorted(str(schedule["name"]) for schedule in record.schedules) if record else []
