# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the databases of apps: a role and a database for each, which nobody else opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import choose_cluster, read_clusters
from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import Step, plan_steps, require_possible
from ansible_collections.webstack.flask.plugins.module_utils._databases.present import find_present
from ansible_collections.webstack.flask.plugins.module_utils._databases.rules import list_apps, our_part
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import LOCK, LOCK_TIMEOUT, Server
from ansible_collections.webstack.flask.plugins.module_utils._databases.tuning import Tuned, tune
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError, describe_error
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import for_each_app

_FAILED: dict[str, Any] = {"changed": False, "notes": []}


@dataclass
class Kept:
    """What became of the databases, by app; in which cluster they are, beside which others; and the differences, for people."""

    outcomes: dict[str, dict[str, Any]]
    changed: bool = False
    cluster: str = ""
    other_clusters: list[str] = field(default_factory=list)
    differences: list[dict[str, str]] = field(default_factory=list)
    settings: Tuned = field(default_factory=Tuned)


def keep_databases(params: Mapping[str, Any], warn: Callable[[str], object], *, check: bool) -> Kept:
    """Bring the databases of all apps to their wanted state. What is wrong with the server is an error of each app."""
    try:
        with nullcontext() if check else hold_lock(LOCK, LOCK_TIMEOUT, warn):
            return _keep(params, check=check)
    except Exception as error:  # noqa: BLE001 - apps without a database go on
        return Kept({wanted["name"]: {**_FAILED, "error": describe_error(error)} for wanted in params["databases"]})


def _keep(params: Mapping[str, Any], *, check: bool) -> Kept:
    clusters = read_clusters()
    if clusters is None:
        if not check:
            raise UserError("PostgreSQL is not installed on this host; site.yml installs it, and so does the role postgresql")
        # It is installed before, and has nothing yet.
        made = {"changed": True, "notes": ["database made"]}
        return Kept({wanted["name"]: made for wanted in params["databases"]})
    cluster = choose_cluster(clusters, params["port"])
    server = Server(cluster)
    state = server.read_state([wanted["name"] for wanted in params["databases"]])
    plans = for_each_app(params["databases"], lambda wanted: {"steps": _plan(server, wanted, state)}, {})
    possible = [name for name, plan in plans.items() if "error" not in plan]
    tuned = tune(server, params["memory"], check=check)
    before, after, changed = server.ensure_rules(state, possible, check=check)
    new = set(list_apps(after)) - set(list_apps(before))

    def attend(wanted: Mapping[str, Any]) -> dict[str, Any]:
        plan = plans[wanted["name"]]
        return _carry_out(server, plan, is_new=wanted["name"] in new, check=check) if "error" not in plan else {**_FAILED, **plan}

    outcomes = for_each_app(params["databases"], attend, {**_FAILED, "changed": True})
    differences = [
        {"header": tuned.path, "before": tuned.before, "after": tuned.after},
        {"header": state["hba_file"], "before": our_part(before), "after": our_part(after)},
    ]
    for name in possible:
        statements = "".join(f"{step.statements}\n" for step in plans[name]["steps"])
        differences.append({"header": f"SQL for {name}", "before": "", "after": statements})
    others = [str(other) for other in clusters if other != cluster]
    differences = [each for each in differences if each["before"] != each["after"]]
    return Kept(outcomes, changed or tuned.changed, str(cluster), others, differences, tuned)


def _plan(server: Server, wanted: Mapping[str, Any], state: Mapping[str, Any]) -> list[Step]:
    require_possible(wanted, state)
    present = find_present(wanted["name"])
    is_asked = wanted["extensions"] and wanted["name"] in state["databases"]
    return plan_steps(wanted, state, server.list_extensions(present) if is_asked else [], present)


def _carry_out(server: Server, plan: Mapping[str, Any], *, is_new: bool, check: bool) -> dict[str, Any]:
    for step in () if check else plan["steps"]:
        server.execute(step.statements, step.database)
    notes = [step.note for step in plan["steps"]] + (["let in by pg_hba.conf"] if is_new else [])
    return {"changed": bool(notes), "notes": notes}
