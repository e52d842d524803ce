# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback: the transaction of a deploy, to a release that is on the host already and was healthy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.command import end_earlier
from ansible_collections.webstack.flask.plugins.module_utils._release.options import read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.record import choose_previous, is_unfinished
from ansible_collections.webstack.flask.plugins.module_utils._release.recovery import read_switch_of, stay
from ansible_collections.webstack.flask.plugins.module_utils._release.release import has_web, read_records, sweep
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import Transaction, change_app, retire_others


def roll_back(app: dict[str, Any], to: str, lock_timeout: float, host: Host, *, check: bool) -> dict[str, Any]:
    """Take users of one app back; return what became of it."""
    layout = AppLayout.of(app["name"], app["root"])
    switch = read_switch(app, layout, host)
    current = switch.current
    try:
        target = choose_target(layout, host, current, to)
    except UserError as problem:
        return {"previous": current, "current": current, "changed": False, "notes": [], "error": str(problem)}
    if check:
        unfinished = target == current and is_unfinished(read_records(layout, host), target)
        return {"previous": current, "current": target, "changed": target != current or unfinished, "notes": []}

    def change() -> bool:
        end_earlier(layout, host, lock_timeout)
        wanted = choose_target(layout, host, switch.current, to)
        own = read_switch_of(switch, wanted)
        if wanted == switch.current:
            return stay(own, wanted) | retire_others(own, wanted) | sweep(layout, host)
        Transaction.begin(own, wanted).run()
        return True

    outcome = change_app(switch, lock_timeout, change)
    if "error" not in outcome and outcome["current"] and (told := describe_site(app, is_web=has_web(layout, host, outcome["current"]))):
        outcome["notes"].append(told)
    return outcome


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
