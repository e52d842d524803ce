# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of apps that switch together: what a host knows of each, and what follows from it.

A group has a file, with the sets of releases that users have reached together, and the switch of the group that goes on. What is in the
file decides where a run that was cut off leads: to one side, for all members.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._layout import GROUP_ROOT, NAME_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host

_MOST_SETS = 10
_ROOT_ONLY = Access(0, 0, 0o700)
_FILE = Access(0, 0, 0o600)


@dataclass(frozen=True)
class Move:
    """One member of a group in a switch. One that stays where it is has the same release before."""

    app: Mapping[str, Any]
    """How it is asked, in the terms of the modules' options: whichever run finishes the switch has to know."""

    release: str
    before: str | None
    """The release that users reached when the switch began."""

    former: str | None
    """Where the link `previous` pointed then."""

    @property
    def name(self) -> str:
        """The app."""
        return str(self.app["name"])

    @property
    def layout(self) -> AppLayout:
        """Where the app is."""
        return AppLayout.of(self.name, self.app.get("root"))


@dataclass(frozen=True)
class Group:
    """What the host knows of a group."""

    name: str
    sets: tuple[Mapping[str, str], ...] = ()
    """The releases that users have reached together, by app: the last set first."""

    moves: tuple[Move, ...] = ()
    """The members of the switch that goes on, or was cut off; none where there is no such switch."""

    proven: bool = False
    """Whether all members of it were seen to be good, so that none is taken back any more."""

    back: bool = False
    """Whether it is a rollback."""

    @classmethod
    def from_json(cls, name: str, text: str) -> Group:
        """Return the group of which a file says this; of one that cannot be read nothing is known."""
        try:
            content = json.loads(text)
            switch = content.get("switch") or {}
            moves = tuple(Move(**move) for move in switch.get("moves", ()))
            return cls(name, tuple(content.get("sets", ())), moves, switch.get("proven", False), switch.get("back", False))
        except (ValueError, TypeError, AttributeError):
            return cls(name)

    def to_json(self) -> str:
        """Return the text to write."""
        switch = {"moves": [asdict(move) for move in self.moves], "proven": self.proven, "back": self.back} if self.moves else None
        return json.dumps({"sets": self.sets, "switch": switch}, indent=2, sort_keys=True) + "\n"

    def begin(self, moves: Sequence[Move], *, back: bool) -> Group:
        """Return the group with a switch that goes on."""
        return replace(self, moves=tuple(moves), proven=False, back=back)

    def end(self, *, reached: bool) -> Group:
        """Return the group without its switch: if users have `reached` the releases, they are its last set, and those before the next."""
        after = {move.name: move.release for move in self.moves}
        before = {move.name: move.before for move in self.moves if move.before is not None}
        first = [after, *([before] if len(before) == len(after) else [])] if reached and len(after) > 1 else []
        sets = list[Mapping[str, str]]()
        for one in (*first, *self.sets):
            if one not in sets:
                sets.append(one)
        return replace(self, sets=tuple(sets[:_MOST_SETS]), moves=(), proven=False, back=False)

    def without(self, app: str) -> Group:
        """Return the group without one of its members, which leaves the host."""
        sets = [{name: release for name, release in one.items() if name != app} for one in self.sets]
        return replace(
            self,
            sets=tuple(one for number, one in enumerate(sets) if len(one) > 1 and one not in sets[:number]),
            moves=tuple(move for move in self.moves if move.name != app),
        )


@dataclass(frozen=True)
class Party:
    """Apps that are taken to their releases together: the members of a group, or an app that is alone."""

    apps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def group(self) -> str:
        """The group; empty for an app that is alone, be it that its group has no other member. Raise UserError if it cannot be its name."""
        name = str(self.apps[0].get("group") or "") if len(self.apps) > 1 else ""
        if name and not NAME_PATTERN.fullmatch(name):
            raise UserError(
                f"the group of {', '.join(app['name'] for app in self.apps)} is {name!r}; allowed are 1 to 25 lower-case letters, digits, "
                "'-' and '_', beginning with a letter"
            )
        return name


def form_parties(apps: Iterable[dict[str, Any]]) -> list[Party]:
    """Return the apps by group, in the order in which the first of each comes."""
    parties = list[Party]()
    by_group = dict[str, Party]()
    for app in apps:
        group = app.get("group") or ""
        party = by_group.get(group) if group else None
        if party is None:
            party = Party()
            parties.append(party)
            if group:
                by_group[group] = party
        party.apps.append(app)
    return parties


def choose_set(
    sets: Iterable[Mapping[str, str]], live: Mapping[str, str | None], is_good: Callable[[str, str], bool], wanted: str = ""
) -> dict[str, str] | None:
    """Return the set to go back to: of those that all members have reached together, the last one that is not `live`, and is still good.

    With `wanted`, it is the last one in which a member has that release, be it the live one.
    """
    for one in sets:
        if not set(live) <= set(one):
            continue
        chosen = {name: one[name] for name in live}
        fits = wanted in chosen.values() if wanted else chosen != live
        if fits and all(is_good(name, release) for name, release in chosen.items()):
            return chosen
    return None


def _file_of(name: str) -> Path:
    return GROUP_ROOT / f"{name}.json"


def read_group(host: Host, name: str) -> Group:
    """Return what the host knows of a group."""
    text = host.files.read_text(_file_of(name))
    return Group.from_json(name, text) if text else Group(name)


def write_group(host: Host, group: Group) -> None:
    """Write down what is to be known of a group, so that it survives a power cut; one of which nothing is has no file."""
    file = _file_of(group.name)
    for staged in host.files.glob(GROUP_ROOT, f".{file.name}.*"):  # by a run that was killed
        host.files.unlink(staged)
    if group.sets or group.moves:
        host.files.ensure_directory(GROUP_ROOT, _ROOT_ONLY)
        host.files.write_atomically(file, group.to_json(), _FILE)
    elif host.files.lexists(file):
        host.files.unlink(file)
        host.files.sync_directory(GROUP_ROOT)


def read_groups(host: Host) -> list[Group]:
    """Return all groups of the host."""
    names = [name for name in host.files.names(GROUP_ROOT) if not name.startswith(".")]
    return [read_group(host, name.rpartition(".")[0]) for name in names]


def find_unfinished(host: Host, apps: Iterable[str]) -> list[Group]:
    """Return the groups of which a switch was cut off, or goes on, that has one of these apps as a member."""
    wanted = set(apps)
    return [group for group in read_groups(host) if any(move.name in wanted for move in group.moves)]


def forget_app(host: Host, app: str) -> None:
    """Let no group know an app any more that leaves the host."""
    for group in read_groups(host):
        if group.without(app) != group:
            write_group(host, group.without(app))
