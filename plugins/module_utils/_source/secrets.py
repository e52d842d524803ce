# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""What is secret in the descriptions of sources, on its way to the host.

Ansible logs a module's arguments in the host's journal. The mask that it lays over secrets within a list is compared with the text of the
list, in which a line break is `\n`: it never fits a private key.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._source.git import split_credentials


def hide_secrets(apps: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Return the apps without what is secret, and all that is secret in one text."""
    shown: list[dict[str, Any]] = []
    secrets: list[dict[str, Any]] = []
    for app in apps:
        secret = {"ssh_key": app["ssh_key"]} if app.get("ssh_key") else {}
        url, header = split_credentials(str(app.get("git") or ""))
        if header:
            secret["git"] = app["git"]
        shown.append({**app, "ssh_key": None, **({"git": url} if header else {})})
        secrets.append(secret)
    return shown, base64.b64encode(json.dumps(secrets).encode()).decode()


def reveal_secrets(apps: Iterable[Mapping[str, Any]], secrets: str) -> list[dict[str, Any]]:
    """Return the apps as they were before `hide_secrets`; without any, as they are."""
    hidden = json.loads(base64.b64decode(secrets)) if secrets else []
    return [{**app, **(hidden[number] if hidden else {})} for number, app in enumerate(apps)]
