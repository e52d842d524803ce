# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file from which systemd reads an app's environment variables.

The format is that of EnvironmentFile= in systemd.exec(5): within double quotes a backslash takes the special
meaning of `"`, `\\`, `` ` `` and `$` away, and a newline stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = re.compile(r'(["\\`$])')


def find_environment_problems(variables: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that systemd would not hand to the app exactly as it stands.

    systemd drops, with no more than a line in the journal, values with control characters other than tab and newline.
    """
    problems = []
    for key, value in variables.items():
        if not _KEY.fullmatch(key):
            problems.append(f"the environment variable {key!r}: a name consists of letters, digits and '_', and begins with no digit")
        elif any((ord(c) < 32 and c not in "\t\n") or ord(c) == 127 for c in value):
            problems.append(f"the environment variable {key}: its value holds a control character; only tab and newline are allowed")
        elif any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            problems.append(f"the environment variable {key}: its value is not valid UTF-8")
    return problems


def format_environment(variables: Mapping[str, str]) -> str:
    """Return the text of the file, one variable after the other in the order of their names."""
    return "".join(f'{key}="{_SPECIAL.sub(_escape, variables[key])}"\n' for key in sorted(variables))


def _escape(match: re.Match[str]) -> str:
    return "\\" + match.group(1)
