# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback: the transaction of a deploy, to a release that is on the host already and was healthy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.change import change_app, change_apps
from ansible_collections.webstack.flask.plugins.module_utils._release.command import end_earlier
from ansible_collections.webstack.flask.plugins.module_utils._release.data_rollback import DataRollback, make_anew
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Group, Party, choose_set, find_unfinished, read_group
from ansible_collections.webstack.flask.plugins.module_utils._release.joint import Joint, Member, move_of
from ansible_collections.webstack.flask.plugins.module_utils._release.options import read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.record import choose_previous, is_unfinished
from ansible_collections.webstack.flask.plugins.module_utils._release.recovery import read_switch_of, stay
from ansible_collections.webstack.flask.plugins.module_utils._release.release import has_web, read_records, sweep
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import Transaction, retire_others


@dataclass(frozen=True)
class Way:
    """Where a rollback leads: to a release by its identifier, or `previous`, and to which data."""

    to: str
    data: str = ""
    """A dump by its name, or `last`, or a database of the app; empty for the data that users have."""

    def find_other_data(self, layout: AppLayout, host: Host, target: str) -> DataRollback | None:
        """Return how the release gets its data; None where it has them."""
        return DataRollback.plan(layout, host, target, self.data) if self.data else make_anew(layout, host, target)


def roll_back(app: dict[str, Any], way: Way, lock_timeout: float, host: Host, *, check: bool) -> dict[str, Any]:
    """Take users of one app back; return what became of it."""
    layout = AppLayout.of(app["name"], app["root"])
    switch = read_switch(app, layout, host)
    current = switch.current
    try:
        target = choose_target(layout, host, current, way.to)
        anew = way.find_other_data(layout, host, target)
    except UserError as problem:
        return {"previous": current, "current": current, "changed": False, "notes": [], "error": str(problem)}
    if check and anew:
        return {"previous": current, "current": anew.spec.id, "changed": True, "notes": anew.describe(layout, host)}
    if check:
        unfinished = target == current and is_unfinished(read_records(layout, host), target)
        return {"previous": current, "current": target, "changed": target != current or unfinished, "notes": []}

    def change() -> bool:
        end_earlier(layout, host, lock_timeout)
        wanted = choose_target(layout, host, switch.current, way.to)
        anew = way.find_other_data(layout, host, wanted)
        if anew:
            return anew.carry_out(switch)
        own = read_switch_of(switch, wanted)
        if wanted == switch.current:
            return stay(own, wanted) | retire_others(own, wanted) | sweep(layout, host)
        Transaction.begin(own, wanted).run()
        return True

    return with_site(app, change_app(switch, lock_timeout, change), host)


def with_site(app: Mapping[str, Any], outcome: dict[str, Any], host: Host) -> dict[str, Any]:
    """Return what became of an app, with what somebody has to know of its site."""
    if "error" in outcome or not outcome["current"]:
        return outcome
    told = describe_site(app, is_web=has_web(AppLayout.of(app["name"], app["root"]), host, outcome["current"]))
    return {**outcome, "notes": [*outcome["notes"], told]} if told else outcome


def describe_site(app: Mapping[str, Any], *, is_web: bool) -> str:
    """Return what somebody has to know of a release that the described site does not go with; a rollback changes no site."""
    if is_web and not app.get("proxy"):
        return (
            "ATTENTION: this release has a web process, and the description has none, so that users may not reach it; give it back its "
            "`wsgi` or `asgi` and its `server_names`, and run site.yml"
        )
    if app.get("proxy") and not is_web:
        return (
            "ATTENTION: this release has no web process, and users of the site get 502 Bad Gateway; take out what the description says of "
            "the web, and run site.yml, or go back to the release before"
        )
    return ""


