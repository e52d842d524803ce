# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An entry of `flask_apps` as text: each key with the reason for it above, as a comment."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import SURE, Findings

ORDER = (
    *("name", "source", "chdir", "python_path", "wsgi", "asgi", "server_names", "env_files", "env", "dependencies", "build_commands"),
    *("build_env", "gunicorn", "database", "redis", "release_commands", "processes", "schedules", "shared", "static", "nginx", "health"),
)
_WIDTH = 120
_BRACES = ("{{", "{%", "{#")


def holds_braces(value: object) -> bool:
    """Return whether Ansible would take a part of a value for its own."""
    if isinstance(value, Mapping):
        return any(holds_braces(one) for pair in value.items() for one in pair)
    if isinstance(value, (list, tuple)):
        return any(map(holds_braces, value))
    return isinstance(value, str) and any(brace in value for brace in _BRACES)


def as_text(value: object) -> str:
    """Return a value as YAML on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=False)
    return re.sub(r"'(\{\{ \w+ \}\})'", r'"\1"', text.removesuffix("\n").removesuffix("\n..."))


def build(findings: Findings) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the entry, and the reasons by its keys. Lists of one key are joined, and so are mappings."""
    entry: dict[str, Any] = {}
    reasons: dict[str, list[str]] = {}
    for item in findings.items:
        top, _dot, inner = item.key.partition(".")
        if inner:
            place = entry.setdefault(top, {})
            if not isinstance(place, dict):
                continue
            place[inner] = _join(place.get(inner), item.value)
        else:
            entry[top] = _join(entry.get(top), item.value)
        reasons.setdefault(top, []).append(item.reason if item.certainty == SURE else f"{item.reason} (likely)")
    known = [key for key in ORDER if key in entry]
    return {key: entry[key] for key in [*known, *(key for key in entry if key not in ORDER)]}, reasons


def _join(former: Any, value: Any) -> Any:  # noqa: ANN401 - as YAML has them
    if isinstance(former, list) and isinstance(value, list):
        return former + [one for one in value if one not in former]
    return {**former, **value} if isinstance(former, dict) and isinstance(value, dict) else value


def render(entry: Mapping[str, Any], reasons: Mapping[str, Sequence[str]], remarks: Sequence[str]) -> str:
    """Return the text of a file of variables with the entry."""
    lines = ["flask_apps:"]
    for number, (key, value) in enumerate(entry.items()):
        said = list(dict.fromkeys(reasons.get(key, ())))
        lines += [f"    # {line}" for reason in said for line in _wrap(reason)]
        start = "  - " if number == 0 else "    "
        text = _write(key, value)
        lines += [f"{start if not index else '    '}{line}" for index, line in enumerate(text)]
    # The dash stands before the first key, and its comment before the dash.
    first = next(index for index, line in enumerate(lines) if line.startswith("  - "))
    lines[1:first] = [line[2:] for line in lines[1:first]]
    if remarks:
        lines += ["", "# What else there is to know:"]
        lines += [f"# {'- ' if not index else '  '}{line}" for remark in dict.fromkeys(remarks) for index, line in enumerate(_wrap(remark))]
    return "\n".join(lines) + "\n"


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(escape(" ".join(text.split())), _WIDTH - 10, break_long_words=False, break_on_hyphens=False) or [""]


def _write(key: str, value: object) -> Iterator[str] | list[str]:
    flow = f"{key}: {as_text(value)}"
    if len(flow) <= _WIDTH or not isinstance(value, (dict, list)) or not value:
        return [flow]
    if isinstance(value, dict):
        return [f"{key}:", *(f"  {line}" for name, one in value.items() for line in _write(as_text(name), one))]
    return [f"{key}:", *(f"  - {as_text(one)}" for one in value)]
