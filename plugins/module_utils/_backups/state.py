# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the backups of an app went: a file that whatever works with them writes, and what of it somebody has to be told."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import DAY, INTERVALS, STATE_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, read_text, write_atomically

_MOST_SNAPSHOTS = 1000
_HOUR = 3600

KINDS = {"backup": "backup", "verify": "verification"}


def read_state(name: str) -> dict[str, Any]:
    """Return the state of an app; of one that cannot be read nothing is known."""
    try:
        state = json.loads(read_text(STATE_ROOT / f"{name}.json") or "{}")
    except ValueError:
        return {}
    return state if isinstance(state, dict) else {}


def write_state(name: str, state: Mapping[str, Any]) -> None:
    """Write the state of an app. It is root's: an error may tell where the backups are."""
    ensure_directory(STATE_ROOT, Access(0, 0, 0o711))
    write_atomically(STATE_ROOT / f"{name}.json", json.dumps(state, indent=2, sort_keys=True) + "\n", Access(0, 0, 0o600))


def with_good(state: Mapping[str, Any], kind: str, now: float, **known: object) -> dict[str, Any]:
    """Return the state after a backup, or a verification, that was good; `known` is what is to be known of it, with its `snapshot`."""
    snapshots = dict(state.get("snapshots", {}))
    about = {**snapshots.pop(str(known["snapshot"]), {}), **({"verified": now} if kind == "verify" else known)}
    snapshots[str(known["snapshot"])] = about
    kept = dict(list(snapshots.items())[-_MOST_SNAPSHOTS:])
    return {**state, kind: {"at": now, **known}, f"{kind}_error": None, "snapshots": kept}


def with_error(state: Mapping[str, Any], kind: str, now: float, error: str) -> dict[str, Any]:
    """Return the state after a backup, or a verification, that has failed."""
    return {**state, f"{kind}_error": {"at": now, "text": error}}


def find_complaints(state: Mapping[str, Any], verify: str, now: float) -> list[str]:
    """Return what is wrong with the backups of an app, given how often they are verified: failed, missing, or too old."""
    return list(find_complaints_by_kind(state, verify, now).values())


def find_complaints_by_kind(state: Mapping[str, Any], verify: str, now: float) -> dict[str, str]:
    """Return the same by the kind of what has it."""
    complaints = {}
    for kind, interval in (("backup", DAY), ("verify", INTERVALS[verify])):
        what, good, error = KINDS[kind], state.get(kind), state.get(f"{kind}_error")
        last = good["at"] if good else None
        if error:
            before = f"the last good one is of {show_time(last)}" if last else "there is no good one yet"
            complaints[kind] = f"the {what} has failed at {show_time(error['at'])}, and {before}: {error['text']}"
        elif interval and now - (last or state.get("since", now)) > 2 * interval:
            should = f"there should be one {describe_interval(interval)}"
            if last:
                complaints[kind] = f"the last {what} is of {show_time(last)}, and {should}"
            else:
                complaints[kind] = f"there was no {what} since {show_time(state['since'])}, and {should}"
    return complaints


def describe(state: Mapping[str, Any]) -> str:
    """Return in words how the last ones went that were good."""
    backup, verify = state.get("backup"), state.get("verify")
    if not backup:
        return "no backup yet"
    size = f", {show_size(backup['bytes'])}" if "bytes" in backup else ""
    verified = (
        f"one of {show_time(verify['of'])} was restored to try it at {show_time(verify['at'])}"
        if verify
        else "none was restored to try it yet"
    )
    return f"the last backup is of {show_time(backup['at'])} ({backup['snapshot']}{size}); {verified}"


def describe_interval(seconds: int) -> str:
    """Return an interval in words."""
    return next((f"each {word}" for word, length in (("day", DAY), ("week", 7 * DAY)) if seconds == length), f"each {seconds // DAY} days")


def show_time(moment: float) -> str:
    """Return a moment as people write it, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))


def show_size(size: float) -> str:
    """Return a number of bytes as people write it."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
