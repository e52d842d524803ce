"""Runs of the collection's modules on a host in memory, and hosts on which some have been."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import deploy, deploy_party, read_spec
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party

from fakes.host import World
from fakes.memory import UNITS, Node

LAYOUT = AppLayout.of("shop")
HEALTH = {"path": "/", "statuses": [200], "timeout": 1, "interval": 0.2, "deadline": 2}
PROXY = {"address": "127.0.0.1", "port": 80, "host": "shop.test", "tls": False, "certified": None}


Operation = Callable[[World], dict[str, Any]]


def describe(build: str, behaves: str = "good", **changes: object) -> dict[str, Any]:
    """Return one of the apps of the module releases."""
    # With its name, releases of different apps are different.
    named = {"NAME": changes["name"]} if "name" in changes else {}
    variables = base64.b64encode(json.dumps({"BEHAVES": behaves, **named}).encode()).decode()
    app: dict[str, Any] = {
        "name": "shop",
        "root": None,
        "build": build,
        "environment": "e1",
        "version": "",
        "variables": variables,
        "gunicorn_conf": "workers = 1\n",
        "service": "# webstack.flask\n[Service]\n",
        "socket": "# webstack.flask\n",
        "drop_in": "",
        "health": HEALTH,
        "proxy": PROXY,
        "drain": 30,
        "watch": 1,
        "keep": 1,
        "commands": [],
        "setup": [],
        "database": None,
        "processes": [],
        "services": [],
        "schedules": [],
        "command_timeout": 300,
        "chdir": "",
        "env_files": [],
        "shared": {"directories": [], "files": []},
        "public": [],
        "web_group": "www-data",
        "sites_stay": False,
        "group": "",
    }
    return app | changes


def deployed(app: dict[str, Any]) -> Operation:
    """Return a run of the module releases, before which others have made the build and the environment."""

    def run(world: World) -> dict[str, Any]:
        _put_parts(world, app)
        return deploy(app, 1, world.host, check=False)[0]

    return run


def _put_parts(world: World, app: dict[str, Any]) -> None:
    layout = AppLayout.of(app["name"])
    for path in (layout.build(app["build"]), layout.environment(app["environment"])):
        world.nodes |= {str(place): Node("dir") for place in (*path.parents, path) if str(place) not in world.nodes}


def deployed_together(*apps: dict[str, Any], check: bool = False) -> Callable[[World], dict[str, dict[str, Any]]]:
    """Return a run of the module releases for the members of a group."""

    def run(world: World) -> dict[str, dict[str, Any]]:
        for app in apps:
            _put_parts(world, app)
        return {name: outcome for name, (outcome, _diff) in deploy_party(Party([*apps]), 1, world.host, check=check).items()}

    return run


def identify(app: dict[str, Any]) -> str:
    """Return the release of which an app is described."""
    return read_spec(app).id or ""


def install(*operations: Operation) -> World:
    """Return a host on which some runs have been."""
    world = World(LAYOUT, {place: Node("dir") for place in ("/", "/etc", "/etc/systemd", UNITS)})
    for operation in operations:
        assert "error" not in operation(world)
        assert world.visit()[1].status == 200
    return rested(world)


def rested(world: World) -> World:
    """Return a host half a minute later: its writes have reached the disk, and its requests have ended."""
    world = world.copy()
    world.unsynced, world.requests, world.visits, world.cut_off, world.clock = [], {}, frozenset(), frozenset(), 0
    world.units, world.doubled = {unit: known for unit, known in world.units.items() if known.active != "deactivating"}, frozenset()
    return world
