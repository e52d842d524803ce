# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redis of apps of `flask_apps`: what is wrong with it, what the role redis needs, and how an app is told of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import name_service_variable
from ansible_collections.webstack.flask.plugins.module_utils._redis.address import VARIABLES, RedisLayout, list_variables
from ansible_collections.webstack.flask.plugins.module_utils._redis.size import LEAST, parse_size
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import App, list_present
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import show


def redis_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `redis_instances`."""
    return [
        {"name": app["name"], **{key: app["redis"][key] for key in ("max_memory", "eviction", "persistence")}}
        for app in list_present(apps)
        if app["redis"]
    ]


def redis_variables(app: App) -> dict[str, str]:
    """Return the environment variables that tell an app of its Redis."""
    return list_variables(app["name"], app["redis"]["scheme"]) if app["redis"] else {}


def redis_units(app: App) -> list[str]:
    """Return the units for which an app waits at boot; it goes on without them."""
    return [RedisLayout.of(app["name"]).unit] if app["redis"] else []


def summarise_redis(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each Redis to which a run has done something, and one for that of Debian where it is to be known of."""
    lines = [
        f"{name}, its Redis: {', '.join(outcome['notes'])}" for name, outcome in result.get("instances", {}).items() if outcome["notes"]
    ]
    if result.get("debians") == "stopped":
        lines.append(
            "redis-server.service, which Debian's package had started on port 6379 for all users and nobody had used, is stopped for good"
        )
    elif result.get("debians") == "left" and lines:
        lines.append(
            "ATTENTION: redis-server.service was there before and goes on. No app needs it, and all reach it, if it has no password. If "
            "nobody needs it: `systemctl disable --now redis-server`"
        )
    return lines


def _find_value_problems(app: App) -> Problems:
    if not app["redis"]:
        return
    size = app["redis"]["max_memory"]
    try:
        too_small = parse_size(size) < LEAST
    except UserError:
        yield f"redis.max_memory is {show(size)}; allowed is a whole number with M (MiB) or G (GiB), such as 128M or 2G"
        return
    if too_small:
        yield f"redis.max_memory is {show(size)}; it must be 8M or more, for an empty Redis takes some already"


def _find_given_variables(app: App) -> Problems:
    for variable in VARIABLES if app["redis"] else ():
        if variable in app["env"]:
            yield f"env.{variable} is given, and tells the app of its `redis` already; take one of the two out"
        for service in (name for name in app["uses"] if name_service_variable(name) == variable):
            yield f"uses names {service!r}, whose URL would be in {variable}, which tells the app of its `redis`; rename that service"


FINDERS = (_find_value_problems, _find_given_variables)
