# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction of a group: those of its members, stage by stage, so that users reach all of the new releases or all of the old ones.

All are prepared; then all links move, all are confirmed, the processes of all are handed over; only then it is written down that they
serve. If anything fails before that, all are taken back, in the reverse order.

Which side it is to be is on disk before the first link moves. A run that is cut off is finished by the next one that names any member.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import describe_error
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import (
    Group,
    Move,
    Party,
    form_parties,
    read_group,
    write_group,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.options import SWITCH_OPTIONS, complete, read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord, is_unfinished
from ansible_collections.webstack.flask.plugins.module_utils._release.recovery import read_switch_of, stay
from ansible_collections.webstack.flask.plugins.module_utils._release.release import note, read_records, sweep
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.services import take_turns
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import Transaction, retire_others
from ansible_collections.webstack.flask.plugins.module_utils._side_by_side import Done, side_by_side


class JointFailure(Exception):
    """Why a group is not where it should be, for each of its members."""

    def __init__(self, errors: dict[str, str]) -> None:
        """Take the errors by app."""
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def blame(group: str, cause: str, error: Exception, names: Iterable[str], taken_back: Iterable[str] = ()) -> JointFailure:
    """Return the failure of a group of which one member is the `cause`; others were `taken_back` with it, or never left."""
    returned, first = set(taken_back), describe_error(error).partition("\n")[0]
    because = {
        True: f"was taken back together with {cause}, of the same group {group!r}, which has failed: {first}",
        False: f"stays as it was, because {cause}, of the same group {group!r}, has failed: {first}",
    }
    errors = {name: because[name in returned] for name in names}
    return JointFailure({**errors, cause: describe_error(error)})


def move_of(app: Mapping[str, Any], transaction: Transaction) -> Move:
    """Return what has to be on disk of an app, described by a module's parameters, for whichever run finishes its switch."""
    options = {key: app[key] for key in SWITCH_OPTIONS if key != "group"}
    return Move(options, transaction.release, transaction.before, transaction.former)


@dataclass(frozen=True)
class Member:
    """An app of a group on its way to a release, which may be the one that it has."""

    move: Move
    transaction: Transaction
    ready: Callable[[], None] = lambda: None
    """Is called before the release starts: release commands."""

    @property
    def name(self) -> str:
        """The app."""
        return self.move.name

    @property
    def switch(self) -> Switch:
        """The switch of the app."""
        return self.transaction.switch

    @property
    def stays(self) -> bool:
        """Whether users are where they are to be."""
        return self.transaction.release == self.transaction.before


@dataclass
class Joint:
    """The switch of a group."""

    name: str
    members: Sequence[Member]
    host: Host
    back: bool = False
    """Whether it is a rollback."""

    changed: dict[str, bool] = field(default_factory=dict)
    """Of each member, whether anything was changed."""

    _begun: list[Member] = field(default_factory=list)
    _reached: list[Member] = field(default_factory=list)

    def run(self) -> None:
        """Take all members to their releases. If one is no good, leave all as they were and raise JointFailure."""
        moving = [member for member in self.members if not member.stays]
        group = read_group(self.host, self.name).begin([member.move for member in self.members], back=self.back)
        self._do(moving, self._prepare)
        self._guard("", lambda: write_group(self.host, group))
        # What takes its time comes before all links, so that they move as close together as can be.
        self._do(moving, lambda member: member.transaction.start_at_boot())
        self._do(moving, self._lead)
        self._do(self.members, self._confirm)
        self._do(moving, lambda member: member.transaction.hand_over())
        self._guard("", lambda: write_group(self.host, replace(group, proven=True)))
        for member in moving:
            member.transaction.write_down()
            others = [other.name for other in self.members if other is not member]
            member.switch.notes.append(f"together with {' and '.join(others)}, of the group {self.name}")
        write_group(self.host, group.end(reached=True))
        for member in self.members:
            if member.stays:
                self.changed[member.name] |= retire_others(member.switch, member.move.release) | sweep(member.switch.layout, self.host)
            else:
                member.transaction.leave()

    def _do(self, members: Iterable[Member], stage: Callable[[Member], object]) -> None:
        for member in members:
            self._guard(member.name, lambda member=member: stage(member))  # type: ignore[misc]

    def _guard(self, name: str, act: Callable[[], object]) -> None:
        """Do something for one member, or of no name for all; if it fails, take all back."""
        try:
            act()
        except BaseException as failure:
            self._take_back(failure, name)
            if isinstance(failure, Exception):
                names = [member.name for member in self.members]
                if not name:
                    raise JointFailure(dict.fromkeys(names, describe_error(failure))) from failure
                raise blame(self.name, name, failure, names, [member.name for member in self._reached]) from failure
            raise

    def _prepare(self, member: Member) -> None:
        member.ready()
        self._begun.append(member)
        member.transaction.prepare()

    def _lead(self, member: Member) -> None:
        self._reached.append(member)
        member.transaction.lead()

    def _confirm(self, member: Member) -> None:
        """See that a member answers users, now that others have moved."""
        self.changed[member.name] = True
        if member.stays:
            self.changed[member.name] = stay(member.switch, member.transaction.release)
        else:
            member.transaction.confirm()

    def _take_back(self, failure: BaseException, cause: str) -> None:
        """Take users of all members back, the last one first, before any candidate is stopped: that takes as long as its requests.

        Of a release that was itself good it is not written down that it has failed. If one cannot be taken back, the next run does it.
        """
        reached, whole = dict[str, bool](), True
        for member in reversed(self._begun):
            try:
                reached[member.name] = member.transaction.take_back()
            except Exception as trouble:  # noqa: BLE001 - the others have to be taken back all the same
                whole = False
                member.switch.notes.append(f"could not take users back, which the next run does: {describe_error(trouble)}")
        for member in reversed(self._begun):
            if member.name in reached:
                reason = failure if member.name == cause else JointFailure({})
                with suppress(OSError):
                    member.transaction.give_up(reason, reached=reached[member.name])
        group = read_group(self.host, self.name)
        if group.moves and whole:
            with suppress(OSError):
                write_group(self.host, group.end(reached=False))


def attend_parties(
    apps: Iterable[dict[str, Any]],
    attend: Callable[[Party], dict[str, dict[str, Any]]],
    failed: Mapping[str, Any],
    workers: int = 1,
    done: Done = lambda _app, _outcome, _seconds: None,
) -> dict[str, dict[str, Any]]:
    """Return the outcome of each app by name, as `attend` returns it for the apps of a party, for so many of them at a time.

    Those that use an internal service come after it.

    The outcome of an app for which it raises an error is `failed`, with the message as `error`. `done` is told the outcomes of a party as
    soon as they are there.
    """

    def attend_and_tell(party: Party) -> dict[str, dict[str, Any]]:
        begun = time.monotonic()
        attended = attend_safely(party)
        for app in party.apps:
            done(app, attended[app["name"]], time.monotonic() - begun)
        return attended

    def attend_safely(party: Party) -> dict[str, dict[str, Any]]:
        try:
            return attend(party)
        except JointFailure as failure:
            return {name: {**failed, "error": error} for name, error in failure.errors.items()}
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with some apps must not stop the others
            return {app["name"]: {**failed, "error": describe_error(error)} for app in party.apps}

    described, outcomes = list(apps), dict[str, dict[str, Any]]()
    for turn in take_turns(form_parties(described)):
        for attended in side_by_side(attend_and_tell, turn, workers):
            outcomes.update(attended)
    return {app["name"]: outcomes[app["name"]] for app in described}


def finish_all(groups: Iterable[Group], host: Host, notes: list[str]) -> list[Group]:
    """Bring the members of each switch that was cut off to one side; return those groups, with the locks of all members held."""
    finished = []
    for group in groups:
        _Recovery.of(group, host, notes).run()
        finished.append(group)
    return finished


@dataclass(frozen=True)
class _Recovery:
    """Brings a group to one side, which is that of the candidates once all were seen to be good, and else that of the releases before.

    Where not all members come up on that side, it is the other one: users never stay on both.
    """

    group: Group
    host: Host
    members: Sequence[Transaction]
    notes: list[str]

    @classmethod
    def of(cls, group: Group, host: Host, notes: list[str]) -> _Recovery:
        """Return what finishes the switch of a group. Members that are gone from the host have no side."""
        there = [move for move in group.moves if host.files.is_dir(move.layout.releases)]
        return cls(group, host, [_resume(move, host) for move in there], notes)

    def run(self) -> None:
        """Do it, and let the file say so."""
        sides = {True: self._go_forward, False: self._go_back}
        reached = self.group.proven
        try:
            sides[reached]()
        except ReleaseFailed as failure:
            self._tell(f"not all of it came up: {_first_line(failure)}")
            reached = not reached
            try:
                sides[reached]()
            except ReleaseFailed as other:
                self._tell(f"nor did all of it before: {_first_line(other)}")
                reached = False
                self._lead_back()
        write_group(self.host, self.group.end(reached=reached))
        for member in self.members:
            target = member.release if reached else member.before
            retire_others(member.switch, target)
            sweep(member.switch.layout, self.host)
        where = "the releases to which it was on the way" if reached else "those before"
        self._tell(f"{' and '.join(member.switch.layout.name for member in self.members)} are at {where}")

    def _tell(self, what: str) -> None:
        self.notes.append(f"a switch of the group {self.group.name} was cut off: {what}")

    def _go_forward(self) -> None:
        for member in self.members:
            if member.switch.current != member.release:
                member.switch.bring_up(member.release)
        for member in self.members:
            if member.switch.current != member.release:
                member.start_at_boot()
        for member in self.members:
            if member.switch.current != member.release:
                member.lead()
        for member in self.members:
            try:
                member.switch.repair(member.release)
                member.switch.verify(member.release, watch=True)
                member.switch.workforce.take_over(member.release, watch=True)
            except ReleaseFailed as failure:
                note(member.switch.layout, self.host, member.release, partial(_as_failed, str(failure)))
                raise
        for member in self.members:
            self._settle(member, member.release)

    def _go_back(self) -> None:
        for member in self.members:
            if member.before is not None:
                _at(member, member.before).bring_up(member.before)
                member.switch.units.enable(member.before)
        self._lead_back()

    def _lead_back(self) -> None:
        for member in reversed(self.members):
            if member.switch.current != member.before:
                member.switch.lead_back(member.before, member.former)
        for member in reversed(self.members):
            if member.before is None:
                # What it had begun to serve with is no release to go back to.
                member.switch.timers.remove_all()
                note(member.switch.layout, self.host, member.release, lambda found, _now: replace(found, verified=None))
                continue
            try:
                member.switch.workforce.take_over(member.before)
            except ReleaseFailed as failure:
                self._tell(_first_line(failure))
            self._settle(member, member.before)

    def _settle(self, member: Transaction, release: str) -> None:
        switch = member.switch
        if is_unfinished(read_records(switch.layout, self.host), release):
            note(switch.layout, self.host, release, lambda found, now: found.mark_verified(now))
        switch.timers.follow(release)


def _resume(move: Move, host: Host) -> Transaction:
    switch = read_switch_of(read_switch(complete(move.app), move.layout, host), move.release)
    return Transaction(switch, move.release, move.before, move.former)


def _as_failed(reason: str, record: ReleaseRecord, now: float) -> ReleaseRecord:
    return record.mark_failed(now, reason)


def _at(member: Transaction, release: str) -> Switch:
    return read_switch_of(member.switch, release)


def _first_line(failure: ReleaseFailed) -> str:
    return str(failure).partition("\n")[0]
