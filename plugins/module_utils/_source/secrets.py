# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The secrets in the description of sources, on their way to the host.

Ansible logs a module's arguments in the host's journal. The mask that it lays over secrets within a list is compared with the text of the
list, in which a line break is `\n`: it never matches a private key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode, encode
from ansible_collections.webstack.flask.plugins.module_utils._source.git import split_credentials


def hide_secrets(apps: Iterable[Mapping[str, Any]], variables: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return the apps without their secrets; and these, with all environment variables, in one text."""
    shown: list[dict[str, Any]] = []
    secrets: list[dict[str, Any]] = []
    for app in apps:
        secret = {"ssh_key": app["ssh_key"]} if app.get("ssh_key") else {}
        url, header = split_credentials(str(app.get("git") or ""))
        if header:
            secret["git"] = app["git"]
        shown.append({**app, "ssh_key": None, **({"git": url} if header else {})})
        secrets.append(secret)
    return shown, encode({"apps": secrets, "variables": {str(name): str(value) for name, value in variables.items()}})


def reveal_secrets(apps: Iterable[Mapping[str, Any]], secrets: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the apps as they were before `hide_secrets`, and the environment variables; without secrets, the apps as they are."""
    if not secrets:
        return [dict(app) for app in apps], {}
    hidden = decode(secrets)
    return [{**app, **secret} for app, secret in zip(apps, hidden["apps"])], hidden["variables"]
