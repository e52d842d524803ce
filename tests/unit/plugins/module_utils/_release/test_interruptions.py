"""A run that is stopped before any of its steps, by a kill or a power cut, leaves users served, and the next run finishes.

So does the one after that, where the next one is stopped as well.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.options import read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.processes import Process
from ansible_collections.webstack.flask.plugins.module_utils._release.record import choose_previous, is_unfinished
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record, read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.removal import remove
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import Transaction
from fakes.host import World
from fakes.memory import UNITS, Node, Stopped, release_of
from fakes.parts import FakeRemains
from fakes.runs import LAYOUT, Operation, deployed, describe, identify, install, rested

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING, SILENCE = "nothing", "nothing that listens"


@pytest.fixture(autouse=True)
def word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all releases have the same word, so that hosts can be compared."""
    monkeypatch.setattr(secrets, "token_hex", lambda count: "f" * 2 * count)


def rolled_back(to: str = "previous") -> Operation:
    """Return a run of the module rollback."""
    app = {key: value for key, value in describe("").items() if key in ("name", "root", "health", "proxy", "drain", "watch", "group")}
    return lambda world: roll_back(app, Way(to), 1, world.host, check=False)


def removed(world: World) -> dict[str, Any]:
    """Run the module app_removal."""
    app = {"name": "shop", "root": None, "remove_data": False}
    return remove(app, {"backups": "/var/backups", "lock_timeout": 1}, world.host, FakeRemains(world), check=False)


def spoiled(live: World) -> World:
    """Return a host on which a deploy was cut off after the link, whose release is no good any more."""
    worlds: list[World] = []
    world = live.copy()
    world.watcher = lambda seen: worlds.append(rested(seen)) if reached(seen) == NEXT else None
    deployed(NEW)(world)
    env = f"{LAYOUT.release(NEXT)}/env"
    worlds[0].nodes[env] = Node("file", "BEHAVES=sick\n", worlds[0].nodes[env].access)
    return worlds[0]


@dataclass(frozen=True)
class Scenario:
    """A run that is stopped, and what comes of it in the end."""

    start: World
    run: Operation
    ends: str
    """The release that users reach in the end."""

    meets: frozenset[str]
    """What users may meet on the way."""

    fails: bool = False
    previous: tuple[str | None, ...] = (None,)
    """Where a rollback may lead then."""

    returns: str = ""
    """The release to which a second run of the same leads, where it is another one."""

    then: Operation | None = None
    """The next run, if it is another one."""


OLD, NOW, NEW = describe("b1"), describe("b2"), describe("b3")
OLDER, LIVE, NEXT = map(identify, (OLD, NOW, NEW))


def _bad(behaves: str, **changes: object) -> dict[str, Any]:
    return describe("b3", behaves, **changes)


def _process(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "unit": f"# webstack.flask\n[Service]\nExecStart={name}\n", "count": 1, "exclusive": False, **more}


WORK = (_process("mail", count=2), _process("beat", exclusive=True))
ALONE = "shop.beat"


def _at_work(build: str, behaves: str = "good", processes: Sequence[dict[str, Any]] = WORK) -> dict[str, Any]:
    return describe(build, behaves, processes=[*processes])


def _unasked(build: str, behaves: str = "good") -> dict[str, Any]:
    """Return the app without a web process."""
    return _at_work(build, behaves) | {"gunicorn_conf": "", "socket": "", "proxy": None}


JOBS = ({"name": "digest", "unit": "# webstack.flask\n[Service]\n", "at": "daily UTC", "missed": "run"},)
TIMER = LAYOUT.timer_unit("digest")


def _in_time(build: str, behaves: str = "good", schedules: Sequence[dict[str, Any]] = JOBS) -> dict[str, Any]:
    return describe(build, behaves, schedules=[*schedules])


