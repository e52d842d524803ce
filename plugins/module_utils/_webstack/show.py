# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times, sizes and tables as people read them on a terminal."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape

_STEPS = ((86400, "d"), (3600, "h"), (60, "min"))
_RED, _END = "\033[31m", "\033[0m"


def show_age(moment: float | None, now: float) -> str:
    """Return how long ago something was, in its largest unit; - where it never was."""
    if moment is None:
        return "-"
    seconds = max(now - moment, 0)
    return next((f"{int(seconds // length)} {unit}" for length, unit in _STEPS if seconds >= length), f"{int(seconds)} s")


def show_left(moment: float | None, now: float) -> str:
    """Return how many days are left; - where nothing ends."""
    return "-" if moment is None else f"{int((moment - now) // 86400)} d"


def show_bytes(size: int) -> str:
    """Return a number of bytes in MiB; - for none."""
    return f"{size / (1 << 20):.0f} MiB" if size else "-"


def show_moment(moment: float | None) -> str:
    """Return a moment in UTC; - where it never was."""
    return "-" if moment is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment))


def format_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table. What a terminal would obey stands as an escape."""
    cells = [list(head), *([escape(cell).replace("\n", " ") or "-" for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]


def mark(line: str, *, colored: bool) -> str:
    """Return a line that tells of a trouble, in red where there are colors."""
    return f"{_RED}{line}{_END}" if colored else line
