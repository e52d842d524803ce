# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extract the app's own error from the log, without gunicorn's frames."""

from __future__ import annotations

import itertools
import re

from ansible_collections.webstack.flask.plugins.module_utils._host.words import redact

_MACHINERY = re.compile(r'  File "(?:<frozen importlib|[^"]*/(?:gunicorn|importlib)["/])')
"""A frame of a traceback between systemd and the app's first line."""

_END_OF_MASTER = re.compile(
    r"(?:During handling of the above exception, another exception occurred:\n+)?"
    r"Traceback \(most recent call last\):\ngunicorn\.errors\.HaltServer: .*\n?"
)
"""What is left, without such frames, of the traceback with which a gunicorn ends whose workers do not boot."""


_LONGEST = 300
"""Characters of a line that are shown."""


def find_last_words(log: str, lines: int) -> list[str]:
    """Return the last lines of a log that help: gunicorn adds up to 60 to an ImportError, after it and within it.

    Long lines are cut, and equal ones that follow each other are one. The words by which an app calls others are not shown.
    """
    kept = []
    passing_over = False
    for line in redact(log).splitlines():
        if not line.startswith("    "):
            passing_over = _MACHINERY.match(line) is not None
        if not passing_over:
            kept.append(f"{line}\n")
    words = _END_OF_MASTER.sub("", "".join(kept)).splitlines()
    return [_shorten(line, len(list(equal))) for line, equal in itertools.groupby(words)][-lines:]


def _shorten(line: str, times: int) -> str:
    shown = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return f"{shown} ({times} times)" if times > 1 else shown
