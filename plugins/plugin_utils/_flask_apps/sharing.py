# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apps that have a server name in common, each below a path of its own: what is said of the name in one entry counts for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    App,
    is_encrypted,
    list_present,
    list_static_mappings,
    path_prefix,
    public_port,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import Claim, group

_TRUST = ("trusted_proxies", "trusted_header")


def claim_names(app: App) -> Claim:
    """Return what an entry wants of its names."""
    prefix, nginx, tls = path_prefix(app), app["nginx"], app["tls"]
    settings: dict[str, Any] = {"nginx.listen_port": nginx["listen_port"]}
    if tls is not None:
        settings.update({f"tls.{key}": tls[key] for key in (tls if is_encrypted(app) else ["mode"])})
    settings.update({f"nginx.{key}": nginx[key] for key in _TRUST if nginx[key]})
    addresses = {"health.path": prefix + app["health"]["path"]}
    for number, mapping in enumerate(list_static_mappings(app)):
        addresses["static by default" if app["static"] is None else f"static[{number}].url"] = f"{prefix}{mapping['url']}"
    addresses.update({f"nginx.stream_paths[{number}]": f"{prefix}{path}" for number, path in enumerate(nginx["stream_paths"] or ())})
    names = list(dict.fromkeys(name.lower() for name in app["server_names"]))
    return Claim(app["name"], names, {str(nginx["listen_port"]), str(public_port(app))}, prefix, settings, addresses)


def share_settings(apps: Sequence[App], certified: str = "") -> list[dict[str, Any]]:
    """Return the entries, each with what others say of the names that it has in common with them.

    Those that have, have the key `together`: all names that are served together, and whose name their one certificate has. That is the app
    `certified`, else the one whose entry has `tls`, so that it stays the same when others come and go.
    """
    present = list_present(apps)
    filled = {app["name"]: dict(app) for app in present}
    for numbers in group([claim_names(app) for app in present]):
        members = [present[number] for number in numbers]
        if len(members) > 1:
            filled.update({app["name"]: _join(app, members, certified) for app in members})
    return [filled[app["name"]] if app in present else dict(app) for app in apps]


def leave_names(apps: Sequence[App], gone: str) -> list[dict[str, Any]]:
    """Return the entries that have names in common with one, as they are without it; none where it has its names for itself."""
    for app in list_present(apps):
        if app["name"] == gone and "together" in app:
            beside = [other for other in list_present(apps) if other is not app and other.get("together") == app["together"]]
            alone = [{key: value for key, value in other.items() if key != "together"} for other in beside]
            return share_settings(alone, app["together"]["certificate"])
    return []


def _join(app: App, members: Sequence[App], certified: str) -> dict[str, Any]:
    first = min(members, key=lambda member: (member["name"] != certified, not is_encrypted(member), path_prefix(member) != ""))
    names = dict.fromkeys(name.lower() for member in members for name in member["server_names"])
    tls = next((member["tls"] for member in members if member["tls"] is not None), None)
    trust = {key: next((member["nginx"][key] for member in members if member["nginx"][key]), app["nginx"][key]) for key in _TRUST}
    together = {"certificate": first["name"], "server_names": list(names)}
    return {**app, "tls": tls, "nginx": {**app["nginx"], **trust}, "together": together}