@cache
def scenarios() -> dict[str, Scenario]:
    live = install(deployed(OLD), deployed(NOW))
    before = frozenset({LIVE})
    command = describe("b3", commands=["flask db upgrade"])
    failing = describe("b3", commands=["false"])
    tuned = describe("b3", drop_in="# webstack.flask\nMemoryMax=1G\n")
    refused = describe("b3", drop_in="# webstack.flask\nUnknown=1\n")
    fourth = describe("b4")
    back = install(deployed(OLD), deployed(NOW), rolled_back())
    working = install(deployed(_at_work("b1")), deployed(_at_work("b2")))
    earlier, worker, next_worker, idle = map(identify, (_at_work("b1"), _at_work("b2"), _at_work("b3"), _at_work("b3", "idle")))
    others = [_process("beat", exclusive=True), _process("other")]
    unknown = _at_work("b3", processes=[WORK[0], _process("other", unit="# webstack.flask\n[Service]\nUnknown=1\n")])
    more = [{**WORK[0], "count": 3}, WORK[1]]
    fewer = [{**WORK[0], "count": 1}, WORK[1]]
    alone = install(deployed(_unasked("b1")), deployed(_unasked("b2")))
    first, lonely, next_lonely, lost = map(identify, (_unasked("b1"), _unasked("b2"), _unasked("b3"), _unasked("b3", "idle")))
    timed = install(deployed(_in_time("b1")), deployed(_in_time("b2")))
    early, timely, next_timely, ill = map(identify, (_in_time("b1"), _in_time("b2"), _in_time("b3"), _in_time("b3", "sick")))
    asleep = suspended(timed)
    other_times = [{**JOBS[0], "at": "hourly UTC"}, {**JOBS[0], "name": "nightly"}]
    return {
        "first deploy": Scenario(install(), deployed(OLD), OLDER, frozenset({NOTHING, OLDER})),
        "first deploy that fails": Scenario(install(), deployed(_bad("sick")), NOTHING, frozenset({NOTHING}), fails=True),
        "first deploy that fails late": Scenario(
            install(), deployed(_bad("garbled")), NOTHING, frozenset({NOTHING, identify(_bad("garbled"))}), fails=True
        ),
        "deploy": Scenario(live, deployed(NEW), NEXT, before | {NEXT}, previous=(LIVE,)),
        "deploy of what was live before": Scenario(live, deployed(OLD), OLDER, before | {OLDER}, previous=(LIVE,)),
        "deploy of one that starts slowly": Scenario(
            live, deployed(_bad("slow")), identify(_bad("slow")), before | {identify(_bad("slow"))}, previous=(LIVE,)
        ),
        "deploy with a drop-in": Scenario(live, deployed(tuned), identify(tuned), before | {identify(tuned)}, previous=(LIVE,)),
        "deploy with a release command": Scenario(
            live, deployed(command), identify(command), before | {identify(command)}, previous=(LIVE,)
        ),
        **{
            f"deploy of one that is {behaves}": Scenario(live, deployed(_bad(behaves)), LIVE, before, fails=True, previous=(OLDER,))
            for behaves in ("sick", "dead", "silent")
        },
        **{
            f"deploy of one that is {behaves}": Scenario(
                live, deployed(_bad(behaves)), LIVE, before | {identify(_bad(behaves))}, fails=True, previous=(OLDER,)
            )
            for behaves in ("fragile", "garbled", "late")
        },
        "deploy whose release command fails": Scenario(live, deployed(failing), LIVE, before, fails=True, previous=(OLDER,)),
        "deploy whose drop-in is refused": Scenario(live, deployed(refused), LIVE, before, fails=True, previous=(OLDER,)),
        "recovery from a cut-off deploy that proves bad": Scenario(
            spoiled(live), deployed(fourth), identify(fourth), before | {NEXT, identify(fourth)}, previous=(LIVE,)
        ),
        "rollback": Scenario(live, rolled_back(), OLDER, before | {OLDER}, previous=(LIVE, OLDER), returns=LIVE),
        "rollback by name": Scenario(live, rolled_back(OLDER), OLDER, before | {OLDER}, previous=(LIVE,)),
        "rollback of a rollback": Scenario(back, rolled_back(), LIVE, before | {OLDER}, previous=(LIVE, OLDER), returns=OLDER),
        "first deploy with processes": Scenario(install(), deployed(_at_work("b1")), earlier, frozenset({NOTHING, earlier})),
        "deploy with processes": Scenario(
            working, deployed(_at_work("b3")), next_worker, frozenset({worker, next_worker}), previous=(worker,)
        ),
        "deploy with other processes": Scenario(
            working,
            deployed(_at_work("b3", processes=others)),
            identify(_at_work("b3", processes=others)),
            frozenset({worker, identify(_at_work("b3", processes=others))}),
            previous=(worker,),
        ),
        "deploy without processes any more": Scenario(working, deployed(NEW), NEXT, frozenset({worker, NEXT}), previous=(worker,)),
        "deploy whose processes die": Scenario(
            working, deployed(_at_work("b3", "idle")), worker, frozenset({worker, idle}), fails=True, previous=(earlier,)
        ),
        "deploy with a process that is refused": Scenario(
            working, deployed(unknown), worker, frozenset({worker}), fails=True, previous=(earlier,)
        ),
        "more of a process": Scenario(working, deployed(_at_work("b2", processes=more)), worker, frozenset({worker}), previous=(earlier,)),
        "fewer of a process": Scenario(
            working, deployed(_at_work("b2", processes=fewer)), worker, frozenset({worker}), previous=(earlier,)
        ),
        "rollback with processes": Scenario(
            working, rolled_back(), earlier, frozenset({worker, earlier}), previous=(worker, earlier), returns=worker
        ),
        "removal with processes": Scenario(working, removed, NOTHING, frozenset({worker, SILENCE, NOTHING})),
        "first deploy without a web process": Scenario(install(), deployed(_unasked("b1")), first, frozenset({NOTHING, first})),
        "deploy without a web process": Scenario(
            alone, deployed(_unasked("b3")), next_lonely, frozenset({lonely, next_lonely}), previous=(lonely,)
        ),
        "deploy without a web process whose others die": Scenario(
            alone, deployed(_unasked("b3", "idle")), lonely, frozenset({lonely, lost}), fails=True, previous=(first,)
        ),
        "deploy without a web process any more": Scenario(
            working, deployed(_unasked("b3")), next_lonely, frozenset({worker, next_lonely}), previous=(worker,)
        ),
        "deploy with a web process again": Scenario(
            alone, deployed(_at_work("b3")), next_worker, frozenset({lonely, next_worker}), previous=(lonely,)
        ),
        "rollback without a web process": Scenario(
            alone, rolled_back(), first, frozenset({lonely, first}), previous=(lonely, first), returns=lonely
        ),
        "removal without a web process": Scenario(alone, removed, NOTHING, frozenset({lonely, SILENCE, NOTHING})),
        "first deploy with a schedule": Scenario(install(), deployed(_in_time("b1")), early, frozenset({NOTHING, early})),
        "deploy with the same schedule": Scenario(
            timed, deployed(_in_time("b3")), next_timely, frozenset({timely, next_timely}), previous=(timely,)
        ),
        "deploy with other schedules": Scenario(
            timed,
            deployed(_in_time("b3", schedules=other_times)),
            identify(_in_time("b3", schedules=other_times)),
            frozenset({timely, identify(_in_time("b3", schedules=other_times))}),
            previous=(timely,),
        ),
        "deploy with other schedules, of which one was suspended": Scenario(
            asleep,
            deployed(_in_time("b3", schedules=other_times)),
            identify(_in_time("b3", schedules=other_times)),
            frozenset({timely, identify(_in_time("b3", schedules=other_times))}),
            previous=(timely,),
        ),
        "deploy without schedules any more": Scenario(timed, deployed(NEW), NEXT, frozenset({timely, NEXT}), previous=(timely,)),
        "deploy with a schedule that is no good": Scenario(
            timed, deployed(_in_time("b3", "sick")), timely, frozenset({timely, ill}), fails=True, previous=(early,)
        ),
        "rollback with a schedule": Scenario(
            timed, rolled_back(), early, frozenset({timely, early}), previous=(timely, early), returns=timely
        ),
        "removal with a schedule": Scenario(timed, removed, NOTHING, frozenset({timely, SILENCE, NOTHING})),
        "deploy, then another one": Scenario(
            live,
            deployed(NEW),
            identify(fourth),
            before | {NEXT, identify(fourth)},
            previous=(LIVE, NEXT),
            then=deployed(fourth),
        ),
        "rollback, then a deploy": Scenario(live, rolled_back(), NEXT, before | {OLDER, NEXT}, previous=(LIVE, OLDER), then=deployed(NEW)),
        "deploy, then a removal": Scenario(live, deployed(NEW), NOTHING, frozenset({LIVE, NEXT, SILENCE, NOTHING}), then=removed),
        "removal": Scenario(live, removed, NOTHING, frozenset({LIVE, SILENCE, NOTHING})),
    }


