# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The internal services that an app calls: under which URL, and whether they let it in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.words import KEY, THE_HOST, format_caller, make_credentials, make_word
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host


@dataclass(frozen=True)
class Use:
    """A service that an app calls: where it is, the variable that says so, and the file with the words by which it knows its callers."""

    name: str
    variable: str
    address: str
    port: int
    callers: Path

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Use:
        """Return what a module's parameters say."""
        return cls(described["name"], described["variable"], described["address"], described["port"], Path(described["callers"]))


def list_urls(uses: Iterable[Use], app: str, host: Host) -> dict[str, str]:
    """Return the variables of an app with the URLs of the services. Without the host's key, which a check run may lack, none has a word."""
    key = host.files.read_text(KEY) or ""
    words = {use.variable: make_word(key, use.name, app) if key else "" for use in uses}
    return {use.variable: f"http://{app}:{words[use.variable]}@{use.address}:{use.port}" for use in uses}


def require_let_in(uses: Sequence[Use], app: str, host: Host) -> None:
    """Raise UserError, before anything is changed, where a service does not let the app in."""
    key = host.files.read_text(KEY) if uses else None
    for use in uses:
        line = format_caller(key, use.name, app) if key else None
        if line is None or line not in (host.files.read_text(use.callers) or "").splitlines():
            raise UserError(
                f"nothing was changed: {app} uses {use.name}, which does not let it in yet. That is for nginx to do: run site.yml, and not "
                "deploy.yml alone"
            )


def introduce_host(service: str, host: Host) -> str:
    """Return what the host itself says to a service in Authorization; nothing where there is no key yet."""
    key = host.files.read_text(KEY)
    return f"Basic {make_credentials(key, service, THE_HOST)}" if key else ""


def take_turns(parties: Iterable[Party]) -> list[list[Party]]:
    """Return the apps in turns, so that each comes after the services that it uses. Those that use each other in a circle come together."""
    waiting, turns = list(parties), list[list[Party]]()
    while waiting:
        reached = [_find_reached(number, waiting) for number in range(len(waiting))]
        free = [number for number, others in enumerate(reached) if all(number in reached[other] for other in others)]
        turns.append([waiting[number] for number in free])
        waiting = [party for number, party in enumerate(waiting) if number not in free]
    return turns


def _find_reached(start: int, parties: Sequence[Party]) -> set[int]:
    """Return the places of those whose services are used by the party in one place, or by these, and so on."""
    found, left = set[int](), {start}
    while left:
        used = {use["name"] for number in left for app in parties[number].apps for use in app.get("services") or ()}
        left = {number for number, party in enumerate(parties) if any(app["name"] in used for app in party.apps)} - found
        found |= left
    return found
