# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units by which the backups of an app are made, and restored to see that they are good."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._backups.backup import IN_UNIT
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import LAUNCHER, Settings, backup_unit, verify_unit

_HEAD = "# Written by webstack.flask.\n"
_DAYS = {"daily": "", "weekly": "Sun ", "monthly": ""}


def list_units(settings: Settings) -> dict[str, str]:
    """Return the texts of the units, by their names. There is none that verifies where that is never to be."""
    name = settings.name
    backup, verify = backup_unit(name), verify_unit(name)
    units = {
        f"{backup}.service": _format_service(name, "makes a backup", "backup", "After=postgresql.service network-online.target\n"),
        f"{backup}.timer": _format_timer(name, "when a backup is made", f"*-*-* {calendar_of(settings.at)}"),
    }
    if settings.verify == "never":
        return units
    days = "*-*-01" if settings.verify == "monthly" else "*-*-*"
    at = f"{_DAYS[settings.verify]}{days} {calendar_of(settings.at)}"
    return {
        **units,
        # Both are due at one time: it waits for the backup that is made then.
        f"{verify}.service": _format_service(
            name, "restores the last backup to try it", "verify", f"After={backup}.service postgresql.service\n"
        ),
        f"{verify}.timer": _format_timer(name, "when the last backup is restored to try it", at),
    }


def _format_service(name: str, does: str, command: str, after: str) -> str:
    return (
        f"{_HEAD}[Unit]\nDescription={name}, {does}\nWants=network-online.target\n{after}"
        f"[Service]\nType=oneshot\nExecStart={LAUNCHER} {command} {name}\nEnvironment={IN_UNIT}=1\nTimeoutStartSec=infinity\n"
        "Nice=10\nCPUWeight=20\nIOWeight=20\nIOSchedulingClass=idle\nPrivateTmp=yes\nUMask=0077\n"
    )


def _format_timer(name: str, when: str, at: str) -> str:
    return (
        f"{_HEAD}[Unit]\nDescription={name}, {when}\n"
        f"[Timer]\nOnCalendar={at}\nPersistent=yes\nRandomizedDelaySec=5min\nFixedRandomDelay=yes\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def calendar_of(at: str) -> str:
    """Return a time of the day, with its zone if it names one, as systemd.time(7) has it; without one it is in UTC."""
    return at if " " in at else f"{at} UTC"