def suspended(world: World) -> World:
    """Return a host on which somebody has just suspended the job, whose timer still waits."""
    world = world.copy()
    world.nodes |= {str(LAYOUT.suspended): Node("dir"), str(LAYOUT.suspended / "digest"): Node("file")}
    return world


def look_after_stop(world: World, scenario: Scenario) -> None:
    """See that users of a host on which a run was stopped are where they may be, and are served if the release can serve."""
    assert world.visits <= scenario.meets
    assert not world.cut_off
    assert ALONE not in world.doubled
    look_at_jobs(world)
    met, said = world.copy().visit()
    assert met in scenario.meets
    assert said.status == 200 or met in (NOTHING, SILENCE) or world.behaviour(met) != "good"


def look_at_end(world: World, scenario: Scenario, outcome: dict[str, Any], start: World) -> None:
    """See that a run has ended as it should: the right release serves, nothing else runs or would, and nothing is left over."""
    ends = find_end(scenario, start)
    look_after_stop(world, scenario)
    assert ("error" in outcome) == scenario.fails, outcome
    after_a_cut = world.copy()
    after_a_cut.cut_power(len(world.unsynced))
    for each in (world.copy(), after_a_cut):
        assert removed in (scenario.run, scenario.then) or each.visit()[0] == ends
        running = {unit: known for unit, known in each.units.items() if known.active not in ("inactive", "deactivating")}
        record = read_record(LAYOUT, each.host, ends)
        units = [] if record is None else [*(LAYOUT.units(ends) if record.web else ()), *list_processes(each, ends)]
        serving = dict.fromkeys(units, "active")
        waiting = [one["name"] for one in record.schedules if str(LAYOUT.suspended / one["name"]) not in each.nodes] if record else []
        serving |= dict.fromkeys(map(LAYOUT.timer_unit, waiting), "active")
        if record and record.schedules:
            assert each.nodes[str(LAYOUT.jobs)].text == f"releases/{ends}"
        assert {unit: known.active for unit, known in running.items()} == serving
        assert all(known.weight is None for known in running.values())
        assert {place.rpartition("/")[2] for place in each.nodes if ".wants/" in place} == set(serving)
    look_at_files(world, scenario)
    look_at_records(world, scenario, start)


