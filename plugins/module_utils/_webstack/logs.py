# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an app's words are, by the part of it that says them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord

_NGINX = Path("/var/log/nginx")
PARTS = ("web", "nginx", "deploy", "backup")
"""Parts that every app has. Others are called as its processes and jobs are."""


@dataclass(frozen=True)
class Wanted:
    """Which lines are wanted."""

    part: str | None = None
    """One of PARTS, or a process or job; None is all that the journal has of the app."""

    lines: int = 50
    follow: bool = False
    since: str | None = None
    """A time as journalctl(1) takes it, such as `1 hour ago`."""

    grep: str | None = None
    """A regular expression that the lines match."""


def list_log_call(layout: AppLayout, record: ReleaseRecord | None, wanted: Wanted) -> list[str]:
    """Return the call of the program that shows lines; raise UserError where there is no such part."""
    if wanted.part == "nginx":
        return _list_nginx_call(layout.name, wanted)
    return [
        *("journalctl", "--no-pager", "--output=short-iso", "--no-hostname", f"--lines={wanted.lines}"),
        *(["--follow"] if wanted.follow else []),
        *([f"--since={wanted.since}"] if wanted.since else []),
        *([f"--grep={wanted.grep}"] if wanted.grep else []),
        *(f"--unit={unit}" for unit in list_units(layout, record, wanted.part)),
    ]


def list_units(layout: AppLayout, record: ReleaseRecord | None, part: str | None) -> list[str]:
    """Return the units, as patterns, of a part of an app in whichever release; raise UserError where there is no such part."""
    name = layout.name
    web, deploys = f"{name}@*.service", [layout.command_unit, layout.build_unit]
    known = {"web": [web], "deploy": deploys, "backup": [f"{name}.backup.service", f"{name}.verify.service"]}
    for process in record.processes if record else ():
        known[str(process["name"])] = [f"{name}.{process['name']}@*.service", f"{name}.{process['name']}.*@*.service"]
    for schedule in record.schedules if record else ():
        known[str(schedule["name"])] = [f"{name}.{schedule['name']}.job@*.service", layout.starter_unit(str(schedule["name"]))]
    if part is None:
        return [web, f"{name}.*.service", *deploys]
    if part not in known:
        raise UserError(f"{name} has no part {part}; it has {', '.join(sorted({*known, *PARTS}))}")
    return known[part]


def _list_nginx_call(name: str, wanted: Wanted) -> list[str]:
    if wanted.since:
        raise UserError("nginx's logs are files, of which --since knows nothing; use --lines and --grep")
    files = [str(_NGINX / f"{name}.{kind}.log") for kind in ("access", "error")]
    if not wanted.grep:
        return ["tail", "--quiet", f"--lines={wanted.lines}", *(["--follow=name", "--retry"] if wanted.follow else []), "--", *files]
    lines, pattern = str(wanted.lines), wanted.grep
    if wanted.follow:
        return ["sh", "-c", 'tail -q -n "$1" -F -- "$3" "$4" | grep --line-buffered -E -e "$2"', "sh", lines, pattern, *files]
    return ["sh", "-c", 'grep -h -E -e "$2" -- "$3" "$4" | tail -n "$1"', "sh", lines, pattern, *files]


def list_failure(name: str, record: ReleaseRecord, live: str | None) -> list[str]:
    """Return the lines that tell of a release that has failed, and what to do."""
    stayed = f"Users were left with release {live}." if live else "There is no release that users reach."
    return [
        f"release {record.id} of {name}, version {record.version or 'not known'}, has failed:",
        *record.reason.splitlines(),
        f"{stayed} What this one has said is kept: `webstack {name} logs --lines 200`.",
        "Mend what it says, and deploy again; a release that is deployed again is tried again.",
    ]
