# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live release of an app, or a part of it, started anew. Requests wait meanwhile in its socket, which stays open."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.health import ask_socket
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import Process
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import read_check, read_release

_WEB = "web"
_LOCK_TIMEOUT = 300
"""Seconds to wait for a run that changes the app."""


def restart(layout: AppLayout, parts: Sequence[str], say: Callable[[str], object]) -> list[str]:
    """Start parts of the live release anew, all of them where none is named; return what is not well afterwards.

    They are taken one after the other, the web process first, and none is taken after one that is not well. Each has the time that its
    unit gives it to finish what it is at. No deploy changes the app meanwhile.
    """
    with hold_lock(layout.lock, _LOCK_TIMEOUT, say):
        record = read_release(layout, None)
        watches = {str(each["name"]): Process.of(each).watch for each in record.processes}
        for part, units in choose_units(layout, record, parts).items():
            say(f"{part} ...")
            trouble = _restart_process(units, watches[part]) if part in watches else _restart_web(layout, record)
            if trouble:
                return [f"{part} is not well: {trouble}; see `webstack {layout.name} logs {part}`"]
    return []


def choose_units(layout: AppLayout, record: ReleaseRecord, parts: Sequence[str]) -> dict[str, list[str]]:
    """Return the units of the parts that are named, or of all; raise UserError, with those that there are, for another."""
    known = {_WEB: [layout.service_unit(record.id)]} if record.web else {}
    known |= {str(each["name"]): Process.of(each).list_units(layout, record.id) for each in record.processes}
    unknown = [part for part in parts if part not in known]
    if unknown:
        raise UserError(f"{layout.name} runs no {unknown[0]}; it runs {', '.join(known)}")
    return {part: units for part, units in known.items() if not parts or part in parts}


def _restart_web(layout: AppLayout, record: ReleaseRecord) -> str | None:
    """Start the web process anew; return what it does not answer well, None once it is healthy."""
    unit, check = layout.service_unit(record.id), read_check(record)
    trouble = _start_anew([unit])
    end = time.monotonic() + check.deadline
    while not trouble:
        complaint = check.judge(ask_socket(str(layout.socket(record.id)), check))
        if not complaint:
            return None
        late = f"{complaint}, for {check.deadline:g} s" if time.monotonic() >= end else None
        trouble = systemctl.show([unit])[unit].describe_death() or late
        time.sleep(check.interval)
    return trouble


def _restart_process(units: Sequence[str], watch: float) -> str | None:
    """Start the units of a process anew; return how one has ended within the seconds for which it must stay up."""
    trouble = _start_anew(units)
    if trouble:
        return trouble
    time.sleep(watch)
    return _find_death(units)


def _start_anew(units: Sequence[str]) -> str | None:
    """Start units anew; return how one has ended already, or what systemd says against it."""
    systemctl.forget_failure(*units)
    try:
        systemctl.restart(*units)
    except UserError as error:
        return _find_death(units) or str(error)
    return None


def _find_death(units: Sequence[str]) -> str | None:
    return next((how for state in systemctl.show(units).values() if (how := state.describe_death())), None)
