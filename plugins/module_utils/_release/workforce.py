# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of an app's releases: those of one release take over from those of another, and finish what they are at.

They follow the link `current`: the web process is proven first, the link moves, then the new ones start. A release whose processes are no
good is taken back like one whose pages are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed, explain
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import (
    ENDING,
    GONE,
    Process,
    find_units,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import find_files, name_of, release_of, renew_places
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

_PAUSE = 0.2


@dataclass(frozen=True)
class Workforce:
    """The processes of one app. A process has `deadline` seconds to be at work."""

    layout: AppLayout
    host: Host
    deadline: float

    def take_over(self, release: str, *, watch: bool = False) -> bool:
        """Have all processes of a release at work, and no more of them; return whether that was otherwise.

        One that must never run twice starts after that of another release has ended. Raise ReleaseFailed if one does not come up, or dies;
        those that were at work before are looked at for that only with `watch`.
        """
        renew_places(self.layout, self.host, release)
        wanted, found = self._list_units(release), find_units(self.layout, self.host)
        # One that somebody has stopped by hand would start at boot.
        known = {*found, *(path.name for path in find_files(self.layout, self.host) if self.layout.is_process(path.name))}
        dismissed = self.dismiss(unit for unit in known if release_of(unit) == release and unit not in wanted)
        if not wanted:
            return dismissed
        states = self.host.units.show(wanted)
        absent = [unit for unit in wanted if states[unit].active not in ("active", ENDING)]
        asleep = [unit for unit in wanted if not states[unit].enabled]
        # One that was told to end, and is wanted again, starts when it has finished what it is at.
        ending = [unit for unit in wanted if states[unit].active == ENDING]
        if absent:
            # Also what is about to be restarted for the tenth time: it is started and counted anew.
            self._wait_for(self._find_rivals(release, found) + [unit for unit in absent if unit in found])
        if asleep:
            self.host.units.enable(*asleep)
        if absent:
            self.host.units.forget_failure(*absent)
        if absent or ending:
            self.host.units.start(*absent, *ending)
        if absent or watch:
            self._prove(release, {unit: 0 if unit in absent else states[unit].restarts for unit in wanted if unit not in ending})
        return dismissed or bool(absent or asleep)

    def find_shells(self, release: str) -> list[str]:
        """Return the processes of a release of which a shell is told to end, and not the program that it runs."""
        units = self._list_units(release)
        states = self.host.units.show(units) if units else {}
        shells = [unit for unit, state in states.items() if state.main_pid and self.host.units.is_shell(state.main_pid)]
        return list(dict.fromkeys(map(name_of, shells)))

    def dismiss(self, units: Iterable[str]) -> bool:
        """Tell units to end when they have finished what they are at, and not to start again; return whether any had to be told."""
        told = sorted(units)
        if not told:
            return False
        states = self.host.units.show(told)
        asleep = [unit for unit in told if states[unit].enabled]
        # One that ends already, and is enabled, is to start again afterwards.
        working = [
            unit for unit in told if states[unit].active not in (*GONE, ENDING) or (states[unit].active == ENDING and unit in asleep)
        ]
        if asleep:
            self.host.units.disable(*asleep)
        if working:
            self.host.units.end(*working)
        return bool(working or asleep)

    def end_all(self) -> None:
        """Have all processes of all releases ended, when each has finished what it is at."""
        units = find_units(self.layout, self.host)
        self.dismiss(units)
        self._wait_for([unit for unit, state in units.items() if state.active not in GONE])

    def dismiss_release(self, release: str) -> bool:
        """Tell all processes of a release to end."""
        running = [unit for unit in find_units(self.layout, self.host) if release_of(unit) == release]
        return self.dismiss({*running, *self._list_units(release)})

    def _list_units(self, release: str) -> list[str]:
        return [unit for process in self._of(release) for unit in process.list_units(self.layout, release)]

    def _of(self, release: str) -> list[Process]:
        record = read_record(self.layout, self.host, release)
        return list(map(Process.of, record.processes)) if record else []

    def _find_rivals(self, release: str, found: Mapping[str, UnitState]) -> list[str]:
        """Return the units of other releases beside which a process of this one must not run."""
        alone = {process.name for process in self._of(release) if process.exclusive}
        others = {release_of(unit) for unit in found} - {release}
        alone |= {process.name for other in others for process in self._of(other) if process.exclusive}
        return [unit for unit, state in found.items() if release_of(unit) in others and name_of(unit) in alone and state.active not in GONE]

    def _wait_for(self, units: list[str]) -> None:
        """Let units end, and wait for it: systemd ends them when the time is over that they have for it."""
        if not units:
            return
        self.host.units.end(*units)
        while any(state.active not in GONE for state in self.host.units.show(units).values()):
            self.host.clock.sleep(_PAUSE)

    def _prove(self, release: str, units: Mapping[str, int]) -> None:
        """See that units come up and stay so for a moment, given how often each was restarted before."""
        clock = self.host.clock
        deadline = clock.monotonic() + self.deadline
        while not self._are_up(release, units):
            if clock.monotonic() > deadline:
                late = next(unit for unit, state in self.host.units.show([*units]).items() if state.active != "active")
                raise self._failed(release, late, f"was not ready within {self.deadline:g} s")
            clock.sleep(_PAUSE)
        until = clock.monotonic() + max((process.watch for process in self._of(release)), default=0)
        while clock.monotonic() < until:
            clock.sleep(_PAUSE)
            self._are_up(release, units)

    def _are_up(self, release: str, units: Mapping[str, int]) -> bool:
        states = self.host.units.show([*units])
        for unit, state in states.items():
            if death := state.describe_death(units[unit]):
                raise self._failed(release, unit, f"does not run: {death}")
        return all(state.active == "active" for state in states.values())

    def _failed(self, release: str, unit: str, trouble: str) -> ReleaseFailed:
        what = f"the process {name_of(unit)} of release {release} {trouble}"
        return ReleaseFailed(explain(self.layout, self.host, what, release, unit))
