# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backups of an app, by the program of the host that makes them: what is in the repository, one that is made now, or tried."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import LAUNCHER, backup_unit, read_settings, verify_unit
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import find_complaints, read_state, show_size
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._webstack.one_run import run_unit
from ansible_collections.webstack.flask.plugins.module_utils._webstack.show import show_age, show_moment

ACTS = {"make": backup_unit, "verify": verify_unit}
HEAD = ("backup", "made", "age", "size", "tried", "host")


def read_backups(name: str) -> dict[str, Any]:
    """Return what is in the repository of an app, the newest first, and what is wrong with its backups.

    Raise UserError where it is not backed up on this host.
    """
    settings = read_settings(name)
    ended = subprocess.run([str(LAUNCHER), "list", "--json", name], capture_output=True, text=True, check=False)
    unread = [ended.stderr.strip().removeprefix(f"{name}: ")] if ended.returncode != 0 else []
    troubles = [*unread, *find_complaints(read_state(name), settings.verify, time.time())]
    return {"backups": [] if unread else json.loads(ended.stdout), "troubles": troubles, "ok": not troubles}


def as_row(backup: Mapping[str, Any], now: float) -> list[str]:
    """Return the row of a backup in a table under HEAD."""
    size = "" if backup["bytes"] is None else show_size(backup["bytes"])
    tried = "" if backup["verified"] is None else show_moment(backup["verified"])
    return [backup["backup"], show_moment(backup["at"]), show_age(backup["at"], now), size, tried, backup["host"]]


def act_on_backups(name: str, act: str, say: Callable[[str], object]) -> int:
    """Make a backup of an app now, or restore the newest one to try it; return the exit status."""
    settings = read_settings(name)
    if act == "verify" and settings.verify == "never":
        raise UserError(
            f"{name} has `verify: never` in its `backup`, so nothing is there that could try one; say `weekly`, and run site.yml"
        )
    unit = f"{ACTS[act](name)}.service"
    return run_unit(unit, [unit], say)
