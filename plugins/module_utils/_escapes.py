# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from elsewhere, made fit for a terminal.

Logs, packages, servers and repositories can hold what a terminal obeys: control sequences (ECMA-48), and characters of Unicode that
change the direction or hide a part of a line. A message shows them as escapes.
"""

from __future__ import annotations

import unicodedata
from typing import Any

_KEPT = "\n\t"
_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""General categories: control, format, surrogate, line separator, paragraph separator."""


def escape(text: str) -> str:
    r"""Return a text in which what a terminal would obey, and is neither newline nor tab, stands as an escape such as `\x1b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _OBEYED:
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def escape_all(value: Any) -> Any:  # noqa: ANN401 - as JSON has them
    """Return a module's result with every text in it escaped, keys as well."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, dict):
        return {escape_all(key): escape_all(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [escape_all(inner) for inner in value]
    return value
