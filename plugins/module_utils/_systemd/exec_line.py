# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines in unit files: systemd.service(5), systemd.syntax(7)."""

from __future__ import annotations

from collections.abc import Sequence

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "%": "%%", "$": "$$", "\n": "\\n", "\t": "\\t", "\r": "\\r"})


def format_exec(arguments: Sequence[str], directory: str) -> str:
    """Return a program and its arguments as the value of ExecStart.

    Each reaches the program byte for byte, but for paths in `directory`, which may have specifiers of systemd, such as `%i`.
    """
    return " ".join(f'"{_format(argument, f"{directory}/")}"' for argument in arguments)


def _format(argument: str, prefix: str) -> str:
    if argument.startswith(prefix):
        return prefix + argument[len(prefix) :].translate(_ESCAPES)
    return argument.translate(_ESCAPES)