def roll_back_party(party: Party, way: Way, lock_timeout: float, host: Host, *, check: bool) -> dict[str, dict[str, Any]]:
    """Take users of all members of a group back together, or those of an app that is alone; return what became of each."""
    if not party.group:
        return {app["name"]: roll_back(app, way, lock_timeout, host, check=check) for app in party.apps}
    apps = {app["name"]: app for app in party.apps}
    switches = {name: read_switch(app, AppLayout.of(name, app["root"]), host) for name, app in apps.items()}
    live = {name: switch.current for name, switch in switches.items()}
    # With a switch that was cut off, where users are is known when it is finished.
    unfinished = bool(find_unfinished(host, apps))
    try:
        target = live if unfinished else choose_targets(party.group, switches, host, way.to)
        require_same_data(way, switches, host, target)
    except UserError as problem:
        return {name: {"previous": at, "current": at, "changed": False, "notes": [], "error": str(problem)} for name, at in live.items()}
    if check:
        return {
            name: {"previous": live[name], "current": target[name], "changed": unfinished or target[name] != live[name], "notes": []}
            for name in apps
        }

    def change(finished: list[Group]) -> dict[str, bool]:
        if way.to == "previous" and any(group.back and is_at(group, switches) for group in finished):
            return dict.fromkeys(apps, True)  # the rollback that was cut off is done, and is not to be undone
        for switch in switches.values():
            end_earlier(switch.layout, host, lock_timeout)
        wanted = choose_targets(party.group, switches, host, way.to)
        own = {name: read_switch_of(switch, wanted[name]) for name, switch in switches.items()}
        if all(switch.current == wanted[name] for name, switch in own.items()):
            return {
                name: stay(switch, wanted[name]) | retire_others(switch, wanted[name]) | sweep(switch.layout, host)
                for name, switch in own.items()
            }
        steps = {name: Transaction.begin(switch, wanted[name]) for name, switch in own.items()}
        joint = Joint(party.group, [Member(move_of(apps[name], step), step) for name, step in steps.items()], host, back=True)
        joint.run()
        return joint.changed

    return {name: with_site(apps[name], outcome, host) for name, outcome in change_apps(switches, lock_timeout, change).items()}


def require_same_data(way: Way, switches: Mapping[str, Switch], host: Host, target: Mapping[str, str | None]) -> None:
    """Raise UserError where members of a group would come to other data, which are each app's own and not the group's."""
    if way.data:
        raise UserError(
            f"flask_data is {way.data!r}, and {' and '.join(switches)} are a group, which goes back to former code alone; take `group` out "
            "of the entry of the one that is to get other data"
        )
    for name, switch in switches.items():
        release = target[name]
        if release and make_anew(switch.layout, host, release):
            raise UserError(
                f"release {release} of {name} has a database that users have left; take `group` out of its entry to go back to it"
            )


def is_at(group: Group, switches: Mapping[str, Switch]) -> bool:
    """Return whether users are where the switch of a group was to take them."""
    return all(switches[move.name].current == move.release for move in group.moves if move.name in switches)


def choose_targets(group: str, switches: Mapping[str, Switch], host: Host, wanted: str) -> dict[str, str]:
    """Return the releases to which the members of a group go back: those that users reached together before, or last with a named one.

    Raise UserError where there are none.
    """
    good = {(name, record.id) for name, switch in switches.items() for record in read_records(switch.layout, host) if record.healthy}
    live = {name: switch.current for name, switch in switches.items()}
    named = "" if wanted == "previous" else wanted
    chosen = choose_set(read_group(host, group).sets, live, lambda name, release: (name, release) in good, named)
    if chosen is None:
        what = f"in which one of them had the release {named!r}" if named else "other than the one that they reach now"
        raise UserError(
            f"the group {group!r} ({', '.join(switches)}) has no set of releases to go back to: none {what}, that users "
            "have reached together and that is still on the host. To take a single one back, take `group` out of "
            "its entry, and name the release by flask_release"
        )
    return chosen


def choose_target(layout: AppLayout, host: Host, current: str | None, wanted: str) -> str:
    """Return the release to roll back to, the one before the current one or a named one; raise UserError if it cannot be.

    Where an earlier rollback was cut off after users had been taken back, it is that one's: they are not sent to the release that they
    have been taken from.
    """
    records = {record.id: record for record in read_records(layout, host)}
    if wanted == "previous" and current in records and records[current].healthy and is_unfinished(list(records.values()), current):
        return current
    if wanted == "previous":
        previous = choose_previous(list(records.values()), current)
        if previous is None:
            raise UserError(f"{layout.name} has no release to go back to: none besides the current one, {current}, has ever been healthy")
        return previous.id
    if wanted not in records:
        raise UserError(f"{layout.name} has no release {wanted!r} on this host; it has {', '.join(sorted(records)) or 'none'}")
    if not records[wanted].healthy:
        reason = records[wanted].reason.partition("\n")[0] or "it was never finished"
        raise UserError(f"release {wanted} of {layout.name} has not been healthy, so users are not sent to it: {reason}")
    return wanted
