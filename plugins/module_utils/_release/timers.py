# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timers of an app follow the release that serves users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule, find_failed_jobs, find_jobs
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import ACCESS


@dataclass(frozen=True)
class Timers:
    """The timers of one app."""

    layout: AppLayout
    host: Host

    def follow(self, release: str) -> bool:
        """Have jobs start in a release, at the times that it says; return whether that was otherwise."""
        record = read_record(self.layout, self.host, release)
        schedules = list(map(Schedule.of, record.schedules)) if record else []
        there = self.find_units()
        if not schedules and not there:
            return False
        files = {unit: text for schedule in schedules for unit, text in schedule.list_files(self.layout).items()}
        # In this order, a timer never starts what the release does not have.
        ended = self.remove([unit for unit in there if unit not in files])
        led = self.host.files.read_link(self.layout.jobs) != f"releases/{release}"
        if led:
            self.host.files.point_link(self.layout.jobs, f"releases/{release}")
        return self._ensure(files) or ended or led

    def describe(self, release: str, *, times: bool) -> list[str]:
        """Return what there is to say of a release's jobs: which have failed, which are suspended, and when each runs next if `times`."""
        record = read_record(self.layout, self.host, release)
        schedules = list(map(Schedule.of, record.schedules)) if record else []
        if not schedules:
            return []
        failed, suspended = find_failed_jobs(self.layout, self.host), self.find_suspended()
        return [
            *(
                f"ATTENTION: the job {one.name} has failed: {failed[one.name]}; see `journalctl -t {self.layout.name}.{one.name}.job`"
                for one in schedules
                if one.name in failed
            ),
            *(f"{one.name} is suspended" for one in schedules if one.name in suspended),
            *(
                f"{one.name} runs at {', '.join(self.host.units.find_next_times(one.at))}"
                for one in schedules
                if times and one.name not in suspended
            ),
        ]

    def suspend(self, job: str) -> bool:
        """Let a job start at its times no more, whatever is deployed, until it is resumed; return whether it would have."""
        self.host.files.ensure_directory(self.layout.suspended, Access(0, 0, 0o755))
        marked = self.host.files.ensure_file(self.layout.suspended / job, "", ACCESS)
        timer = self.layout.timer_unit(job)
        if not self._is_awake(timer):
            return marked
        self._silence([timer], for_good=True)
        return True

    def resume(self, job: str) -> bool:
        """Let a job start at its times again; return whether it would not have. What was due in the meantime is not made good."""
        timer, mark = self.layout.timer_unit(job), self.layout.suspended / job
        marked = self.host.files.lexists(mark)
        if marked:
            self._silence([timer], for_good=True)
            self.host.files.unlink(mark)
        if not marked and self._is_awake(timer):
            return False
        self.host.units.enable(timer)
        self.host.units.start_and_wait(timer)
        return True

    def _is_awake(self, timer: str) -> bool:
        state = self.host.units.show([timer])[timer]
        return state.enabled or state.active == "active"

    def remove_all(self) -> bool:
        """Let no job start any more; return whether any would have."""
        return self.remove(self.find_units())

    def remove(self, units: list[str]) -> bool:
        """Remove timers and what they start. A job that runs goes on."""
        self._silence([unit for unit in units if unit.endswith(".timer")], for_good=True)
        for unit in units:
            self.host.files.unlink(self.layout.unit_file(unit))
        if units:
            self.host.units.daemon_reload()
        return bool(units)

    def end_jobs(self) -> None:
        """End the jobs that run, and wait for it."""
        running = find_jobs(self.layout, self.host)
        if running:
            self.host.units.stop(*running)

    def _ensure(self, files: Mapping[str, str]) -> bool:
        units = self.host.units
        changed = [unit for unit, text in files.items() if self._write(unit, text, check=True)]
        timers = [unit for unit in files if unit.endswith(".timer")]
        states = units.show(timers)
        suspended = [unit for unit in timers if unit in map(self.layout.timer_unit, self.find_suspended())]
        awake = [unit for unit in suspended if states[unit].enabled or states[unit].active == "active"]
        self._silence(awake, for_good=True)
        # It is stopped before its file says other times: a run that is cut off between leaves one that the next run finds stopped.
        other = [unit for unit in timers if unit in changed and states[unit].active == "active" and unit not in awake]
        self._silence(other)
        for unit in changed:
            self._write(unit, files[unit])
        if changed:
            units.daemon_reload()
        asleep = [unit for unit in timers if not states[unit].enabled and unit not in suspended]
        if asleep:
            units.enable(*asleep)
        idle = [unit for unit in timers if (unit in other or states[unit].active != "active") and unit not in suspended]
        if idle:
            units.start_and_wait(*idle)
        return bool(changed or awake or asleep or idle)

    def _write(self, unit: str, text: str, *, check: bool = False) -> bool:
        return self.host.files.ensure_file(self.layout.unit_file(unit), text, ACCESS, check=check)

    def _silence(self, timers: list[str], *, for_good: bool = False) -> None:
        """Stop timers, and have systemd forget when they last elapsed: what is due until they start again is not made good."""
        if not timers:
            return
        self.host.units.stop(*timers)
        if for_good:
            self.host.units.disable(*timers)
        for timer in timers:
            if self.host.files.lexists(self.layout.stamp(timer)):
                self.host.files.unlink(self.layout.stamp(timer))

    def find_suspended(self) -> set[str]:
        """Return the names of the jobs that somebody has suspended."""
        return set(self.host.files.names(self.layout.suspended)) if self.host.files.is_dir(self.layout.suspended) else set()

    def find_units(self) -> list[str]:
        """Return the timers and starters that are on the host."""
        found = self.host.files.glob(self.layout.service_template.parent, f"{self.layout.name}.*.job.*")
        return sorted(path.name for path in found if self.layout.is_schedule(path.name))
