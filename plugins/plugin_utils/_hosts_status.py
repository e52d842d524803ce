# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the apps of several hosts are, in one table, with what is not the same on each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._webstack.show import (
    format_table,
    show_age,
    show_bytes,
    show_left,
)

_HEAD = (
    *("host", "app", "release", "version", "since", "health", "memory", "restarts", "maintenance", "certificate", "backup", "verified"),
    "troubles",
)
_VERSION = 12


def describe_hosts(found: Mapping[str, Sequence[Mapping[str, Any]]], described: Mapping[str, Sequence[str]], now: float) -> list[str]:
    """Return a table of what `webstack --json` has said on each host, and below it, in words, all that is wrong or differs.

    `described` holds the names of the apps that the inventory has for each host.
    """
    apps = [(host, app) for host, statuses in found.items() for app in statuses]
    rows = [_as_row(host, app, now) for host, app in sorted(apps, key=_rank)]
    told = [
        *(f"{app['app']} on {host}: {trouble}" for host, app in apps for trouble in app["troubles"]),
        *_list_differences(apps),
        *_list_strangers(found, described),
    ]
    # Troubles quote what an app has said.
    return [*(format_table(_HEAD, rows) if rows else []), *(escape(line).replace("\n", " ") for line in told)]


def _rank(known: tuple[str, Mapping[str, Any]]) -> tuple[int, str, str]:
    host, app = known
    return -len(app["troubles"]), app["app"], host


def _as_row(host: str, app: Mapping[str, Any], now: float) -> list[str]:
    return [
        *(host, app["app"], app["release"] or "", app["version"][:_VERSION], show_age(app["since"], now), app["health"]),
        *(show_bytes(app["memory"]), str(app["restarts"]), show_age(app.get("maintenance"), now), show_left(app["certificate_ends"], now)),
        *(show_age(app["backup"], now), show_age(app["verified"], now), str(len(app["troubles"]) or "")),
    ]


def _list_differences(apps: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Return the apps of which not each host has the same version."""
    told = []
    for name in sorted({app["app"] for _host, app in apps}):
        versions: dict[str, list[str]] = {}
        for host, app in apps:
            if app["app"] == name:
                versions.setdefault(app["version"] or "none", []).append(host)
        if len(versions) > 1:
            each = "; ".join(f"{version[:_VERSION]} on {', '.join(hosts)}" for version, hosts in versions.items())
            told.append(f"{name} is not the same everywhere: {each}")
    return told


def _list_strangers(found: Mapping[str, Sequence[Mapping[str, Any]]], described: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the apps that a host has, and the inventory does not have for it, and the other way round."""
    told = []
    for host, statuses in found.items():
        there, wanted = {app["app"] for app in statuses}, set(described.get(host, ()))
        told += [f"{name} is described for {host}, and is not there; run site.yml" for name in sorted(wanted - there)]
        told += [f"{name} is on {host}, and the inventory does not have it; remove.yml takes it away" for name in sorted(there - wanted)]
    return told
