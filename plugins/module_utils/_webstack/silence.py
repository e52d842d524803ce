# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fails without a word: a job or a backup that does not run though it should."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import backup_unit, verify_unit
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import KINDS
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

_GRACE = 300
"""Seconds by which a run may begin later than its time."""

_MOMENT = re.compile(r", before \w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[.\d]* UTC")
_ABSENT = UnitState(active="inactive", sub="dead")


def find_silent_jobs(
    layout: AppLayout,
    schedules: Collection[Schedule],
    units: Mapping[str, UnitState],
    suspended: Collection[str],
    read_last: Callable[[str], str],
    now: float,
) -> dict[str, str]:
    """Return the jobs that do not run at their times, with why. `read_last` returns what a job's starter has written down last."""
    silent = {}
    for job in schedules:
        timer = units.get(layout.timer_unit(job.name), _ABSENT)
        starter = units.get(layout.starter_unit(job.name), _ABSENT)
        if job.name in suspended or starter.active in ("active", "activating"):
            continue
        if timer.active != "active":
            silent[job.name] = f"its timer does not run; see `systemctl status {layout.timer_unit(job.name)}`; site.yml starts it"
        elif starter.active == "failed" and not _has_failed(layout, job.name, units):
            silent[job.name] = f"it could not be started; see `journalctl -u {layout.starter_unit(job.name)}`"
        elif (due := find_missed(read_last(job.name), job.at, now - time.monotonic() + (timer.active_since or 0), now)) is not None:
            shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(due))
            silent[job.name] = f"it should have run at {shown}; see `systemctl status {layout.timer_unit(job.name)}`"
    return silent


def _has_failed(layout: AppLayout, job: str, units: Mapping[str, UnitState]) -> bool:
    beginning = layout.job_unit("", job).removesuffix(".service")
    return any(state.active == "failed" and unit.startswith(beginning) for unit, state in units.items())


def find_missed(last: str, at: str, since: float, now: float) -> float | None:
    """Return when a job should have run that did not, None where it is in time; `since` is when its timer was started.

    `last` is the last time that had its run, in the words of the job's starter, which name the time after it.
    """
    moment = _MOMENT.search(last)
    if moment is None or not last.startswith(f"{at}, before "):
        return None
    due = calendar.timegm(time.strptime(moment[1], "%Y-%m-%d %H:%M:%S"))
    return due if since < due < now - _GRACE else None


def find_silent_backups(name: str, verify: str, state: Mapping[str, Any], units: Mapping[str, UnitState]) -> dict[str, str]:
    """Return, by kind, what makes or tries the backups of an app and does not run, or was killed, so that it could not say so itself."""
    silent = {}
    for kind, unit in (("backup", backup_unit(name)), ("verify", verify_unit(name))):
        if kind == "verify" and verify == "never":
            continue
        service = units.get(f"{unit}.service", _ABSENT)
        if units.get(f"{unit}.timer", _ABSENT).active != "active":
            silent[kind] = f"the timer of the {KINDS[kind]} does not run; see `systemctl status {unit}.timer`; site.yml starts it"
        elif service.active == "failed" and not state.get(f"{kind}_error"):
            silent[kind] = f"the {KINDS[kind]} has ended too early: {service.describe_death()}; see `journalctl -u {unit}`"
    return silent
