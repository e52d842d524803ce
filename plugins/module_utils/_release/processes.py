# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release runs besides its web process for as long as it is live: workers of a queue, a clock, a bot.

Each is a unit of its own, whose file is written for the one release. It starts only while the link `current` leads to its release, by a
condition in that file: whatever starts it, a boot, a crash or a hand, users' release and the processes at work are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import PROCESS_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

GONE = ("inactive", "failed")
"""States of a unit in which nothing of it runs."""

ENDING = "deactivating"
"""State of a unit that was told to end, and finishes its work."""


@dataclass(frozen=True)
class Process:
    """One kind of process of a release."""

    name: str
    unit: str = ""
    """Text of its unit file; not known of a release that is on the host already, where the file is."""

    count: int = 1
    """How many of it run. Another number makes no other release."""

    exclusive: bool = False
    """Whether two of it must never run at a time, not even of different releases."""

    watch: float = 5
    """Seconds for which it must stay up."""

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Process:
        """Return a process as the module releases, or the record of a release, describes it."""
        process = cls(**{key: value for key, value in described.items() if key in cls.__dataclass_fields__})
        if not PROCESS_PATTERN.fullmatch(process.name):
            raise UserError(f"a process is called {process.name!r}; allowed are {PROCESS_PATTERN.pattern}")
        return process

    def to_record(self) -> dict[str, Any]:
        """Return what the record of a release says of it."""
        return {"name": self.name, "count": self.count, "exclusive": self.exclusive, "watch": self.watch}

    def list_units(self, layout: AppLayout, release: str) -> list[str]:
        """Return the units of which it consists in a release."""
        return [layout.process_unit(release, self.name, number + 1) for number in range(self.count)]


def find_units(layout: AppLayout, host: Host) -> dict[str, UnitState]:
    """Return the units of processes of all releases of which something runs, or has ended badly."""
    found = host.units.find_instances(layout.process_unit("", "*"))
    units = [unit for unit in found if layout.is_process(unit)]
    return {unit: state for unit, state in host.units.show(units).items() if state.active != "inactive"} if units else {}
