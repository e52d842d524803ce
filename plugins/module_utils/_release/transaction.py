# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does to an app's releases while it holds the app's lock, with a record kept of how each one fared."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import list_covered, read_present
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import describe_error
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord, choose_previous, next_sequence
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record, read_records, write_record
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Proxy, ReleaseFailed, Switch

HEALTH_OPTIONS: dict[str, Any] = {
    "path": {"type": "str", "default": "/"},
    "statuses": {"type": "list", "elements": "int", "default": []},
    "timeout": {"type": "float", "default": 5},
    "interval": {"type": "float", "default": 0.2},
    "deadline": {"type": "float", "default": 60},
}
PROXY_OPTIONS: dict[str, Any] = {
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 80},
    "host": {"type": "str", "required": True},
    "tls": {"type": "bool", "default": False},
    "certified": {
        "type": "dict",
        "options": {
            "certificate": {"type": "path", "required": True},
            "encrypted_port": {"type": "int", "default": 443},
            "names": {"type": "list", "elements": "str", "required": True},
        },
    },
}
SWITCH_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path"},
    "health": {"type": "dict", "options": HEALTH_OPTIONS, "apply_defaults": True},
    "proxy": {"type": "dict", "options": PROXY_OPTIONS},
    "drain": {"type": "float", "default": 30},
    "watch": {"type": "float", "default": 1},
}
"""The options, in the terms of an Ansible argument spec, that all modules which switch releases share."""


def read_switch(app: dict[str, Any], layout: AppLayout) -> Switch:
    """Return the switch of an app, from a module's parameters as SWITCH_OPTIONS describes them."""
    proxy = choose_proxy(app["proxy"]) if app["proxy"] else None
    check = HealthCheck(host=proxy.host if proxy else "localhost", is_encrypted=proxy is not None and proxy.tls).asked_as(app["health"])
    return Switch(layout, check, proxy, drain_limit=app["drain"], watch=app["watch"])


def choose_proxy(options: dict[str, Any]) -> Proxy:
    """Return the web server as it is now: encrypted once it has the certificate that it may have, by a name that this one is for."""
    proxy, certified = {key: value for key, value in options.items() if key != "certified"}, options.get("certified")
    covered = list_covered(certified["names"], read_present(Path(certified["certificate"]))) if certified else []
    if not certified or not covered:
        return Proxy(**proxy)
    return Proxy(proxy["address"], certified["encrypted_port"], covered[0], tls=True)


def read_switch_of(layout: AppLayout, switch: Switch, release: str) -> Switch:
    """Return the same switch for a release that is on the host already, which is asked for its health in its own way."""
    record = read_record(layout, release)
    return replace(switch, check=switch.check.asked_as(record.health)) if record else switch


def change_app(layout: AppLayout, switch: Switch, lock_timeout: float, change: Callable[[], bool]) -> dict[str, Any]:
    """Call `change` under the app's lock; return what became of the app, a failure included."""
    try:
        with hold_lock(layout.lock, lock_timeout, switch.notes.append):
            outcome: dict[str, Any] = {"previous": switch.current, "notes": switch.notes}
            try:
                outcome["changed"] = change()
            except Exception as error:  # noqa: BLE001 - whatever it is, the other apps get their turn
                outcome |= {"changed": True, "error": describe_error(error)}
            return {**outcome, "current": switch.current}
    except Exception as error:  # noqa: BLE001 - likewise
        return {"previous": switch.current, "current": switch.current, "notes": [], "changed": False, "error": describe_error(error)}


def recover(layout: AppLayout, switch: Switch) -> bool:
    """Put right what an earlier run, or a hand, has left between two releases; return whether there was anything.

    A link that is gone is put back. A release that is current and was never verified is that of a switch that was cut off;
    if it proves bad now, users go back to the last one that was good. Where that is no good either, they stay where they
    are: what this run brings may be better than both.
    """
    current = switch.current
    if current is None:
        return _fall_back(layout, switch, None)
    record = read_record(layout, current)
    if record is None or record.healthy:
        return False
    try:
        own = read_switch_of(layout, switch, current)
        own.repair(current)
        own.verify(current)
    except ReleaseFailed as failure:
        reason = str(failure)
        note(layout, current, lambda found: found.mark_failed(time.time(), reason))
        switch.notes.append(f"a run that was cut off had left release {current}, which is no good: {reason.partition(chr(10))[0]}")
        _fall_back(layout, switch, current)
        return True
    note(layout, current, lambda found: found.mark_verified(time.time()))
    switch.notes.append(f"finished the switch to {current} that was cut off")
    return True


def _fall_back(layout: AppLayout, switch: Switch, current: str | None) -> bool:
    """Take users to the last release that was good, if there is one; return whether there is."""
    fallback = choose_previous(read_records(layout), current)
    if fallback is None:
        return False
    try:
        read_switch_of(layout, switch, fallback.id).return_to(fallback.id)
    except ReleaseFailed as failure:
        switch.notes.append(f"could not go back to release {fallback.id}: {str(failure).partition(chr(10))[0]}")
    else:
        switch.notes.append(f"went back to release {fallback.id}")
    return True


def switch_to(layout: AppLayout, switch: Switch, release: str) -> None:
    """Take users to a release, and write down how it fared."""
    previous = switch.current
    try:
        switch.go_to(release)
    except ReleaseFailed as failure:
        reason = str(failure)
        with suppress(OSError):  # on a full disk the reason matters more than its record
            note(layout, release, lambda found: found.mark_failed(time.time(), reason))
        raise
    note(layout, release, lambda found: found.mark_verified(time.time()))
    switch.notes.append(f"switched from {previous or 'nothing'} to {release}")


def retire_others(switch: Switch, release: str | None) -> bool:
    """Stop what runs besides a release, be it left by a run that was cut off; return whether there was any."""
    others = switch.find_others(release)
    for other in others:
        switch.retire(other)
        switch.notes.append(f"stopped release {other}")
    return bool(others)


def note(layout: AppLayout, release: str, change: Callable[[ReleaseRecord], ReleaseRecord]) -> None:
    """Write down what has happened to a release, as the last event of the app."""
    record = read_record(layout, release)
    if record is not None:
        write_record(layout, replace(change(record), sequence=next_sequence(read_records(layout))))


def choose_target(layout: AppLayout, current: str | None, wanted: str) -> str:
    """Return the release to roll back to, the one before the current one or a named one; raise UserError if it cannot be."""
    records = {record.id: record for record in read_records(layout)}
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
