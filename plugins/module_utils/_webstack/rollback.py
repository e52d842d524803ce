# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback without Ansible: the same as that of the module rollback, with what the last deploy was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError, describe_error
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party, read_group
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.options import read_switching
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back_party
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import list_apps

_LOCK_TIMEOUT = 300
"""Seconds to wait for a run that changes the app."""


def roll_back_here(layout: AppLayout, release: str, data: str) -> dict[str, dict[str, Any]]:
    """Take users of an app back, and those of its group with them; return what became of each. Raise UserError where it cannot be tried."""
    told = {name: found for name in list_apps() if (found := read_switching(AppLayout.of(name), REAL))}
    party = choose_party(layout.name, told, read_group(REAL, str(told.get(layout.name, {}).get("group") or "")).sets)
    try:
        return roll_back_party(party, Way(release, data), _LOCK_TIMEOUT, REAL, check=False)
    except Exception as error:  # noqa: BLE001 - it is told as that of the module is
        lost: dict[str, Any] = {"previous": None, "current": None, "changed": False, "notes": [], "error": describe_error(error)}
        return {layout.name: lost}


def choose_party(name: str, told: Mapping[str, dict[str, Any]], sets: tuple[Mapping[str, str], ...]) -> Party:
    """Return an app with those of its group, given what the host was told of each app, and the sets of releases of its group.

    Raise UserError where the host does not know enough of one of them.
    """
    if name not in told:
        raise UserError(
            f"how users reach {name} was not written down by its last deploy; use playbooks/rollback.yml, or run site.yml, which does that"
        )
    group = str(told[name].get("group") or "")
    members = [app for other, app in told.items() if other == name or (group and app.get("group") == group)]
    missing = sorted(set(sets[0]) - told.keys()) if group and sets else []
    if missing:
        raise UserError(
            f"{name} goes back together with {', '.join(missing)}, and how users reach that was not written down by its last deploy; use "
            "playbooks/rollback.yml"
        )
    return Party(members)


def describe_outcome(name: str, outcome: Mapping[str, Any]) -> list[str]:
    """Return the lines that tell what became of an app."""
    notes = [f"  {note}" for note in outcome["notes"]]
    if "error" in outcome:
        at = f"users are at release {outcome['current']}" if outcome["current"] else "users reach no release"
        return [f"{name} was not taken back, {at}: {outcome['error']}", *notes]
    if not outcome["changed"]:
        return [f"{name}: users are at release {outcome['current']} already", *notes]
    return [f"{name}: users are at release {outcome['current']}, and were at {outcome['previous']}", *notes]
