# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role gunicorn_systemd."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd.calendar import with_zone
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import (
    RESERVED_FOR_JOBS,
    RESERVED_FOR_PROCESSES,
    confining,
    find_directive_problems,
    format_directives,
    format_seconds,
)
from ansible_collections.webstack.flask.plugins.module_utils._systemd.exec_line import format_exec
from ansible_collections.webstack.flask.plugins.module_utils._systemd.shell import BASH, wrap
from ansible_collections.webstack.flask.plugins.plugin_utils._filters import as_filter
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.workers import gets_threads_unasked
from ansible_collections.webstack.flask.plugins.plugin_utils._specs import load_options
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import describe_unknown_key

_KEYS = frozenset(load_options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"])
"""The keys of an app of the role."""

_PROCESS = load_options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"]["processes"]["options"]
"""The keys of a process of an app."""

_SCHEDULE = load_options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"]["schedules"]["options"]
"""The keys of a job of an app."""

_SERVICE = load_options("gunicorn_systemd")["gunicorn_systemd_apps"]["options"]["services"]["options"]
"""The keys of an internal service that an app uses."""

_OF_A_UNIT = {"processes": ("name", "count", "exclusive", "watch"), "schedules": ("name", "at", "missed")}
"""Of these, what the module gets as it is. The others are in the text of the unit."""

_DRAIN = _PROCESS["drain"]["default"]
_TIMEOUT = _SCHEDULE["timeout"]["default"]

_SHAPED = frozenset(("wsgi", "python_path", "env", "gunicorn", "service", "after"))
"""Keys that become files and variables of the release. The others the module gets as they are."""


@as_filter
def python_literal(value: object) -> str:
    """Return Python source for a plain value: text, number, boolean, null, list or mapping."""
    try:
        return repr(json.loads(json.dumps(value, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise UserError(f"python_literal: {error}") from error


@as_filter
def unit_directives(directives: Mapping[str, object]) -> str:
    """Return the lines of a systemd unit for a mapping of directives to their values."""
    problems = find_directive_problems(directives)
    if problems:
        raise UserError("\n".join(problems))
    return format_directives(directives)


@as_filter
def process_directives(process: Mapping[str, Any], app: Mapping[str, Any]) -> str:
    """Return the lines of a unit that distinguish a process of an app from others: what it runs, how it ends, what it may do besides."""
    commands = {"ExecStart": str(process["command"])}
    if process.get("ready"):
        commands["ExecStartPost"] = _until_ready(process["ready"])
    return _format_unit(process, app, commands, {"TimeoutStopSec": process.get("drain", _DRAIN)}, RESERVED_FOR_PROCESSES)


@as_filter
def job_directives(job: Mapping[str, Any], app: Mapping[str, Any]) -> str:
    """Return the lines of a unit that distinguish a job of an app: what it runs, how long it may take, what it may do besides."""
    return _format_unit(job, app, {"ExecStart": str(job["command"])}, {"TimeoutStartSec": job.get("timeout", _TIMEOUT)}, RESERVED_FOR_JOBS)


def _format_unit(
    one: Mapping[str, Any], app: Mapping[str, Any], commands: Mapping[str, str], times: Mapping[str, float], reserved: Mapping[str, str]
) -> str:
    own = one.get("service") or {}
    if problems := find_directive_problems(own, reserved):
        raise UserError("\n".join(f"{one['name']} of {app['name']}: {problem}" for problem in problems))
    release, env_files = f"{AppLayout.of(app['name'], app.get('root')).releases}/%i", app.get("env_files") or ()
    lines = [f"{name}={format_exec(wrap(command, env_files, release, BASH), release)}\n" for name, command in commands.items()]
    limits = {name: format_seconds(seconds) for name, seconds in times.items()}
    reached = [f"IPAddressAllow={use['address']}\n" for use in app.get("services") or ()]
    return "".join([*lines, format_directives(limits), format_directives({**confining(app.get("service") or {}), **own}), *reached])


def _until_ready(question: str) -> str:
    """Return a shell command that asks once a second until the answer is good, or the process has ended."""
    return f'while kill -0 "$MAINPID" 2>/dev/null; do ({question}\n) && exit 0; sleep 1; done; exit 1'


def _refuse_unknown_keys(app: Mapping[str, Any]) -> None:
    """Argument specs accept a misspelt key, and it would do nothing."""
    for key in sorted(set(app) - _KEYS):
        raise UserError(f"gunicorn_systemd_apps ({app.get('name')}): {describe_unknown_key(key, _KEYS)}")
    for kind, known in (("processes", _PROCESS), ("schedules", _SCHEDULE), ("services", _SERVICE)):
        for one in app.get(kind) or ():
            for key in sorted(set(one) - set(known)):
                raise UserError(f"gunicorn_systemd_apps ({app.get('name')}).{kind}: {describe_unknown_key(key, known)}")


@as_filter
def release_parameters(apps: Sequence[Mapping[str, Any]], rendered: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of the module `releases` for each app, given its files in the same order."""
    if len(apps) != len(rendered):
        raise UserError(f"release_parameters: {len(apps)} apps, and files of {len(rendered)}")
    parameters = []
    for app, files in zip(apps, rendered):
        _refuse_unknown_keys(app)
        texts = {name: end_with_one_newline(text) for name, text in files.items() if name not in _OF_A_UNIT}
        kept = {key: value for key, value in app.items() if key not in _SHAPED}
        for kind, keys in _OF_A_UNIT.items():
            if app.get(kind):
                kept[kind] = [
                    {**{key: one[key] for key in keys if key in one}, "unit": end_with_one_newline(unit)}
                    for one, unit in zip(app[kind], files[kind])
                ]
        for schedule in kept.get("schedules", ()):
            schedule["at"] = with_zone(schedule["at"])
        threads = {"warn_of_threads": True} if texts["gunicorn_conf"] and gets_threads_unasked(app.get("gunicorn", {})) else {}
        parameters.append({**kept, **texts, **threads, "variables": encode(_list_variables(app))})
    return parameters


def end_with_one_newline(text: str | None) -> str:
    """Return a rendered text as it counts for a release's identity, or "" for one that says nothing.

    Including a template takes the newline off its end. ansible-core up to 2.18 adds one to a template that renders nothing, later ones
    do not, and some make it null: the same description would be another release for each of them.
    """
    kept = (text or "").rstrip()
    return f"{kept}\n" if kept else ""


def _list_variables(app: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables of an app: its own, and what tells Python where else its modules are."""
    variables = dict(app.get("env", {}))
    if app.get("python_path"):
        build = AppLayout.of(app["name"], app.get("root")).build(app.get("build") or "")
        given = [variables["PYTHONPATH"]] if variables.get("PYTHONPATH") else []
        variables["PYTHONPATH"] = ":".join([*given, *(str(build / path) for path in app["python_path"])])
    return variables


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "job_directives": job_directives,
            "process_directives": process_directives,
            "python_literal": python_literal,
            "release_parameters": release_parameters,
            "unit_directives": unit_directives,
        }
