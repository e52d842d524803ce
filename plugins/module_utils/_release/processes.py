# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a release runs besides its web process for as long as it is live: workers of a queue, a clock, a bot.

Each is a unit of its own, whose file is written for the one release. It starts only while the link `current` leads to its release, by a
condition in that file: whatever starts it, a boot, a crash or a hand, users' release and the processes at work are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._layout import PROCESS_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState

GONE = ("inactive", "failed")
"""States of a unit in which nothing of it runs."""

ENDING = "deactivating"
"""State of a unit that was told to end, and finishes its work."""

_ACCESS = Access(0, 0, 0o644)


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


def name_of(unit: str) -> str:
    """Return the process of which this is a unit."""
    return unit.partition("@")[0].split(".")[1]


def release_of(unit: str) -> str:
    """Return the release of which this is a unit."""
    return unit.partition("@")[2].rpartition(".")[0]


def find_units(layout: AppLayout, host: Host) -> dict[str, UnitState]:
    """Return the units of processes of all releases of which something runs, or has ended badly."""
    found = host.units.find_instances(layout.process_unit("", "*"))
    units = [unit for unit in found if layout.is_process(unit)]
    return {unit: state for unit, state in host.units.show(units).items() if state.active != "inactive"} if units else {}


def find_pinned(layout: AppLayout, host: Host) -> set[str]:
    """Return the releases in which a process still runs or finishes its work: nothing that it runs from may go."""
    return {release_of(unit) for unit, state in find_units(layout, host).items() if state.active not in GONE}


def ensure_files(layout: AppLayout, host: Host, release: str, processes: Iterable[Process], *, check: bool, checked: bool) -> bool:
    """Write the unit files of a release's processes; return whether any was missing or another one. What systemd would ignore is an error.

    `checked` is whether files that are there already were found to be good: a run may have been cut off before it had asked. Where the app
    reads and writes besides its own directory is the same for all of its units.
    """
    places = host.files.read_text(layout.places) or ""
    texts = {unit: process.unit + places for process in processes for unit in process.list_units(layout, release)}
    missing = [unit for unit, text in texts.items() if host.files.ensure_file(layout.unit_file(unit), text, _ACCESS, check=True)]
    if not missing and (checked or not texts):
        return False
    if check:
        return True
    for unit in missing:
        host.files.write_atomically(layout.unit_file(unit), texts[unit], _ACCESS)
    host.units.daemon_reload()
    asked = {name_of(unit): unit for unit in reversed(texts)}
    for name, unit in asked.items():
        if complaints := host.units.find_complaints(unit, layout.unit_file(unit)):
            for each in texts:
                host.files.unlink(layout.unit_file(each))
            raise UserError(f"systemd does not take what is said of the process {name} of {layout.name}:\n" + "\n".join(complaints))
    return True


def find_files(layout: AppLayout, host: Host) -> list[Path]:
    """Return the unit files of processes, of whichever release."""
    files = host.files.glob(layout.service_template.parent, layout.process_unit("*", "*"))
    return [file for file in files if layout.is_process(file.name)]


def remove_files(layout: AppLayout, host: Host) -> bool:
    """Remove the unit files of releases that are gone, and of processes of which fewer run than before; return whether there were any."""
    doomed = [file for file in find_files(layout, host) if not host.files.is_dir(layout.release(release_of(file.name)))]
    for file in doomed:
        host.files.unlink(file)
    return bool(doomed)
