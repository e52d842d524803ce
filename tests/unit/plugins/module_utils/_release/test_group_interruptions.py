"""The switch of a group that is stopped before any of its steps leaves users served, and the next run brings all members to one side."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party, read_group
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import Process
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.removal import remove
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back_party
from fakes.host import World
from fakes.memory import release_of
from fakes.parts import FakeRemains
from fakes.runs import PROXY, deployed, deployed_together, describe, identify, install, rested

SHOP, CART = AppLayout.of("shop"), AppLayout.of("cart")
Run = Callable[[World], dict[str, dict[str, Any]]]
Pair = tuple["str | None", "str | None"]
ALONE = {"name": "beat", "unit": "# webstack.flask\n[Service]\n", "count": 1, "exclusive": True}


@pytest.fixture(autouse=True)
def word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all releases have the same word, so that hosts can be compared."""
    monkeypatch.setattr(secrets, "token_hex", lambda count: "f" * 2 * count)


def shop(build: str, behaves: str = "good", **changes: object) -> dict[str, Any]:
    return describe(build, behaves, group="store", **changes)


def cart(build: str, behaves: str = "good", **changes: object) -> dict[str, Any]:
    return describe(build, behaves, name="cart", group="store", proxy={**PROXY, "host": "cart.test"}, **changes)


def alone(app: dict[str, Any]) -> Run:
    """Return a run that names one app, which has no group any more."""
    run = deployed({**app, "group": ""})
    return lambda world: {app["name"]: run(world)}


def rolled_back(world: World) -> dict[str, dict[str, Any]]:
    """Run the module rollback for the group."""
    return roll_back_party(Party([shop("b1"), cart("b1")]), Way("previous"), 1, world.host, check=False)


def cart_removed(world: World) -> dict[str, dict[str, Any]]:
    """Run the module app_removal for one of the two."""
    app = {"name": "cart", "root": None, "remove_data": False}
    return {"cart": remove(app, {"backups": "/var/backups", "lock_timeout": 1}, world.host, FakeRemains(world), check=False)}


def start(*runs: Run) -> World:
    """Return a host with both apps on which some runs have been."""
    world = install()
    world.beside = CART
    for run in runs:
        assert not [outcome for outcome in run(world).values() if "error" in outcome]
    return rested(world)


def both(build: str) -> Pair:
    return identify(shop(build)), identify(cart(build))


@dataclass(frozen=True)
class Scenario:
    """A run that is stopped, and where users are after the next one."""

    start: World
    run: Run
    ends: list[Pair]
    fails: bool = False
    then: Run | None = None
    meets: list[Pair] = field(default_factory=list)
    """What users may meet on the way, besides what there is before and in the end."""


def scenarios() -> dict[str, Scenario]:
    live = start(deployed_together(shop("b1"), cart("b1")), deployed_together(shop("b2"), cart("b2")))
    working = start(deployed_together(shop("b2", processes=[ALONE]), cart("b2")))
    bad, idle = cart("b3", "garbled"), cart("b3", "idle", processes=[{**ALONE, "name": "mail", "exclusive": False}])
    new = deployed_together(shop("b3"), cart("b3"))
    with_process = identify(shop("b2", processes=[ALONE]))
    return {
        "deploy": Scenario(live, new, [both("b3")]),
        "first deploy": Scenario(start(), deployed_together(shop("b1"), cart("b1")), [both("b1")]),
        "deploy of which one is new on the host": Scenario(start(alone(shop("b2"))), new, [both("b3")]),
        "deploy of which one stays": Scenario(live, deployed_together(shop("b2"), cart("b3")), [(both("b2")[0], both("b3")[1])]),
        "deploy of which one is no good through the web server": Scenario(
            live, deployed_together(shop("b3"), bad), [both("b2")], fails=True, meets=[(both("b3")[0], identify(bad))]
        ),
        "deploy of which the processes of one die": Scenario(
            working,
            deployed_together(shop("b3", processes=[ALONE]), idle),
            [(with_process, both("b2")[1])],
            fails=True,
            meets=[(identify(shop("b3", processes=[ALONE])), identify(idle))],
        ),
        "rollback": Scenario(live, rolled_back, [both("b1"), both("b2")]),
        "deploy, then a run of one alone": Scenario(
            live, new, [both("b2"), (both("b2")[0], both("b3")[1])], then=alone(shop("b2")), meets=[both("b3")]
        ),
        "deploy, then a removal of one": Scenario(
            live, new, [(both("b2")[0], None), (both("b3")[0], None)], then=cart_removed, meets=[both("b3")]
        ),
    }


def reached(world: World) -> Pair:
    """Return where the links lead."""
    links = [world.nodes.get(str(layout.current)) for layout in (SHOP, CART)]
    first, second = [link.text.rpartition("/")[2] if link else None for link in links]
    return first, second


def look_after_stop(world: World, scenario: Scenario) -> None:
    """See that users of each app are served by a release of it that is good, or that there was none before."""
    allowed = {reached(scenario.start), *scenario.ends, *scenario.meets}
    assert not world.cut_off
    assert not world.doubled
    for number, layout in enumerate((SHOP, CART)):
        met, said = world.copy().visit(layout=layout)
        may_meet = {pair[number] for pair in allowed}
        assert (met if said.release or reached(world)[number] else None) in may_meet, (met, may_meet)
        assert said.status == 200 or None in may_meet or world.behaviour(met) != "good"


