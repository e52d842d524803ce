# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app runs at certain times: jobs.

A timer belongs to the app. A switch that leaves its times as they are does not touch it, so that no run is lost or doubled. It starts a
unit that looks where the link `jobs` leads, starts the job in that release, and lasts as long as the job: meanwhile the timer starts no
other. The job's own unit is written for one release, in which it stays to its end. The link follows users only when a release was seen to
serve them, and its processes to work.

Where the clock is set back, systemd finds times due once more; and of those that come while a job runs it makes one good at its end. So the
starter writes down each time that has had its run, and that in which a run has ended, and passes over one that it finds there. Two moments
belong to the same time of a calendar if the one that comes next is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import PROCESS_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import GONE
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import name_of
from ansible_collections.webstack.flask.plugins.module_utils._systemd.exec_line import format_exec
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

_TIMES = """
export TZ=UTC
job=$1 timer=$2 at=$3 times="started/$1" new="started/.$1"
find_time() {
    next=$(systemd-analyze --no-pager calendar --base-time="$1" -- "$at" | sed -n "s/^ *Next elapse: //p")
    test "$next" && time="$at, before $next"
}
is_known() { cut -d ";" -f "$1" "$times" 2>/dev/null | grep -qxF -e "$2"; }
remember() {
    mkdir -p started
    { tail -n 1499 "$times" 2>/dev/null; echo "$time;$1"; } > "$new" && sync "$new" && mv "$new" "$times" && sync started
}
"""
"""What both commands need. A line of `times` is a time of the calendar, and when the timer had elapsed for its run, since boot.

Of a job that runs each minute these are the times of a day.
"""

_CLAIM = f"""{_TIMES}
elapsed=$(systemctl show --property=LastTriggerUSecMonotonic --value "$timer")
if test "$elapsed" = 0 || is_known 2 "$elapsed"; then exit 0; fi
find_time "$(systemctl show --property=LastTriggerUSec --value "$timer")" || exit 0
if is_known 1 "$time"; then
    remember "$elapsed"
    echo "Passed over: this time has had its run, or came while one ran."
    exit 1
fi
remember "$elapsed"
exit 0
"""

_CLOSE = f"""{_TIMES}
find_time now && {{ is_known 1 "$time" || remember; }}
"""


@dataclass(frozen=True)
class Schedule:
    """One job of a release, and when it runs."""

    name: str
    at: str
    """Calendar event with its time zone: systemd.time(7)."""

    unit: str = ""
    """Text of the unit file of the job; not known of a release that is on the host already, where the file is."""

    missed: str = "run"
    """What becomes of a run for whose time the host was off: `run` at boot, or `skip`."""

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Schedule:
        """Return a schedule as the module releases, or the record of a release, describes it."""
        schedule = cls(**{key: value for key, value in described.items() if key in cls.__dataclass_fields__})
        if not PROCESS_PATTERN.fullmatch(schedule.name):
            raise UserError(f"a job is called {schedule.name!r}; allowed are {PROCESS_PATTERN.pattern}")
        return schedule

    def to_record(self) -> dict[str, Any]:
        """Return what the record of a release says of it."""
        return {"name": self.name, "at": self.at, "missed": self.missed}

    def list_files(self, layout: AppLayout) -> dict[str, str]:
        """Return the texts of the units by which it starts, by their names."""
        job = layout.job_unit('$(basename "$(readlink jobs)")', self.name)
        about = [self.name, layout.timer_unit(self.name), self.at]
        claim, close = (format_exec(command, str(layout.root)) for command in (claim_time(*about), close_time(*about)))
        start = format_exec(["/bin/sh", "-c", f'exec systemctl start "{job}"'], str(layout.root))
        return {
            layout.timer_unit(self.name): (
                "# Written by webstack.flask.\n"
                f"[Unit]\nDescription={layout.name}, when the job {self.name} runs\n"
                f"[Timer]\nOnCalendar={self.at.replace('%', '%%')}\nPersistent={'yes' if self.missed == 'run' else 'no'}\nAccuracySec=1s\n"
                "[Install]\nWantedBy=timers.target\n"
            ),
            layout.starter_unit(self.name): (
                "# Written by webstack.flask.\n"
                f"[Unit]\nDescription={layout.name}, starts the job {self.name} in the release that serves users\n"
                f"[Service]\nType=oneshot\nTimeoutStartSec=infinity\nWorkingDirectory={layout.root}\n"
                f"ExecCondition={claim}\nExecStart={start}\n"
                # A failure of the job, be it in another release, is over once it is done.
                f"ExecStartPost=-/bin/systemctl reset-failed {layout.job_unit('*', self.name)}\n"
                f"ExecStopPost=-{close}\n"
            ),
        }


def claim_time(job: str, timer: str, at: str) -> list[str]:
    """Return a command that claims for a job the time of a calendar at which its timer has elapsed, and fails if that is taken.

    It is run in the directory of the app. If the timer has elapsed when it had for the start before, this one is by hand, and is none of a
    time's. (What systemd says of it in TRIGGER_UNIT and its like is no help: in systemd 252 that stays as it was at the first start.)
    Where it cannot be known, or written down, which time it is, the job runs.
    """
    return ["/bin/sh", "-c", _CLAIM.strip(), "sh", job, timer, at]


def close_time(job: str, timer: str, at: str) -> list[str]:
    """Return a command that takes the present time of a calendar, at which a run has ended, from the runs of the job."""
    return ["/bin/sh", "-c", _CLOSE.strip(), "sh", job, timer, at]


def find_jobs(layout: AppLayout, host: Host) -> list[str]:
    """Return the units of the jobs that run, of whichever release."""
    return [unit for unit, state in _show_jobs(layout, host).items() if state.active not in GONE]


def find_failed_jobs(layout: AppLayout, host: Host) -> dict[str, str]:
    """Return how jobs have ended, by their names, that have failed and not been done since, in whichever release."""
    failed = {unit: state for unit, state in _show_jobs(layout, host).items() if state.active == "failed"}
    return {name_of(unit): state.describe_death() or "" for unit, state in failed.items()}


def _show_jobs(layout: AppLayout, host: Host) -> dict[str, UnitState]:
    jobs = [unit for unit in host.units.find_instances(layout.job_unit("", "*")) if layout.is_job(unit)]
    return host.units.show(jobs) if jobs else {}