def look_at_jobs(world: World) -> None:
    """See that a job that is started now would run in a release that has proven good."""
    link = world.nodes.get(str(LAYOUT.jobs))
    timers = [unit for unit in world.units if unit.endswith(".timer")]
    if link is None or not timers:
        return
    record = read_record(LAYOUT, world.host, link.text.rpartition("/")[2])
    assert record is not None
    assert record.verified
    assert not record.failed
    for timer in timers:
        assert str(LAYOUT.unit_file(LAYOUT.job_unit(record.id, timer.split(".")[1]))) in world.nodes


def list_processes(world: World, release: str) -> list[str]:
    """Return the units of the processes that a release has."""
    record = read_record(LAYOUT, world.host, release)
    return [unit for process in record.processes for unit in Process.of(process).list_units(LAYOUT, release)] if record else []


def find_end(scenario: Scenario, start: World) -> str:
    """Return the release that users reach after the next run, given the host that it finds.

    Where a first deploy was cut off after the link, users stay with what there is, be it no good. A rollback that was cut off when all was
    done but to say so is followed by a second one, which goes back.
    """
    current = reached(start)
    if scenario.fails and scenario.ends == NOTHING:
        return current
    if scenario.returns and current == scenario.ends and not is_unfinished(read_records(LAYOUT, start.host), current):
        return scenario.returns
    return scenario.ends


