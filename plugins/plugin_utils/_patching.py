# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an upgrade of Debian's packages asks for: which packages, which services are to start anew and how, whether to reboot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

_INSTALLED = re.compile(r"^Inst (\S+)(?: \[(\S+)\])? \((\S+)", re.MULTILINE)
_SERVICE = re.compile(r"^NEEDRESTART-SVC: (\S+)$", re.MULTILINE)
_KERNEL = re.compile(r"^NEEDRESTART-KSTA: ([23])$", re.MULTILINE)
"""An upgrade of the kernel is installed and does not run: 2 where it is compatible, 3 where it is another version."""

_NGINX = "nginx.service"

_STAYS = re.compile(
    r"(dbus|systemd-logind|user@|session-|getty@|serial-getty@|console-getty|NetworkManager|networking|systemd-networkd|wpa_supplicant"
    r"|ifup@|unattended-upgrades|apt-daily|packagekit|cloud-|docker|containerd|libvirtd|emergency|rescue|rc-local).*|(?!.*\.service$).*"
)
"""Units whose restart would cut off sessions, the network, what others run, or an upgrade. They go on until the host is rebooted."""


def list_upgrades(simulated: str) -> list[str]:
    """Return a text for each package that `apt-get --simulate` would install: its name, the version that is there, and the new one."""
    return [f"{name} {old or 'not installed'} -> {new}" for name, old, new in _INSTALLED.findall(simulated)]


def plan_restarts(found: str, apps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is to be done about the services that use files which are no more, as `needrestart -b` has listed them.

    `apps` is what `webstack --json` says of the host: these start anew in their own way, and `nginx` likewise. `services` are restarted,
    `stays` is left as it is, and `kernel` says whether another kernel waits for a reboot.
    """
    units = sorted(set(_SERVICE.findall(found)))
    owners = {unit: _find_owner(unit, apps) for unit in units}
    others = [unit for unit in units if owners[unit] is None and unit != _NGINX]
    return {
        "apps": sorted({owner for owner in owners.values() if owner}),
        "nginx": _NGINX in units,
        "services": [unit for unit in others if not _STAYS.fullmatch(unit)],
        "stays": [unit for unit in units if owners[unit] == "" or (unit in others and _STAYS.fullmatch(unit))],
        "kernel": bool(_KERNEL.search(found)),
    }


def _find_owner(unit: str, apps: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the app whose live release runs as the unit, "" where it is an app's and ends by itself, None where it is somebody else's.

    Jobs, backups, installations, what somebody runs by hand, and what a former release has still to do end by themselves.
    """
    for app in apps:
        name, layout = app["app"], AppLayout.of(app["app"])
        if unit.startswith(f"{name}@") or layout.is_process(unit):
            return name if unit.endswith(f"@{app['release']}.service") else ""
        if unit in (f"{name}-build.service", f"{name}-release-command.service"):
            return ""
        if unit.startswith(f"{name}.") and unit not in (f"{name}.service", f"{name}.redis.service"):
            return ""
    return None


def find_worse(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each app that is not as well as it was, given what `webstack --json` has said before and after."""
    now = {app["app"]: app for app in after}
    told = []
    for was in before:
        app = now.get(was["app"])
        if app is None:
            told.append(f"{was['app']}: is gone")
        elif (was["ok"] and not app["ok"]) or (was["health"] == "healthy" and app["health"] != "healthy"):
            told.append(f"{was['app']}: {'; '.join(app['troubles']) or app['health'] or 'is not healthy'}")
    return told
