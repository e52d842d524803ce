# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of apps of `flask_apps`: what is wrong with them, what the role backups needs, and how they went."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import App, list_present
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.databases import has_own_database
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import show

_TO = re.compile(r"(local:)?/[A-Za-z0-9_@+./-]+|sftp:\S+:/?\S+|sftp://\S+|(s3|rest|b2|azure|gs|swift|rclone):\S+")
_AT = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]( [A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*)?")
_OURS = ("RESTIC_REPOSITORY", "RESTIC_PASSWORD", "RESTIC_CACHE_DIR", "PATH", "HOME", "LC_ALL")
_SHORTEST = 8
"""Characters of a password."""


def backup_inputs(apps: Sequence[App], described: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Return `backups_apps`, given the apps that the host backs up already: those of them that are to be so no more are absent."""
    present = list_present(apps)
    wanted = [_as_settings(app) for app in present if app["backup"]]
    gone = [{"name": app["name"], "state": "absent"} for app in present if not app["backup"] and app["name"] in (described or ())]
    return [*wanted, *gone]


def _as_settings(app: App) -> dict[str, Any]:
    backup = app["backup"]
    variables = {str(key): str(value) for key, value in backup["env"].items()}
    return {**backup, "name": app["name"], "database": has_own_database(app) and backup["database"], "env": variables}


def summarise_backups(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each app that says how its backups went, and one for each thing that is wrong with them."""
    lines = []
    for name, outcome in result.get("backups", {}).items():
        lines += [f"ATTENTION, {name}: {complaint}" for complaint in outcome.get("complaints", ())]
        words = [*outcome["notes"], *([outcome["said"]] if outcome.get("said") and not outcome.get("complaints") else [])]
        if words:
            lines.append(f"{name}, its backups: {', '.join(words)}")
        lines += [f"ATTENTION, {name}: {hint}" for hint in outcome.get("hints", ())]
    return lines


def _find_password_problems(app: App) -> Problems:
    backup = app["backup"]
    if not backup:
        return
    password = backup["password"]
    if not password:
        yield (
            "backup.password is missing; backups are encrypted with it, and one that the machine alone has is lost with the machine. "
            'Make one up, keep it in a vault of the inventory, and write `password: "{{ vault_… }}"`'
        )
    elif len(password) < _SHORTEST or not password.isprintable():
        yield f"backup.password must have {_SHORTEST} characters or more, of those that can be printed"


def _find_place_problems(app: App) -> Problems:
    backup = app["backup"]
    if not backup:
        return
    to = backup["to"]
    if not _TO.fullmatch(to) or (to.startswith(("/", "local:")) and ".." in to.split("/")):
        yield (
            f"backup.to is {show(to)}; it must be where restic keeps a repository: a directory such as /mnt/nas/shop, "
            "sftp:backup@nas.example.com:/srv/shop, s3:https://s3.example.com/bucket/shop, or rest:https://backup.example.com/shop"
        )
    elif f"{to.removeprefix('local:')}/".startswith(f"{AppLayout.of(app['name']).root}/"):
        yield f"backup.to is {show(to)}, in the app's own directory; choose a place elsewhere, best on another machine"


def _find_value_problems(app: App) -> Problems:
    backup = app["backup"]
    if not backup:
        return
    if not _AT.fullmatch(backup["at"]):
        yield f"backup.at is {show(backup['at'])}; it must be a time of the day in quotes, such as '02:30' or '03:30 Europe/Prague'"
    for period, number in backup["keep"].items():
        if number < 0:
            yield f"backup.keep.{period} is {number}; it must be 0 or more"
    if not any(number > 0 for number in backup["keep"].values()):
        yield "backup.keep keeps none; at least one of daily, weekly, monthly and yearly must be more than 0"
    if backup["timeout"] < 1:
        yield f"backup.timeout is {backup['timeout']}; it must be 1 second or more"
    variables = {str(key): str(value) for key, value in backup["env"].items()}
    for variable in (name for name in _OURS if name in variables):
        yield f"backup.env.{variable} is given, and is set by the backup itself; take it out"
    for problem in find_environment_problems(variables):
        yield f"backup.env: {problem}"


def _find_database_elsewhere(app: App) -> Problems:
    if app["backup"] and app["backup"]["database"] and app["database"] and not has_own_database(app):
        yield (
            "backup would have the files alone, because the database is on another host, which has to back it up itself; say that you know "
            "by `database: false` in backup"
        )


FINDERS = (_find_database_elsewhere, _find_password_problems, _find_place_problems, _find_value_problems)
