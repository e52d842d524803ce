# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing apps: under their locks, with what a run that was cut off has left between them put right first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import describe_error
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Group, find_unfinished
from ansible_collections.webstack.flask.plugins.module_utils._release.joint import JointFailure, finish_all
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch

App = dict[str, Any]


@contextmanager
def hold_apps(layouts: Iterable[AppLayout], host: Host, timeout: float, warn: Callable[[str], object]) -> Iterator[list[Group]]:
    """Hold the locks of apps, and of all that are in a switch of a group with them which was cut off: return these groups.

    The locks are taken in the order of the apps' names, so that no two runs wait for each other.
    """
    apps = {layout.name: layout for layout in layouts}
    while True:
        wanted = apps | {move.name: move.layout for group in find_unfinished(host, apps) for move in group.moves}
        with ExitStack() as locks:
            for name in sorted(wanted):
                locks.enter_context(host.lock(wanted[name].lock, timeout, warn))
            # Another run may have begun a switch, and been killed, before the locks were ours.
            unfinished = find_unfinished(host, apps)
            if all(move.name in wanted for group in unfinished for move in group.moves):
                yield unfinished
                return


def change_app(switch: Switch, lock_timeout: float, change: Callable[[], bool]) -> App:
    """Call `change` under the app's lock; return what became of the app, a failure included."""
    name = switch.layout.name
    return change_apps({name: switch}, lock_timeout, lambda _finished: {name: change()})[name]


def change_apps(switches: Mapping[str, Switch], lock_timeout: float, change: Callable[[list[Group]], Mapping[str, bool]]) -> dict[str, App]:
    """Call `change` under the locks of some apps, with the switches of groups that were finished first; return what became of each app.

    A failure is that of all, unless it is a JointFailure, which says whose it is.
    """
    (first, *_others) = switches.values()
    before = {name: switch.current for name, switch in switches.items()}
    errors: Mapping[str, str] = {}
    changed: Mapping[str, bool] = dict.fromkeys(switches, True)
    try:
        with hold_apps([switch.layout for switch in switches.values()], first.host, lock_timeout, first.notes.append) as unfinished:
            before = {name: switch.current for name, switch in switches.items()}
            try:
                finished = finish_all(unfinished, first.host, first.notes)
                done = change(finished)
                changed = {name: done[name] or bool(finished) for name in switches}
            except JointFailure as failure:
                errors = failure.errors
            except Exception as error:  # noqa: BLE001 - whatever it is, the other apps get their turn
                errors = dict.fromkeys(switches, describe_error(error))
            return {
                name: {
                    "previous": before[name],
                    "notes": switch.notes,
                    "changed": changed[name],
                    **({"error": errors[name]} if name in errors else {}),
                    "current": switch.current,
                }
                for name, switch in switches.items()
            }
    except Exception as error:  # noqa: BLE001 - likewise
        lost = {"notes": [], "changed": False, "error": describe_error(error)}
        return {name: {"previous": before[name], "current": switch.current, **lost} for name, switch in switches.items()}
