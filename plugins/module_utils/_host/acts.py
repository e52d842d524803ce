# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a module's work is an act, given what became of an app."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._host.audit import Act, record

_SHORTEST_SECRET = 6
"""Characters. To mask what is shorter would make reasons unreadable."""

_WORDS_OF_A_PAGE = ". It says: "
"""What a health check shows of a page follows this, and a page can say anything."""

_CUT_OFF = "cut off"
"""A note says so where what an earlier run had left was finished or taken back."""

_PIP = re.compile(r"\A`[^`\n]* -m pip (?P<what>\w+)[^`\n]*` failed:\n\s*(?P<said>.*)")
"""A call of pip is long, and what it said first tells more. Credentials are taken out of that before."""


def tell_switch(act: str, app: str, outcome: Mapping[str, Any], *, to: str = "", version: str = "", what: str = "") -> Act | None:
    """Return what there is to write down of a deploy or a rollback; None where nothing was done.

    Where it has failed, `to` is where it was to lead if the outcome does not say. What puts right the release that users stay with is a
    recovery, if an earlier run was cut off, else a repair.
    """
    before, after = outcome.get("previous") or "", outcome.get("current") or ""
    notes, error = tuple(outcome["notes"]), outcome.get("error") or ""
    if error:
        return Act(act, app, what, before, outcome.get("id") or to, version, error=error, notes=notes)
    if not outcome["changed"]:
        return None
    if before == after:
        act = "recovery" if any(_CUT_OFF in note for note in notes) else "repair"
    return Act(act, app, what, before, after, version, notes=notes)


def tell_removal(app: str, outcome: Mapping[str, Any], *, with_data: bool) -> Act | None:
    """Return what there is to write down of a removal; None where there was nothing to remove."""
    if not outcome["changed"] and "error" not in outcome:
        return None
    return Act("removal", app, "with its data" if with_data else "", error=outcome.get("error") or "")


def tell_failure(act: str, app: str, outcome: Mapping[str, Any]) -> Act | None:
    """Return what there is to write down of a step that counts by itself only where it fails."""
    return Act(act, app, error=_PIP.sub(r"pip \g<what> failed: \g<said>", outcome["error"])) if outcome.get("error") else None


def list_secrets(app: Mapping[str, Any]) -> Iterator[str]:
    """Return what may not come into a line of what a module was told of an app: commands, and the values of variables."""
    step = app.get("step") or {}
    for commands in (app.get("commands"), app.get("setup"), step.get("commands")):
        yield from commands or ()
    for variables in (app.get("variables"), step.get("variables")):
        yield from (text for value in (decode(variables) if variables else {}).values() if len(text := str(value)) >= _SHORTEST_SECRET)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets, and without what a page has said."""
    shown = text.partition(_WORDS_OF_A_PAGE)[0]
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        shown = shown.replace(secret, "…")
    return shown


def write_down(act: Act | None, seconds: float, secrets: Iterable[str], warn: Callable[[str], object]) -> None:
    """Write an act down, if there is one, that took so many seconds; `warn` of what went wrong with that."""
    if act is None:
        return
    hidden = list(secrets)
    told = replace(act, seconds=seconds, error=hide(act.error, hidden), notes=[hide(note, hidden) for note in act.notes])
    for complaint in record(told):
        warn(complaint)
