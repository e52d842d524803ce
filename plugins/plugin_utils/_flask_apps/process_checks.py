# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what is wrong with what an app of `flask_apps` runs besides its web process, and at certain times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._layout import PROCESS_PATTERN
from ansible_collections.webstack.flask.plugins.module_utils._systemd.calendar import from_cron
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import (
    RESERVED_FOR_JOBS,
    RESERVED_FOR_PROCESSES,
    find_directive_problems,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import App, described_processes
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.bounds import find_command_problems, find_limit_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import show

_EXAMPLES = {"processes": "mail", "schedules": "digest"}

_CRON = re.compile(r"@\w+|([\d*/,-]+\s+){4}[\w*/,-]+")
"""What people bring from a crontab. No calendar event of systemd has five words."""

_LONGEST_TIME = 200
"""Characters of a calendar event."""

_MOST_OF_ONE = 1000
"""How many of one process may be asked for."""


def _find_process_problems(app: App) -> Problems:
    for name, process in described_processes(app).items():
        where = f"processes.{name}"
        yield from _find_unit_problems("processes", name, process, RESERVED_FOR_PROCESSES)
        if name == "web":
            yield "processes.web is for the web process, which is described by `wsgi` or `asgi`, and `gunicorn`; take it out"
        if process["ready"] is not None:
            yield from find_command_problems(f"{where}.ready", process["ready"])
        yield from find_limit_problems(f"{where}.", process, ("drain", "watch"))
        yield from find_limit_problems(f"{where}.", process, ("count",), most=_MOST_OF_ONE)
        if process["exclusive"] and process["count"] > 1:
            yield (
                f"{where} is exclusive, so that there is never more than one of it, and has the count {process['count']}; take one of the "
                "two out"
            )


def _find_schedule_problems(app: App) -> Problems:
    for name, schedule in app["schedules"].items():
        where = f"schedules.{name}"
        yield from _find_unit_problems("schedules", name, schedule, RESERVED_FOR_JOBS)
        if not schedule["at"].strip() or not schedule["at"].isprintable() or len(schedule["at"]) > _LONGEST_TIME:
            yield f"{where}.at is {show(schedule['at'])}; it must be a calendar event of systemd, such as `*-*-* 04:00` or `hourly`"
        elif _CRON.fullmatch(schedule["at"].strip()):
            same = from_cron(schedule["at"])
            wanted = f'write `at: "{same}"`' if same else "systemd writes `*-*-* 04:00`, `Mon *-*-* 04:00`, `*:0/15` or `hourly`"
            yield f"{where}.at is {schedule['at']!r}, as cron writes it; {wanted}"
        yield from find_limit_problems(f"{where}.", schedule, ("timeout",), may_be_zero=False)


def _find_unit_problems(key: str, name: object, one: Mapping[str, Any], reserved: Mapping[str, str]) -> Problems:
    """Find what is wrong with what processes and schedules have in common."""
    if not isinstance(name, str) or not PROCESS_PATTERN.fullmatch(name):
        yield (
            f"{key} names one {show(name)}; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter, "
            f"such as `{_EXAMPLES[key]}`"
        )
    yield from find_command_problems(f"{key}.{name}.command", one["command"])
    for problem in find_directive_problems(one["service"], reserved):
        yield f"{key}.{name}.{problem}"


FINDERS = (_find_process_problems, _find_schedule_problems)
