# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timers of an app follow the release that serves users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule, find_jobs
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

    def describe(self, release: str) -> list[str]:
        """Return a sentence for each job of a release: when it runs next."""
        record = read_record(self.layout, self.host, release)
        schedules = list(map(Schedule.of, record.schedules)) if record else []
        return [f"{one.name} runs at {', '.join(self.host.units.find_next_times(one.at))}" for one in schedules]

    def remove_all(self) -> bool:
        """Let no job start any more; return whether any would have."""
        return self.remove(self.find_units())

    def remove(self, units: list[str]) -> bool:
        """Remove timers and what they start. A job that runs goes on."""
        timers = [unit for unit in units if unit.endswith(".timer")]
        if timers:
            self.host.units.stop(*timers)
            self.host.units.disable(*timers)
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
        unit_file, units = self.layout.unit_file, self.host.units
        changed = [unit for unit, text in files.items() if self.host.files.ensure_file(unit_file(unit), text, ACCESS, check=False)]
        if changed:
            units.daemon_reload()
        timers = [unit for unit in files if unit.endswith(".timer")]
        states = units.show(timers) if timers else {}
        asleep = [unit for unit in timers if not states[unit].enabled]
        idle = [unit for unit in timers if states[unit].active != "active"]
        if asleep:
            units.enable(*asleep)
        # One that waits already takes other times from its file when it is started again.
        other = [unit for unit in timers if unit in changed and unit not in idle]
        if other:
            units.stop(*other)
        if idle or other:
            units.start_and_wait(*idle, *other)
        return bool(changed or asleep or idle)

    def find_units(self) -> list[str]:
        """Return the timers and starters that are on the host."""
        found = self.host.files.glob(self.layout.service_template.parent, f"{self.layout.name}.*.job.*")
        return sorted(path.name for path in found if self.layout.is_schedule(path.name))
