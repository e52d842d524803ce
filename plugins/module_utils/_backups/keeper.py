# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the backups of apps going: their settings, the program, and the units that make them, on a host."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups import program
from ansible_collections.webstack.flask.plugins.module_utils._backups.repository import RESTIC, Repository, is_beside_data
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import (
    LAUNCHER,
    SETTINGS_ROOT,
    STATE_ROOT,
    Settings,
    backup_unit,
    cache_directory,
    settings_file,
    unit_files,
    verify_unit,
    work_directory,
)
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import KINDS, describe, find_complaints, read_state, write_state
from ansible_collections.webstack.flask.plugins.module_utils._backups.units import list_units
from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, ensure_file, read_text
from ansible_collections.webstack.flask.plugins.module_utils._host.installed_program import ensure_program
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import remove_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import UNIT_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import for_each_app
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl

_OPEN, _SECRET = Access(0, 0, 0o644), Access(0, 0, 0o600)
_FAILED: dict[str, Any] = {"changed": False, "notes": []}


def keep_backups(params: Mapping[str, Any], *, check: bool) -> dict[str, dict[str, Any]]:
    """Bring the backups of apps to their wanted state, as the module describes it; return what became of each, by its name."""

    def attend(app: Mapping[str, Any]) -> dict[str, Any]:
        if app["state"] == "absent":
            return end_backups(app["name"], check=check)
        return _keep(Settings.of({**app, "port": params["port"], "env": decode(app["variables"])}), check=check)

    return for_each_app(params["backups"], attend, _FAILED)


def _keep(settings: Settings, *, check: bool) -> dict[str, Any]:
    notes, state = [], read_state(settings.name)
    if read_text(settings_file(settings.name)) != settings.format():
        # Where it is not installed yet in check mode, there is nothing with which to look.
        if not check or Path(RESTIC).exists():
            notes += _open_repository(settings, state, check=check)
        if not check:
            state = read_state(settings.name)
            ensure_directory(SETTINGS_ROOT, Access(0, 0, 0o700))
            ensure_directory(STATE_ROOT, Access(0, 0, 0o711))
        notes.append("settings written")
    changed = bool(notes)
    if ensure_program(LAUNCHER, program.__name__, check=check):
        notes.append("program written")
        changed = True
    changed |= _ensure_units(settings, check=check)
    # Last, so that a run that was cut off is known by it.
    changed |= ensure_file(settings_file(settings.name), settings.format(), _SECRET, check=check)
    complaints = [*find_complaints(state, settings.verify, time.time()), *_find_deaths(settings, state)]
    beside = [_BESIDE] if settings.directory and is_beside_data(settings.directory, settings.layout.root) else []
    return {"changed": changed, "notes": notes, "complaints": complaints, "said": describe(state), "hints": beside}


def _find_deaths(settings: Settings, state: Mapping[str, Any]) -> list[str]:
    """Return how those have ended that could not write down themselves that they have failed, since they were killed."""
    units = {kind: f"{unit}.service" for kind, unit in (("backup", backup_unit(settings.name)), ("verify", verify_unit(settings.name)))}
    states = systemctl.show(list(units.values()))
    return [
        f"the {KINDS[kind]} has ended too early: {states[unit].describe_death()}; see `journalctl -u {unit}`"
        for kind, unit in units.items()
        if states[unit].active == "failed" and not state.get(f"{kind}_error")
    ]


_BESIDE = "its repository lies on the disk of its data, and is lost with it; `to` may name another machine, or a disk of its own"


def _open_repository(settings: Settings, state: Mapping[str, Any], *, check: bool) -> list[str]:
    """See that the repository can be used, before anything is changed; make it where there never was one."""
    repository = Repository(settings)
    known = state.get("to") == settings.to
    if check:
        repository.look(was_there=known)
        return []
    made = repository.open_or_make(was_there=known)
    write_state(settings.name, {"since": time.time(), **state, "to": settings.to})
    return ["repository made"] if made else []


def _ensure_units(settings: Settings, *, check: bool) -> bool:
    texts = list_units(settings)
    timers = [unit for unit in texts if unit.endswith(".timer")]
    surplus = [path for path in unit_files(settings.name) if path.name not in texts and path.exists()]
    changed = [unit for unit, text in texts.items() if ensure_file(UNIT_ROOT / unit, text, _OPEN, check=check)]
    if check:
        return bool(changed or surplus)
    _remove_units(surplus)
    if changed or surplus:
        systemctl.daemon_reload()
    states = systemctl.show(timers)
    idle = [timer for timer in timers if not states[timer].enabled or states[timer].active != "active" or timer in changed]
    if idle:
        systemctl.enable(*idle)
        systemctl.start_and_wait(*idle)
    return bool(changed or surplus or idle)


def _remove_units(paths: Sequence[Path]) -> None:
    units = [path.name for path in paths]
    if timers := [unit for unit in units if unit.endswith(".timer")]:
        systemctl.disable(*timers)
    if units:
        systemctl.stop(*units)
        systemctl.forget_failure(*units)
    for path in paths:
        path.unlink(missing_ok=True)


def end_backups(name: str, *, check: bool) -> dict[str, Any]:
    """Make no more backups of an app. Those that there are stay in their repository, whose password is in the inventory alone."""
    paths = [path for path in unit_files(name) if path.exists()]
    settings, state = settings_file(name), STATE_ROOT / f"{name}.json"
    places = [path for path in (settings, state, cache_directory(name), work_directory(name)) if path.exists()]
    if not check:
        _remove_units(paths)
        if paths:
            systemctl.daemon_reload()
        for place in (cache_directory(name), work_directory(name)):
            remove_tree(place)
        for file in (state, settings):
            file.unlink(missing_ok=True)
    gone = [str(path) for path in (*paths, *places)]
    return {"changed": bool(gone), "notes": ["no more backups are made; those in the repository stay"] if gone else [], "removed": gone}
