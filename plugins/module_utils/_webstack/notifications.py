# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have somebody told of the troubles of apps: the settings, the programs, and the timer of a host."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, ensure_file, read_text
from ansible_collections.webstack.flask.plugins.module_utils._host.installed_program import ensure_program
from ansible_collections.webstack.flask.plugins.module_utils._layout import UNIT_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._notifications import sender
from ansible_collections.webstack.flask.plugins.module_utils._notifications.sending import check_url
from ansible_collections.webstack.flask.plugins.module_utils._notifications.settings import (
    DIRECTORY,
    SECRET,
    SETTINGS_ROOT,
    STATE_ROOT,
    UNIT,
    Settings,
    describe_failing,
    list_described,
    name_target,
    settings_file,
    state_file,
)
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import for_each_app
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._webstack import notify

_OPEN = Access(0, 0, 0o644)
_FAILED: dict[str, Any] = {"changed": False, "notes": []}
_HEAD = "# Written by webstack.flask.\n"
_UNITS: Mapping[str, str] = {
    f"{UNIT}.service": (
        f"{_HEAD}[Unit]\nDescription=tells of apps that have failed or are well again\n"
        f"[Service]\nType=oneshot\nExecStart={notify.LAUNCHER}\nTimeoutStartSec=10min\nNice=5\nPrivateTmp=yes\nUMask=0077\n"
    ),
    f"{UNIT}.timer": (
        f"{_HEAD}[Unit]\nDescription=when apps are looked at, to tell of those that have failed\n"
        # After a boot, the apps have that long to come up.
        "[Timer]\nOnActiveSec=2min\nOnUnitInactiveSec=1min\nAccuracySec=10s\n"
        "[Install]\nWantedBy=timers.target\n"
    ),
}


def keep_notifications(params: Mapping[str, Any], *, check: bool) -> dict[str, dict[str, Any]]:
    """Bring the notifications of apps to their wanted state, as the module describes it; return what became of each, by its name."""

    def attend(app: Mapping[str, Any]) -> dict[str, Any]:
        if app["state"] == "absent":
            return end_notifications(app["name"], check=check)
        return _keep(Settings.of({"name": app["name"], "targets": decode(app["targets"])}), check=check)

    return for_each_app(params["notifications"], attend, _FAILED)


def _keep(settings: Settings, *, check: bool) -> dict[str, Any]:
    notes = []
    for launcher, module in ((sender.LAUNCHER, sender.__name__), (notify.LAUNCHER, notify.__name__)):
        if ensure_program(launcher, module, check=check):
            notes.append(f"{launcher.name} written")
    file = settings_file(settings.name)
    if read_text(file) != settings.format():
        # In check mode neither the program nor apprise may be there yet.
        if not check:
            _require_known(settings)
            ensure_directory(SETTINGS_ROOT, DIRECTORY)
            ensure_directory(STATE_ROOT, DIRECTORY)
        notes.append("settings written")
    changed = ensure_file(file, settings.format(), SECRET, check=check)
    changed |= _ensure_units(check=check)
    return {"changed": changed or bool(notes), "notes": notes, "complaints": describe_failing(settings.name)}


def _require_known(settings: Settings) -> None:
    """Raise UserError, before anything is changed, with each URL of which apprise can make nothing."""
    problems = [(name_target(number, target), check_url(target.url)) for number, target in enumerate(settings.targets)]
    if told := [f"{name}: {problem}" for name, problem in problems if problem]:
        raise UserError(f"{'; '.join(told)}. `man apprise`, or https://appriseit.com, has the URL of each service")


def _ensure_units(*, check: bool) -> bool:
    timer = f"{UNIT}.timer"
    changed = [unit for unit, text in _UNITS.items() if ensure_file(UNIT_ROOT / unit, text, _OPEN, check=check)]
    if check:
        return bool(changed)
    if changed:
        systemctl.daemon_reload()
    state = systemctl.show([timer])[timer]
    idle = not state.enabled or state.active != "active" or timer in changed
    if idle:
        systemctl.enable(timer)
        systemctl.restart(timer)
    return bool(changed) or idle


def end_notifications(name: str, *, check: bool) -> dict[str, Any]:
    """Tell nobody of an app any more. Where it was the last one of the host, nobody looks any more."""
    gone = [file for file in (settings_file(name), state_file(name)) if file.exists()]
    is_last = bool(gone) and list_described() in ([], [name])
    if is_last:
        gone += [path for path in (*(UNIT_ROOT / unit for unit in _UNITS), notify.LAUNCHER, sender.LAUNCHER) if path.exists()]
    if not check:
        if is_last and (UNIT_ROOT / f"{UNIT}.timer").exists():
            systemctl.disable(f"{UNIT}.timer")
            systemctl.stop(*reversed([*_UNITS]))
            systemctl.forget_failure(f"{UNIT}.service")
        for path in gone:
            path.unlink(missing_ok=True)
        if is_last:
            systemctl.daemon_reload()
            for place in (SETTINGS_ROOT, STATE_ROOT):
                shutil.rmtree(place, ignore_errors=True)
    removed = [str(path) for path in gone]
    return {"changed": bool(gone), "notes": ["nobody is told of it any more"] if gone else [], "removed": removed}
