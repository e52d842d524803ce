# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit files that are written for one release: those of its processes and of its jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._host.places import HEAD
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host

ACCESS = Access(0, 0, 0o644)


def name_of(unit: str) -> str:
    """Return the process or job of which this is a unit."""
    return unit.partition("@")[0].split(".")[1]


def release_of(unit: str) -> str:
    """Return the release of which this is a unit."""
    return unit.partition("@")[2].rpartition(".")[0]


def ensure_files(layout: AppLayout, host: Host, texts: Mapping[str, str], *, check: bool, checked: bool) -> bool:
    """Write unit files, by the names of the units; return whether any was missing or another one. What systemd would ignore is an error.

    `checked` is whether files that are there already were found to be good: a run may have been cut off before it had asked. Where the app
    reads and writes besides its own directory is the same for all of its units. Several units of one process have the same text.
    """
    places = host.files.read_text(layout.places) or ""
    texts = {unit: text + places for unit, text in texts.items()}
    missing = [unit for unit, text in texts.items() if host.files.ensure_file(layout.unit_file(unit), text, ACCESS, check=True)]
    if not missing and (checked or not texts):
        return False
    if check:
        return True
    for unit in missing:
        host.files.write_atomically(layout.unit_file(unit), texts[unit], ACCESS)
    host.units.daemon_reload()
    asked = {texts[unit]: unit for unit in reversed(texts)}
    for unit in asked.values():
        if complaints := host.units.find_complaints(unit, layout.unit_file(unit)):
            for each in texts:
                host.files.unlink(layout.unit_file(each))
            raise UserError(f"systemd does not take what is said of {name_of(unit)} of {layout.name}:\n" + "\n".join(complaints))
    return True


def renew_places(layout: AppLayout, host: Host, release: str) -> bool:
    """Have the unit files of a release name the places where the app's data are now; return whether any named others.

    Those of a former release were written when it was deployed, and the data may lie on another disk since.
    """
    places, renewed = host.files.read_text(layout.places) or "", {}
    for path in find_files(layout, host) if places else ():
        text = host.files.read_text(path) or ""
        own, head, _former = text.rpartition(f"\n{HEAD}")
        if head and release_of(path.name) == release and text != f"{own}\n{places}":
            renewed[path] = f"{own}\n{places}"
    for path, text in renewed.items():
        host.files.write_atomically(path, text, ACCESS)
    if renewed:
        host.units.daemon_reload()
    return bool(renewed)


def read_unit(layout: AppLayout, host: Host, unit: str) -> str:
    """Return the text of a unit file as it was given, without the places that were added to it."""
    return (host.files.read_text(layout.unit_file(unit)) or "").removesuffix(host.files.read_text(layout.places) or "")


def find_files(layout: AppLayout, host: Host) -> list[Path]:
    """Return the unit files of processes and jobs, of whichever release."""
    files = host.files.glob(layout.service_template.parent, f"{layout.name}.*@*.service")
    return [file for file in files if layout.is_process(file.name) or layout.is_job(file.name)]


def remove_files(layout: AppLayout, host: Host) -> bool:
    """Remove the unit files of releases that are gone; return whether there were any."""
    doomed = [file for file in find_files(layout, host) if not host.files.is_dir(layout.release(release_of(file.name)))]
    for file in doomed:
        host.files.unlink(file)
    return bool(doomed)
