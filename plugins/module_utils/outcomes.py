# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each app that a module takes care of: the failure of one does not keep it from the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem

App = Mapping[str, Any]


def attend_to_each(apps: Iterable[App], attend: Callable[[Any], dict[str, Any]], failed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what `attend` returns for each app, by name; for one that it fails for, `failed` and the reason as `error`."""
    outcomes: dict[str, dict[str, Any]] = {}
    for app in apps:
        try:
            outcomes[app["name"]] = attend(app)
        except (Problem, OSError) as problem:
            outcomes[app["name"]] = {**failed, "error": str(problem)}
    return outcomes


def tell(module: AnsibleModule, key: str, outcomes: Mapping[str, Mapping[str, Any]]) -> None:
    """End the module with the outcomes under a key of its result; it has failed if one of them has an `error`."""
    result = {"changed": any(outcome["changed"] for outcome in outcomes.values()), key: outcomes}
    errors = [f"{name}: {outcome['error']}" for name, outcome in outcomes.items() if "error" in outcome]
    if errors:
        module.fail_json(msg="\n".join(errors), **result)
    module.exit_json(**result)
