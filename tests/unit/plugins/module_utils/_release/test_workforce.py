"""Processes that take much longer than a run to finish what they are at."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back
from fakes.host import World
from fakes.memory import UNITS, Node, Unit
from fakes.runs import LAYOUT, deployed, describe, identify, install


@pytest.fixture(autouse=True)
def _long_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakes.host.WORK", 5000)


def at_work(build: str, **changes: object) -> dict[str, Any]:
    unit = "# webstack.flask\n[Service]\nExecStart=work\n"
    return describe(build, processes=[{"name": "mail", "unit": unit, "count": 1, "exclusive": False, "watch": 1, **changes}])


def live() -> World:
    world = install(deployed(at_work("b1")))
    assert "error" not in deployed(at_work("b2"))(world)
    return world


def unit_of(build: str) -> str:
    return LAYOUT.process_unit(identify(at_work(build)), "mail")


def state(world: World, build: str) -> str:
    return world.units[unit_of(build)].active if unit_of(build) in world.units else "inactive"


def back(world: World) -> dict[str, Any]:
    app = {key: value for key, value in describe("").items() if key in ("name", "root", "health", "proxy", "drain", "watch", "group")}
    return roll_back(app, Way("previous"), 1, world.host, check=False)


def test_neither_a_run_nor_the_next_one_waits_and_nothing_that_it_needs_goes() -> None:
    world = live()
    for build in ("b3", "b4", "b5"):
        assert "error" not in deployed(at_work(build))(world)
    assert state(world, "b5") == "active"
    for build in ("b1", "b2", "b3", "b4"):
        assert state(world, build) == "deactivating"
        for path in (LAYOUT.release(identify(at_work(build))), LAYOUT.build(build), LAYOUT.unit_file(unit_of(build))):
            assert str(path) in world.nodes
    assert not deployed(at_work("b5"))(world)["changed"]


def test_what_it_needs_goes_once_it_has_ended() -> None:
    world = live()
    for build in ("b3", "b4"):
        deployed(at_work(build))(world)
    for build in ("b1", "b2", "b3"):
        world.set_unit(unit_of(build), Unit())
    world.clock += 1000
    deployed(at_work("b5"))(world)
    assert str(LAYOUT.release(identify(at_work("b1")))) not in world.nodes
    assert str(LAYOUT.unit_file(unit_of("b1"))) not in world.nodes


def test_one_that_still_ends_starts_again_by_itself_when_users_are_taken_back_to_it() -> None:
    world = live()
    assert "error" not in back(world)
    assert state(world, "b1") == "deactivating"
    assert not deployed(at_work("b1"))(world)["changed"]
    world.set_unit(unit_of("b1"), world.units[unit_of("b1")]._replace(left=1))
    world.pass_time()
    assert state(world, "b1") == "active"


def test_one_that_was_to_start_again_does_not_when_users_are_taken_on_before_it_has_ended() -> None:
    world = live()
    back(world)
    deployed(at_work("b3"))(world)
    for build in ("b1", "b2"):
        world.set_unit(unit_of(build), world.units[unit_of(build)]._replace(left=1))
    world.pass_time()
    assert [state(world, build) for build in ("b1", "b2", "b3")] == ["inactive", "inactive", "active"]


def test_a_unit_of_somebody_else_that_is_called_alike_is_left_alone() -> None:
    theirs = {f"{UNITS}/shop.mail@tty1.service", f"{UNITS}/multi-user.target.wants/shop.mail@tty1.service"}
    world = live()
    world.nodes |= {place: Node("file", "[Service]\nExecStart=theirs\n") for place in theirs}
    world.set_unit("shop.mail@tty1.service", Unit("active"))
    assert "error" not in deployed(at_work("b3"))(world)
    assert theirs <= set(world.nodes)
    assert world.units["shop.mail@tty1.service"].active == "active"


def test_a_worker_to_which_users_are_taken_back_finds_the_data_where_they_are_now() -> None:
    world = live()
    former, now = (f"# Written by webstack.flask.\n[Unit]\nRequiresMountsFor=/{disk}\n" for disk in ("old", "new"))
    file, other = (str(LAYOUT.unit_file(unit_of(build))) for build in ("b1", "b2"))
    own = "# webstack.flask\n[Service]\nExecStart=work\n"
    world.nodes |= {file: Node("file", own + former), other: Node("file", own + former)}
    world.nodes[str(LAYOUT.places)] = Node("file", now)
    assert "error" not in back(world)
    assert (world.nodes[file].text, world.nodes[other].text) == (own + now, own + former)


def test_one_too_many_that_was_stopped_by_hand_does_not_start_at_boot() -> None:
    world = install(deployed(at_work("b1", count=2)))
    second = LAYOUT.process_unit(identify(at_work("b1")), "mail", 2)
    world.set_unit(second, Unit())
    wants = f"{UNITS}/multi-user.target.wants/{second}"
    assert wants in world.nodes
    assert deployed(at_work("b1"))(world)["changed"]
    assert wants not in world.nodes
    assert state(world, "b1") == "active"
    assert not deployed(at_work("b1"))(world)["changed"]


def test_where_the_site_stays_a_release_without_a_web_process_is_refused_before_anything_is_changed() -> None:
    world, alone = live(), {"gunicorn_conf": "", "service": "", "socket": "", "proxy": None}
    refused = deployed(at_work("b3") | {**alone, "sites_stay": True})
    steps = world.steps
    with pytest.raises(UserError, match=r"shop has a web process, and is described without one, .* Run site\.yml"):
        refused(world)
    assert world.steps == steps
    deployed(at_work("b3") | alone)(world)
    assert refused(world)["current"] == identify(at_work("b3") | alone)
