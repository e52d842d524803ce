"""What was broken by hand, or by chance, is repaired by the next run, and by each run after one that was stopped on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes.host import World
from fakes.memory import UNITS, Node, Unit
from fakes.runs import LAYOUT, deployed, describe, identify, install

FORMER, APP = describe("b1"), describe("b2")
LIVE = identify(APP)
RELEASE = str(LAYOUT.release(LIVE))


def delete(world: World, place: str) -> None:
    world.nodes = {path: node for path, node in world.nodes.items() if path != place and not path.startswith(f"{place}/")}


def stop_units(world: World) -> None:
    world.units = {name: unit._replace(active="inactive") for name, unit in world.units.items()}


def stop_service(world: World) -> None:
    unit = world.service_unit(LIVE)
    world.units[unit] = Unit("failed", restarts=world.units[unit].restarts)


def disable(world: World) -> None:
    world.nodes = {path: node for path, node in world.nodes.items() if ".wants/" not in path}


def garble(world: World) -> None:
    world.nodes[f"{RELEASE}/release.json"] = world.nodes[f"{RELEASE}/release.json"]._replace(text="{{")


def delete_units(world: World) -> None:
    for kind in ("service", "socket"):
        delete(world, f"{UNITS}/shop@.{kind}")


def link_to_nothing(world: World) -> None:
    world.nodes[str(LAYOUT.current)] = Node("link", "releases/000000000000")


BROKEN: dict[str, Callable[[World], None]] = {
    "the link is deleted": lambda world: delete(world, str(LAYOUT.current)),
    "the link leads to nothing": link_to_nothing,
    "the socket is deleted": lambda world: delete(world, world.socket(LIVE)),
    "everything is stopped": stop_units,
    "the service has failed": stop_service,
    "the release starts at boot no more": disable,
    "the record is garbled": garble,
    "the record is deleted": lambda world: delete(world, f"{RELEASE}/release.json"),
    "the variables are deleted": lambda world: delete(world, f"{RELEASE}/env"),
    "the release is deleted": lambda world: delete(world, RELEASE),
    "the units are deleted": delete_units,
}


@pytest.mark.parametrize("how", BROKEN)
def test_the_next_run_repairs_it_and_the_one_after_it_has_nothing_to_do(how: str) -> None:
    world = install(deployed(FORMER), deployed(APP))
    intact = {place for place in world.nodes if LIVE in place}
    BROKEN[how](world)
    outcome = deployed(APP)(world)
    assert "error" not in outcome
    assert outcome["changed"]
    met, answer = world.visit()
    assert (met, answer.status) == (LIVE, 200)
    assert {place for place in world.nodes if LIVE in place} == intact
    assert {unit: known.active for unit, known in world.units.items() if known.active != "inactive"} == dict.fromkeys(
        LAYOUT.units(LIVE), "active"
    )
    assert deployed(APP)(world)["changed"] is False