def reached(world: World) -> str:
    """Return where the link leads."""
    link = world.nodes.get(str(LAYOUT.current))
    return link.text.rpartition("/")[2] if link else NOTHING


def look_at_files(world: World, scenario: Scenario) -> None:
    """See that nothing half-written is left, and no link or drop-in of a release that is gone."""
    assert [place for place in world.nodes if ".random" in place or place.endswith(".new") or "/.removed-" in place] == []
    units = [place for place in world.nodes if place.startswith(f"{UNITS}/shop.")]
    assert [place for place in units if str(LAYOUT.release(release_of(place.rpartition("/")[2]))) not in world.nodes] == []
    for link in (LAYOUT.current, LAYOUT.previous):
        node = world.nodes.get(str(link))
        assert node is None or f"{LAYOUT.root}/{node.text}" in world.nodes, link
    if removed in (scenario.run, scenario.then):
        left = sorted(place for place in world.nodes if "shop" in place)
        assert left == [f"{LAYOUT.root}{rest}" for rest in ("", "/.webstack-flask", "/shared")]
        assert not world.accounts
    drop_ins = {place.partition("@")[2].partition(".")[0] for place in world.nodes if ".service.d" in place}
    assert all(str(LAYOUT.release(release)) in world.nodes for release in drop_ins)


def look_at_records(world: World, scenario: Scenario, start: World) -> None:
    """See that the release that serves is known as good, and that a rollback would lead to the one that users reached before."""
    if NOTHING in (scenario.ends, ends := reached(world)):
        return
    record, came_from = read_record(LAYOUT, world.host, ends), reached(start)
    assert record
    assert record.healthy
    previous = choose_previous(read_records(LAYOUT, world.host), ends)
    assert (previous.id if previous else None) in scenario.previous
    if came_from in scenario.previous and came_from != ends:
        assert previous
        assert previous.id == came_from


NAMES = [
    "first deploy",
    "first deploy that fails",
    "first deploy that fails late",
    "deploy",
    "deploy of what was live before",
    "deploy of one that starts slowly",
    "deploy with a drop-in",
    "deploy with a release command",
    "deploy of one that is sick",
    "deploy of one that is dead",
    "deploy of one that is silent",
    "deploy of one that is fragile",
    "deploy of one that is garbled",
    "deploy of one that is late",
    "deploy whose release command fails",
    "deploy whose drop-in is refused",
    "recovery from a cut-off deploy that proves bad",
    "rollback",
    "rollback by name",
    "rollback of a rollback",
    "first deploy with processes",
    "deploy with processes",
    "deploy with other processes",
    "deploy without processes any more",
    "deploy whose processes die",
    "deploy with a process that is refused",
    "more of a process",
    "fewer of a process",
    "rollback with processes",
    "removal with processes",
    "first deploy without a web process",
    "deploy without a web process",
    "deploy without a web process whose others die",
    "deploy without a web process any more",
    "deploy with a web process again",
    "rollback without a web process",
    "removal without a web process",
    "first deploy with a schedule",
    "deploy with the same schedule",
    "deploy with other schedules",
    "deploy with other schedules, of which one was suspended",
    "deploy without schedules any more",
    "deploy with a schedule that is no good",
    "rollback with a schedule",
    "removal with a schedule",
    "deploy, then another one",
    "rollback, then a deploy",
    "deploy, then a removal",
    "removal",
]


@dataclass
class Found:
    """How much was looked at."""

    steps: int
    """Of the run that is stopped first, where nobody stops it."""

    stops: int = 0
    states: int = 0
    """Different hosts that the stops have left."""


def _note_stops(stopped: list[World], world: World) -> None:
    stopped.extend(world.after_stop())


