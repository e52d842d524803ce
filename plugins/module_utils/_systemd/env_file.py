# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The file from which systemd reads an app's environment variables.

The format is that of EnvironmentFile= in systemd.exec(5): within double quotes a backslash takes the special
meaning of `"`, `\`, `` ` `` and `$` away, and a newline stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_TEXT = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef" + "".join(chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)) + "]"
)
"""Surrogates and noncharacters: systemd takes a file with one of them for no UTF-8 (unichar_is_valid in its utf8.c)."""

_LIMIT = 131071
"""Bytes that Linux hands to a program in one variable, `NAME=value`: MAX_ARG_STRLEN with 4 KiB pages, less the NUL."""

_SPECIAL = re.compile(r'(["\\`$])')


def find_environment_problems(variables: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that systemd would not hand to the app exactly as it stands.

    systemd drops, with no more than a line in the journal, values with control characters other than tab and newline,
    and does not start a unit whose file it does not take for UTF-8.
    """
    problems = []
    for key, value in variables.items():
        if not _KEY.fullmatch(key):
            problems.append(f"the environment variable {key!r}: a name consists of letters, digits and '_', and begins with no digit")
        elif any((ord(c) < 32 and c not in "\t\n") or ord(c) == 127 for c in value):
            problems.append(f"the environment variable {key}: its value holds a control character; only tab and newline are allowed")
        elif match := _NO_TEXT.search(value):
            problems.append(f"the environment variable {key}: its value holds U+{ord(match[0]):04X}, which is not a character of text")
        elif (length := len(f"{key}={value}".encode())) > _LIMIT:
            problems.append(f"the environment variable {key}: name and value together have {length} bytes; Linux allows {_LIMIT}")
    return problems


def format_environment(variables: Mapping[str, str]) -> str:
    """Return the text of the file, one variable after the other in the order of their names."""
    return "".join(f'{key}="{_SPECIAL.sub(_escape, variables[key])}"\n' for key in sorted(variables))


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables of a file that `format_environment` has written."""
    found = re.findall(r'^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$', text, re.MULTILINE | re.DOTALL)
    return {key: re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL) for key, value in found}


def _escape(match: re.Match[str]) -> str:
    return "\\" + match.group(1)
