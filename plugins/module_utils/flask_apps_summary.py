# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells the user of each app of `flask_apps`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils.flask_app import (
    App,
    concrete_name,
    front_port,
    is_encrypted,
    list_present,
    path_prefix,
)


def summarise(apps: Sequence[App], result: Mapping[str, Any]) -> list[str]:
    """Return a line for each app that a run took care of: its address, its release, what was done, and where its logs are."""
    return [_summarise_app(app, result["releases"][app["name"]]) for app in list_present(apps) if app["name"] in result.get("releases", {})]


def summarise_removal(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each app that a run was to remove: what went, and where its data are."""
    return [_summarise_removed(name, outcome) for name, outcome in result.get("apps", {}).items()]


def _summarise_removed(name: str, outcome: Mapping[str, Any]) -> str:
    if not outcome["changed"]:
        return f"{name}: is not on the host"
    kept = (
        f"a copy of its data is {outcome['backup']}"
        if outcome.get("backup")
        else "its data, if it had any, are still in its directory `shared`"
    )
    return f"{name}: removed ({len(outcome['removed'])} parts); {kept}"


def _summarise_app(app: App, outcome: Mapping[str, Any]) -> str:
    name, port = app["name"], front_port(app)
    scheme, usual = ("https", 443) if is_encrypted(app) else ("http", 80)
    address = f"{scheme}://{concrete_name(app['server_names'])}{'' if port == usual else f':{port}'}{path_prefix(app)}/"
    done = "; ".join(outcome.get("notes", [])) or "nothing changed"
    logs = f"journalctl -u '{name}@*', /var/log/nginx/{name}.*.log"
    return f"{name}: {address} serves release {outcome.get('current')} ({done}). Logs: {logs}"