def explore(scenario: Scenario, depth: int, every: int = 1) -> Found:
    """Stop a run before each of its steps, let the next one go, and stop that likewise, so often one after another.

    Of all hosts that were left by one stop, each `every`-th is looked at for a further one.
    """
    seen: set[object] = set()
    edge, found = [scenario.start], Found(0)
    for level in range(depth + 1):
        stopped: list[World] = []
        run = scenario.run if level == 0 or scenario.then is None else scenario.then
        for number, start in enumerate(edge):
            world = start.copy()
            if level < depth and (level == 0 or number % every == 0):
                world.watcher = partial(_note_stops, stopped)
            outcome = run(world)
            found.steps = found.steps or world.steps
            if level or scenario.then is None:
                look_at_end(world, scenario, outcome, start)
        edge = []
        found.stops += len(stopped)
        for world in stopped:
            if world.state not in seen:
                seen.add(world.state)
                look_after_stop(world, scenario)
                edge.append(rested(world))
    found.states = len(seen)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_after_a_stop_before_any_step_users_are_served_and_the_next_run_finishes(name: str) -> None:
    found = explore(scenarios()[name], 1)
    print(found)
    assert found.stops >= 2 * found.steps > 0
    assert found.states > found.steps


@pytest.mark.parametrize(
    ("name", "every"),
    [("first deploy", 1), ("deploy of what was live before", 1), ("rollback by name", 1), ("removal", 1), ("deploy with a drop-in", 9)],
)
def test_after_two_stops_before_any_steps_users_are_served_and_the_next_run_finishes(name: str, every: int) -> None:
    found = explore(scenarios()[name], 2, every)
    print(found)
    assert found.stops >= found.steps**2 / every


@pytest.mark.parametrize("name", ["deploy", "deploy of one that is garbled", "rollback", "removal"])
def test_a_run_that_is_stopped_does_nothing_more(name: str) -> None:
    scenario, before = scenarios()[name], list[object]()
    world = scenario.start.copy()
    world.watcher = lambda seen: before.append(seen.state)
    scenario.run(world)
    assert len(before) == world.steps
    for step, state in enumerate(before):
        world = scenario.start.copy()
        world.stop_at = step
        with pytest.raises(Stopped):
            scenario.run(world)
        assert (world.steps, world.state) == (step, state)


def test_a_run_with_nothing_to_do_does_nothing() -> None:
    command = describe("b3", commands=["flask db upgrade"])
    world = install(deployed(OLD), deployed(command))
    assert deployed(command)(world)["changed"] is False
    assert (world.steps, len(world.ran)) == (0, 1)


def _put_in_place() -> tuple[World, Transaction]:
    """Return a host with a release that is on the disk, and the transaction that leads to it."""
    world = install(deployed(OLD), deployed(NOW), deployed(NEW), rolled_back(LIVE))
    return world, Transaction.begin(read_switch(NEW, LAYOUT, world.host), NEXT)


def test_the_stages_one_after_another_do_what_the_whole_does() -> None:
    (whole, transaction), (parts, staged) = _put_in_place(), _put_in_place()
    transaction.run()
    met = []
    for stage in (staged.prepare, staged.commit, staged.confirm, staged.hand_over, staged.settle):
        stage()
        met.append(parts.visit()[0])
    assert met == [LIVE, NEXT, NEXT, NEXT, NEXT]
    assert {**parts.units, LAYOUT.service_unit(NEXT): None} == {**whole.units, LAYOUT.service_unit(NEXT): None}
    assert parts.nodes == whole.nodes


@pytest.mark.parametrize("stages", [1, 2, 3, 4])
def test_what_is_not_settled_can_be_taken_back(stages: int) -> None:
    world, transaction = _put_in_place()
    before = dict(world.nodes)
    for stage in (transaction.prepare, transaction.commit, transaction.confirm, transaction.hand_over)[:stages]:
        stage()
    transaction.revert(ReleaseFailed("it was not wanted"))
    assert world.visit()[0] == LIVE
    record = f"{LAYOUT.release(NEXT)}/release.json"
    assert "it was not wanted" in world.nodes[record].text
    assert {**world.nodes, record: before[record]} == before


def test_every_scenario_has_its_test() -> None:
    assert list(scenarios()) == NAMES
