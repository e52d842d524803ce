# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command, and a number, of an entry of `flask_apps` may be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import show

_LONGEST_COMMAND = 16384
"""Characters. A longer one is a script, and no program is given more than 128 KiB as one word."""

_LONGEST = 366 * 86400
"""Seconds of a time limit that may be asked for."""


def find_command_problems(where: str, command: str) -> Problems:
    """Find what is wrong with a shell command."""
    if not command.strip() or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", command):
        what = ", which is no command" if not command.strip() else "; it holds a control character, and only tab and newline are allowed"
        yield f"{where} is {show(command)}{what}"
    elif len(command) > _LONGEST_COMMAND:
        yield f"{where} has {len(command)} characters; allowed are {_LONGEST_COMMAND}: put it into a script of the source, and call that"


def find_limit_problems(
    where: str, values: Mapping[str, Any], keys: Iterable[str], *, may_be_zero: bool = True, most: int = _LONGEST
) -> Problems:
    """Find the numbers that are too low, or too high to be meant: by default seconds, of which a year has the most."""
    for key in keys:
        value = values[key]
        if not (value >= 0 if may_be_zero else value > 0):
            yield f"{where}{key} is {value:g}; it must {'not be negative' if may_be_zero else 'be more than 0 seconds'}"
        elif value > most:
            yield f"{where}{key} is {value:g}; it must not be more than {most}"
