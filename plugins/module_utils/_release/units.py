# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of an app's releases: started, stopped, and told to start at boot all together."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import ENDING, find_units
from ansible_collections.webstack.flask.plugins.module_utils._release.release import has_web, read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import release_of
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState


@dataclass(frozen=True)
class ReleaseUnits:
    """The units of the releases of one app. Which they are, the layout says."""

    layout: AppLayout
    host: Host

    def has_web(self, release: str) -> bool:
        """Return whether a release has a web process: one that is nothing but processes and jobs has none of these units."""
        return has_web(self.layout, self.host, release)

    def _list(self, release: str) -> list[str]:
        is_known = self.host.files.lexists(self.layout.service_template) or read_record(self.layout, self.host, release) is not None
        return self.layout.units(release) if is_known and self.has_web(release) else []

    def show(self, release: str) -> dict[str, UnitState]:
        """Return the state of each unit of a release."""
        return self.host.units.show(self.layout.units(release))

    def show_service(self, release: str) -> UnitState:
        """Return the state of the service that answers users."""
        unit = self.layout.service_unit(release)
        return self.host.units.show([unit])[unit]

    def has_socket(self, release: str) -> bool:
        """Return whether the file of a release's socket is there: somebody may have deleted it under systemd's hands."""
        return self.host.files.is_socket(self.layout.socket(release))

    def start(self, release: str) -> None:
        """Start a release: its sockets first, of which it is waited for; how the others fare, their state tells.

        One that was restarted, or has lost its socket, is stopped before.
        """
        units, states = self.layout.units(release), self.show(release)
        socket = states[self.layout.socket_unit(release)]
        lost_its_socket = socket.active == "active" and not self.has_socket(release)
        if lost_its_socket or any(state.restarts for state in states.values()):
            self.stop(release)
        self.host.units.forget_failure(*units)
        self.host.units.start_and_wait(*(unit for unit in units if _is_socket(unit)))
        self.host.units.start(*(unit for unit in units if not _is_socket(unit)))

    def stop(self, release: str) -> None:
        """Stop a release, and wait until it is down."""
        if units := self._list(release):
            self.host.units.stop(*units)

    def enable(self, release: str) -> None:
        """Let a release start at boot."""
        if units := self._list(release):
            self.host.units.enable(*units)

    def disable(self, release: str) -> None:
        """Let a release not start at boot."""
        if units := self._list(release):
            self.host.units.disable(*units)

    def forget(self, release: str) -> None:
        """Let systemd forget how a release ended."""
        if units := self._list(release):
            self.host.units.forget_failure(*units)

    def find_others(self, release: str | None) -> list[str]:
        """Return the releases besides `release` that run or would start at boot. Processes that were told to end are on their own."""
        directory = self.layout.service_template.parent
        wants = [path for unit in self.layout.units("*") for path in self.host.files.glob(directory, f"*.wants/{unit}")]
        processes = self.host.files.glob(directory, f"*.wants/{self.layout.process_unit('*', '*')}")
        wants += [path for path in processes if self.layout.is_process(path.name)]
        working = [unit for unit, state in find_units(self.layout, self.host).items() if state.active != ENDING]
        units = {path.name for path in wants} | set(self.host.units.find_instances(*self.layout.units(""))) | set(working)
        return sorted(set(map(release_of, units)) - {release})


def _is_socket(unit: str) -> bool:
    return unit.endswith(".socket")