def look_at_end(world: World, scenario: Scenario, outcomes: dict[str, dict[str, Any]], before: World) -> Pair:
    """See that all members are on one side, nothing else runs or would, and nothing is left over; return where users are."""
    look_after_stop(world, scenario)
    assert {("error" in outcome) for outcome in outcomes.values()} == {scenario.fails}, outcomes
    ends = reached(world)
    assert ends in scenario.ends, (world.history, outcomes)
    group = read_group(world.host, "store")
    assert not group.moves
    # What is left of an app, but for where its users are, goes with the next run that names it.
    absent = next((layout.name for layout in (SHOP, CART) if layout.name not in outcomes), "none")
    after_a_cut = world.copy()
    after_a_cut.cut_power(len(world.unsynced))
    for each in (world.copy(), after_a_cut):
        serving = set[str]()
        for layout, release in zip((SHOP, CART), ends, strict=True):
            if release is None:
                continue
            record = read_record(layout, each.host, release)
            assert record
            assert record.healthy, (world.history, outcomes, each is after_a_cut)
            work = [unit for process in record.processes for unit in Process.of(process).list_units(layout, release)]
            serving |= {*layout.units(release), *work}
        running = {unit for unit, known in each.units.items() if known.active not in ("inactive", "deactivating")}
        waiting = {place.rpartition("/")[2] for place in each.nodes if ".wants/" in place}
        assert serving <= running & waiting
        assert {unit for unit in (running | waiting) - serving if not unit.startswith(f"{absent}@")} == set()
    look_at_records(world, scenario, group.sets, before)
    left = [place for place in world.nodes if ".random" in place or place.endswith(".new") or "/.removed-" in place]
    assert [place for place in left if f"/{absent}/" not in place and (absent == "none" or "/groups/" not in place)] == []
    return ends


def look_at_records(world: World, scenario: Scenario, sets: tuple[Any, ...], before: World) -> None:
    """See that the set that serves is the last that is known, and that no release that was good is noted as one that failed."""
    ends = reached(world)
    if scenario.fails or scenario.then is not None:
        assert not any("cart" in one for one in sets) or scenario.then is not cart_removed
        good = {release for pair in (both("b2"), both("b3")) for release in pair}
        records = [(layout, release_of(f"@{name}.x")) for layout in (SHOP, CART) for name in world.host.files.names(layout.releases)]
        assert not [each for each in records if each[1] in good and (found := read_record(each[0], world.host, each[1])) and found.failed]
        return
    assert sets[0] == {"shop": ends[0], "cart": ends[1]}
    if reached(before) != ends and None not in reached(before) and reached(before) in (both("b1"), both("b2")):
        assert sets[1] == dict(zip(("shop", "cart"), reached(before), strict=True))


NAMES = [
    "deploy",
    "first deploy",
    "deploy of which one is new on the host",
    "deploy of which one stays",
    "deploy of which one is no good through the web server",
    "deploy of which the processes of one die",
    "rollback",
    "deploy, then a run of one alone",
    "deploy, then a removal of one",
]


def _note_stops(stopped: list[World], world: World) -> None:
    stopped.extend(world.after_stop())


def explore(scenario: Scenario, depth: int = 1, every: int = 1) -> set[Pair]:
    """Stop a run before each of its steps, let the next one go, and stop each `every`-th of these likewise; return where users were then.

    A pair is where users are between a stop and the next run.
    """
    seen, between = set[object](), set[Pair]()
    edge = [scenario.start]
    for level in range(depth + 1):
        stopped: list[World] = []
        run = scenario.run if level == 0 or scenario.then is None else scenario.then
        for number, before in enumerate(edge):
            world = before.copy()
            if level < depth and (level == 0 or number % every == 0):
                world.watcher = partial(_note_stops, stopped)
            outcomes = run(world)
            if level or scenario.then is None:
                look_at_end(world, scenario, outcomes, before)
        edge = []
        for world in stopped:
            if world.state not in seen:
                seen.add(world.state)
                look_after_stop(world, scenario)
                between.add(reached(world))
                edge.append(rested(world))
    print(len(seen))
    return between


@pytest.mark.parametrize("name", NAMES)
def test_after_a_stop_before_any_step_users_are_served_and_the_next_run_brings_all_to_one_side(name: str) -> None:
    scenario = scenarios()[name]
    between = explore(scenario)
    # The two links are not moved at one instant, and a run that is stopped between is what the next one is to finish.
    assert len(between) >= 3 or name == "deploy of which one stays"


def test_after_two_stops_between_the_links_the_next_run_brings_all_to_one_side() -> None:
    scenario, halves = scenarios()["deploy"], list[World]()
    world = scenario.start.copy()
    world.watcher = lambda seen: halves.append(rested(seen)) if reached(seen)[0] != reached(scenario.start)[0] else None
    scenario.run(world)
    between = [half for half in halves if reached(half)[1] == reached(scenario.start)[1]]
    assert between
    for half in (between[0], between[-1]):
        explore(replace(scenario, start=half, meets=[both("b2")]))
