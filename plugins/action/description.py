# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what the inventory says of a host: `flask_apps`, the variables of the roles, and the task files of the user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError, AnsibleUndefinedVariable
from ansible.playbook.helpers import load_list_of_tasks
from ansible.playbook.play import Play
from ansible.plugins.action import ActionBase
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.hooks import find_hook_problem
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.plain import as_plain
from ansible_collections.webstack.flask.plugins.plugin_utils._specs import find_problems, load_options

_VARIABLE = "flask_apps"


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs on the controller. The host is spoken to only where the inventory asks for its facts."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what is wrong, or nothing."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._facts: dict[str, Any] = {}
        try:
            result["msg"] = self._check()
        except (UserError, AnsibleError) as error:
            return result | {"failed": True, "msg": escape(str(error))}
        facts = {"ansible_facts": self._facts} if self._facts else {}
        return result | facts | {"changed": False, "_ansible_verbose_always": _VARIABLE not in self._variables}

    def _check(self) -> str:
        """Return what to say; raise UserError with all that is wrong."""
        if _VARIABLE in self._variables:
            check_apps(self._read(_VARIABLE))
        elif not self._is_described_elsewhere():
            raise UserError(
                f"no host of this run has {_VARIABLE}. Describe the apps of a host, or of a group of hosts, in a variable of this name: "
                "docs/flask_apps.md says how"
            )
        options = {name: option for role in self._task.args.get("roles") or [] for name, option in load_options(role).items()}
        problems = find_problems(options, {name: self._read(name) for name in options if name in self._variables})
        hooks = [name for name in self._task.args.get("hooks") or [] if name in self._variables]
        found = [find_hook_problem(name, self._read(name), self._loader.load_from_file, self._parse) for name in hooks]
        problems += [problem for problem in found if problem]
        if problems:
            raise UserError("\n".join(problems))
        name = self._variables.get("inventory_hostname")
        return "the description can be deployed" if _VARIABLE in self._variables else f"{name} has no {_VARIABLE}: it is passed over"

    def _parse(self, tasks: Sequence[Any]) -> None:
        """Raise the error with which Ansible would end the whole run when it comes to include these tasks."""
        try:
            load_list_of_tasks(deepcopy(list(tasks)), play=Play(), loader=self._loader)
        except AnsibleParserError:
            raise
        except Exception:  # noqa: BLE001, S110 - what it lacks here, such as the variables of a play, it has when they are run
            pass

    def _is_described_elsewhere(self) -> bool:
        hosts: Mapping[str, Any] = self._variables.get("hostvars", {})
        return any(_VARIABLE in hosts[name] for name in self._variables.get("ansible_play_hosts_all", []))

    def _read(self, variable: str) -> Any:  # noqa: ANN401 - whatever the user has written
        """Return the value of a variable; the host's facts are gathered when the first one asks for something that is not known."""
        try:
            return self._template(variable)
        except AnsibleUndefinedVariable:
            if self._facts:
                raise
        self._gather_facts()
        return self._template(variable)

    def _template(self, variable: str) -> Any:  # noqa: ANN401 - likewise
        plain_facts = {name.removeprefix("ansible_"): value for name, value in self._facts.items()}
        known = {"ansible_facts": {**self._variables.get("ansible_facts", {}), **plain_facts}, **self._facts}
        templar = self._templar.copy_with_new_env(available_variables={**self._variables, **known})
        return as_plain(templar.template(self._variables[variable]))

    def _gather_facts(self) -> None:
        gathered = self._execute_module(module_name="ansible.legacy.setup", module_args={}, task_vars=self._variables)
        if gathered.get("failed") or not gathered.get("ansible_facts"):
            raise UserError(f"the description asks for facts of the host, and these could not be gathered: {gathered.get('msg')}")
        self._facts = gathered["ansible_facts"]
