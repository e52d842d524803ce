# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a message sent: by a process that is not root's, sees nothing of the host's data, and ends in time."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from ansible_collections.webstack.flask.plugins.module_utils._notifications.sender import LAUNCHER
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox

_UNIT = "webstack-flask-send-notification.service"
_TIMEOUT = 60.0
_PROPERTIES = {**sandbox.FENCES, "DynamicUser": "yes", "MemoryMax": "256M", "TasksMax": "64", "StandardError": "null"}


def send(asked: Mapping[str, str]) -> str | None:
    """Have a message sent, as the sender takes it; return what has gone wrong, None where nothing has."""
    sandbox.end(_UNIT)
    with os.fdopen(os.memfd_create("message"), "w+b") as stdin:
        stdin.write(json.dumps(dict(asked)).encode())
        stdin.seek(0)
        outcome = sandbox.run(
            _UNIT,
            [str(LAUNCHER)],
            description="sends a notification",
            properties=[f"{name}={value}" for name, value in _PROPERTIES.items()],
            variables={"HOME": "/tmp", "LC_ALL": "C.UTF-8"},  # noqa: S108 - its own one, by PrivateTmp
            timeout=_TIMEOUT,
            stdin=stdin,
        )
    if outcome.late:
        return f"it took more than {_TIMEOUT:.0f} s"
    try:
        error = json.loads(outcome.said.strip().splitlines()[-1])["error"]
    except (ValueError, LookupError, TypeError):
        return f"the program that sends it has failed, with exit status {outcome.status}; `journalctl -u {_UNIT}` may tell more"
    return str(error) if error is not None else None


def check_url(url: str) -> str | None:
    """Return what apprise has against a URL, None where it knows it; nothing is sent."""
    return send({"url": url})
