# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an app runs at certain times: jobs.

A timer belongs to the app. A switch that leaves its times as they are does not touch it, so that no run is lost or doubled. It starts a
unit that looks where the link `jobs` leads, starts the job in that release, and lasts as long as the job: meanwhile the timer starts no
other. The job's own unit is written for one release, in which it stays to its end. The link follows users only when a release was seen to
serve them, and its processes to work.

Where the clock is set back, systemd finds times due once more. So the starter writes down each time that has had its run, and passes over
one that it finds there.
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

KEPT_TIMES = 1500
"""How many times that have had their run are remembered of a job: those of a day, if it runs each minute."""

_CLAIM = """
test "$TRIGGER_UNIT" || exit 0
next=$(TZ=UTC systemd-analyze --no-pager calendar -- "$1" | sed -n "s/^ *Next elapse: //p")
test "$next" || exit 0
time="$1, before $next" done="started/$2" new="started/.$2"
if grep -qsxF -e "$time" "$done"; then
    echo "The clock was set back: this time has had its run."
    exit 1
fi
mkdir -p started
{ tail -n "$3" "$done" 2>/dev/null; echo "$time"; } > "$new" && sync "$new" && mv "$new" "$done" && sync started
exit 0
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
        condition = format_exec(claim_time(self.at, self.name), str(layout.root))
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
                f"ExecCondition={condition}\nExecStart={start}\n"
                # A failure of the job, be it in another release, is over once it is done.
                f"ExecStartPost=-/bin/systemctl reset-failed {layout.job_unit('*', self.name)}\n"
            ),
        }


def claim_time(at: str, job: str) -> list[str]:
    """Return a command that claims the present time of a calendar for a job, and fails if that time has had its run.

    It is run in the directory of the app. Two moments belong to the same time if the one that comes next is the same. A start by hand is
    none of a time's. Where it cannot be known, or written down, which time it is, the job runs.
    """
    return ["/bin/sh", "-c", _CLAIM.strip(), "sh", at, job, str(KEPT_TIMES - 1)]


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
