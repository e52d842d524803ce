# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that hands one message to apprise. It runs in a sandbox, as a user of its own, and gets the URL on its standard input.

It answers with a line of JSON: whether it went well, and if not, what apprise has said, without any part of the URL.
"""

from __future__ import annotations

import importlib
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

LAUNCHER = Path("/usr/local/lib/webstack-flask/send-notification")
"""The program on a host."""

_LONGEST = 300
_SHORTEST_SECRET = 3


def main() -> int:
    """Send what the standard input asks for, or only see whether apprise knows the URL where there is no title."""
    asked = json.load(sys.stdin)
    said = _Listener()
    # What apprise itself writes, it writes with the URL in it.
    logging.getLogger("apprise").addHandler(said)
    logging.getLogger("apprise").propagate = False
    try:
        error = _send(asked, said)
    except Exception as problem:  # noqa: BLE001 - of any error its kind and its text are told, and no trace, which may have the URL
        error = f"{type(problem).__name__}: {problem}"
    sys.stdout.write(f"{json.dumps({'error': redact(error, asked['url'])[:_LONGEST] if error else None})}\n")
    return 0


class _Listener(logging.Handler):
    """Keeps the last warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.words = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.words = record.getMessage()


def _send(asked: dict[str, Any], said: _Listener) -> str | None:
    """Return what has gone wrong, None where nothing has."""
    # Debian's package; where this file is only read, it need not be there.
    apprise = importlib.import_module("apprise")
    target = apprise.Apprise.instantiate(asked["url"], suppress_exceptions=True)
    if not target:
        return f"apprise does not understand this URL{f': {said.words}' if said.words else ''}"
    if "title" not in asked:
        return None
    kind = apprise.NotifyType.FAILURE if asked["kind"] == "failure" else apprise.NotifyType.SUCCESS
    # As plain text: what looks like a markup in it is shown as it is.
    sent = apprise.Apprise([target]).notify(
        title=asked["title"], body=asked["body"], notify_type=kind, body_format=apprise.NotifyFormat.TEXT
    )
    if sent:
        return None
    return said.words or "apprise could not send it, and does not say why"


def redact(text: str, url: str) -> str:
    """Return a text without any part of a URL, but for how it begins."""
    parts = sorted(re.split(r"[/:@?&=,\s]+", url.partition("://")[2]), key=len, reverse=True)
    for part in [url, *(part for part in parts if len(part) >= _SHORTEST_SECRET)]:
        text = text.replace(part, "…")
    return text
