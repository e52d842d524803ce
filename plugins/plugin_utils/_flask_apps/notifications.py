# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is told of an app of `flask_apps`: what is wrong with it, what the role notifications needs, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import App, list_present
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_LOCAL = ("dbus", "file", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows")
"""Schemes of apprise that reach nobody who is not at this machine."""


def notification_inputs(apps: Sequence[App], described: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Return `notifications_apps`, given the apps of which the host tells somebody already: those of them without `notify` are absent."""
    present = list_present(apps)
    wanted = [{"name": app["name"], "notify": [dict(each) for each in app["notify"]]} for app in present if app["notify"]]
    gone = [{"name": app["name"], "state": "absent"} for app in present if not app["notify"] and app["name"] in (described or ())]
    return [*wanted, *gone]


def summarise_notifications(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each app of which something was changed, and one for each target that cannot be reached."""
    lines = []
    for name, outcome in result.get("notifications", {}).items():
        lines += [f"ATTENTION, {name}: notifications cannot be sent: {complaint}" for complaint in outcome.get("complaints", ())]
        if outcome["notes"]:
            lines.append(f"{name}, its notifications: {', '.join(outcome['notes'])}")
    return lines


def _find_notify_problems(app: App) -> Problems:
    for number, target in enumerate(app["notify"]):
        where, url = f"notify[{number}]", target["url"]
        if not _URL.fullmatch(url) or not url.isprintable():
            yield (
                f"{where}.url is no URL of apprise; it is not shown, because it is a secret. It begins with the service, such as "
                "`mailto://user:password@example.com`, `slack://…`, `ntfy://…` or `json://hooks.example.com/path`, and has no spaces"
            )
        elif url.partition("://")[0].lower() in _LOCAL:
            scheme = url.partition("://")[0]
            yield f"{where}.url begins with {scheme}://, which reaches nobody from a server; choose mail, a webhook or a chat"
        if not target["on"]:
            yield f"{where}.on is empty, so that nobody is told anything; write `failure`, `recovery` or both, or leave `on` out for both"


FINDERS = (_find_notify_problems,)
