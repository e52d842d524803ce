# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who did what: the last acts on the host, or to one app, be it gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.audit import read_last
from ansible_collections.webstack.flask.plugins.module_utils._layout import NAME_PATTERN
from ansible_collections.webstack.flask.plugins.module_utils._webstack.completion import Parser
from ansible_collections.webstack.flask.plugins.module_utils._webstack.show import format_table

COMMAND = "audit"

_HEAD = ("when", "app", "act", "what", "from", "to", "seconds", "outcome", "user", "address", "controller")
_LONGEST = 80
"""Characters of a reason in the table."""


def find_wanted(words: Sequence[str], commands: Iterable[str]) -> tuple[str, list[str]] | None:
    """Return the app whose acts are asked for, "" for all, and the options; None where something else is asked for.

    `webstack audit` is for all, but for an app that is called like this: `webstack audit status` is its status.
    """
    plain = [number for number, word in enumerate(words) if not word.startswith("-")]
    names = [words[number] for number in plain[:2]]
    if len(names) == 2 and names[1] == COMMAND and NAME_PATTERN.fullmatch(names[0]):
        return names[0], [word for number, word in enumerate(words) if number not in plain[:2]]
    if names[:1] == [COMMAND] and (len(names) == 1 or names[1] not in commands):
        return "", [word for number, word in enumerate(words) if number != plain[0]]
    return None


def make_parser() -> Parser:
    """Return what reads the words behind the command."""
    parser = Parser(prog="webstack [APP] audit", description="Who did what, and how it ended; the last act comes last.")
    parser.add_argument("-n", "--lines", type=int, default=20, help="so many acts at most; 20 by default")
    parser.add_argument("--json", action="store_true", help="tell it as JSON")
    return parser


def list_acts(app: str, words: Sequence[str]) -> list[str]:
    """Return the lines to show of the acts that are asked for, the last one at the end."""
    options = make_parser().parse_args(words)
    acts = read_last(options.lines, app)
    if options.json:
        return [json.dumps(acts, indent=2)]
    return format_table(_HEAD, [as_row(act) for act in acts]) if acts else [f"nothing was written down{f' of {app}' if app else ''} yet"]


def as_row(act: Mapping[str, Any]) -> list[str]:
    """Return the cells of an act. What another version has written may lack some."""
    told = {key: str(value) for key, value in act.items()}
    reason, run = told.get("reason", ""), " ".join(filter(None, (told.get("ci_user"), told.get("ci"))))
    outcome = f"failed: {reason[:_LONGEST]}" if reason else told.get("outcome", "")
    version = f" ({told['version'][:12]})" if told.get("version") and told.get("to") else ""
    return [
        *(told.get("time", "").replace("T", " ").replace("Z", " UTC"), *(told.get(key, "") for key in ("app", "act", "what", "from"))),
        *(f"{told.get('to', '')}{version}", told.get("seconds", ""), outcome, told.get("user", ""), told.get("address", "")),
        run or told.get("controller", ""),
    ]
