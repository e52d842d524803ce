# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calendar events: systemd.time(7)."""

from __future__ import annotations

import re

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_DAYS = re.compile(r"(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?([.,].*)?", re.IGNORECASE)


def with_zone(event: str) -> str:
    """Return a calendar event that names its time zone: UTC, unless it does."""
    words = event.split()
    names_one = len(words) > 1 and _ZONE.fullmatch(words[-1]) and not _DAYS.fullmatch(words[-1])
    return " ".join(words if names_one else [*words, "UTC"])
