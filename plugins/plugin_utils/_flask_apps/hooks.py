# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task files of the user, which run before and after users are taken to other releases, and after a failure."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import find_failures

_LONGEST_REASON = 2000
"""Characters of a failure that a hook is given. What a release has said last stands at the end of it."""


def find_hook_problem(variable: str, path: object, load: Callable[[str], object], parse: Callable[[Sequence[Any]], object]) -> str | None:
    """Return what is wrong with the variable that names a task file, or None. An empty text is none.

    `load` returns what a YAML file on this computer holds, and `parse` makes tasks of it. Both raise an error that tells why they cannot.
    """
    if path in ("", None):
        return None
    problem = _find_problem_of_path(path) or _find_problem_of_tasks(str(path), load, parse)
    return f"{variable} is {path!r}{problem}" if problem else None


def _find_problem_of_path(path: object) -> str | None:
    if not isinstance(path, str):
        return "; it must be the path of one task file, which may include others"
    if not os.path.isabs(path):
        return f"; it must be a whole path. Begin it with the directory of the inventory: `{{{{ inventory_dir }}}}/{path}`"
    return None if os.path.isfile(path) else ", and there is no such file on the computer that runs Ansible"


def _find_problem_of_tasks(path: str, load: Callable[[str], object], parse: Callable[[Sequence[Any]], object]) -> str | None:
    try:
        tasks = load(path)
        if not isinstance(tasks, Sequence) or isinstance(tasks, str) or not tasks or not all(isinstance(task, Mapping) for task in tasks):
            return ", and the file is no list of tasks. Each begins with `- name:`, as in tasks/main.yml of a role"
        if any(key == "hosts" or str(key).endswith("import_playbook") for task in tasks for key in task):
            return ", which is a playbook; a list of tasks is needed, as below `tasks:` of a play"
        parse(tasks)
    except Exception as error:  # noqa: BLE001 - Ansible's errors are another class in each version
        return f", which Ansible does not understand: {error}"
    return None


def list_switches(
    result: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]] | None = None, *, planned: bool = False
) -> list[dict[str, Any]]:
    """Return the apps that were taken to another release, or are to be where that is `planned`, as a hook is given them.

    `result` is that of the module `releases` or `rollback`, `earlier` what the roles before it have handed on, where versions stand.
    """
    builds = {name: build for part in earlier or () for name, build in part.get("builds", {}).items()}
    reached = "id" if planned else "current"
    return [
        {
            "name": name,
            "from": outcome.get("previous") or None,
            "to": outcome.get(reached) or None,
            "version": builds.get(name, {}).get("version") or "",
        }
        for name, outcome in result.get("releases", {}).items()
        if outcome.get(reached) != outcome.get("previous") and not (planned and "error" in outcome)
    ]


def list_hook_failures(results: Sequence[Mapping[str, Any]], of_hooks: Sequence[str] | None = None) -> list[dict[str, str]]:
    """Return what has failed in a run as a hook is given it: the apps with the reason, and hooks, which belong to no app."""
    told = [*find_failures(results).items(), *(("", reason) for reason in of_hooks or ())]
    return [{"app": name, "reason": _bounded(escape(reason))} for name, reason in told]


def describe_hook_failure(variable: str, task: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Return a sentence on a task of the user that has failed. What a task with `no_log` has said is left out."""
    said = "it has no_log" if task.get("no_log") else str(result.get("msg") or result.get("stderr") or "it says nothing")
    return f"{variable}: the task {str(task.get('name') or task.get('action'))!r} has failed: {_bounded(escape(said))}"


def _bounded(reason: str) -> str:
    half = _LONGEST_REASON // 2
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:half]} … {reason[-half:]}"
