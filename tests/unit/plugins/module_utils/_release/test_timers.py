"""What becomes of an app's timers, and of what somebody has said of them by hand."""

from __future__ import annotations

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._release.removal import remove
from ansible_collections.webstack.flask.plugins.module_utils._release.timers import Timers
from fakes.host import World
from fakes.memory import Node, Unit
from fakes.parts import FakeRemains
from fakes.runs import LAYOUT, deployed, describe, install

TIMER, STAMP = LAYOUT.timer_unit("digest"), str(LAYOUT.stamp(LAYOUT.timer_unit("digest")))


def in_time(build: str, at: str = "daily UTC") -> dict[str, Any]:
    unit = "# webstack.flask\n[Service]\n"
    return describe(build, schedules=[{"name": "digest", "unit": unit, "at": at, "missed": "run"}])


def live() -> World:
    return install(deployed(in_time("b1")))


def suspend(world: World) -> None:
    world.nodes |= {str(LAYOUT.suspended): Node("dir"), str(LAYOUT.suspended / "digest"): Node("file")}


def is_waiting(world: World) -> tuple[bool, bool]:
    """Return whether the timer waits, and whether it will after a reboot."""
    return TIMER in world.units, world.wants(TIMER) in world.nodes


def test_a_release_with_the_same_times_leaves_the_timer_alone() -> None:
    world = live()
    world.nodes[STAMP] = Node("file", text="long ago")
    deployed(in_time("b2"))(world)
    assert world.nodes[STAMP].text == "long ago"
    assert is_waiting(world) == (True, True)


def test_what_was_due_at_the_new_times_before_they_were_said_is_not_made_good() -> None:
    world = live()
    world.nodes[STAMP] = Node("file", text="long ago")
    assert any("digest runs at" in note for note in deployed(in_time("b2", at="hourly UTC"))(world)["notes"])
    assert world.nodes[STAMP].text != "long ago"
    assert is_waiting(world) == (True, True)


def test_a_job_that_was_suspended_is_so_whatever_is_deployed_and_each_run_says_it() -> None:
    world = live()
    suspend(world)
    assert "put the schedules of" in " ".join(deployed(in_time("b1"))(world)["notes"])
    for app in (in_time("b1"), in_time("b2"), in_time("b3", at="hourly UTC")):
        outcome = deployed(app)(world)
        assert "digest is suspended" in outcome["notes"]
        assert is_waiting(world) == (False, False)
    assert not deployed(in_time("b3", at="hourly UTC"))(world)["changed"]
    del world.nodes[str(LAYOUT.suspended / "digest")]
    assert deployed(in_time("b3", at="hourly UTC"))(world)["changed"]
    assert is_waiting(world) == (True, True)


def test_a_job_is_suspended_and_resumed_and_nothing_is_made_good() -> None:
    world = live()
    world.nodes[STAMP] = Node("file", text="long ago")
    timers = Timers(LAYOUT, world.host)
    assert timers.suspend("digest")
    assert is_waiting(world) == (False, False)
    assert not timers.suspend("digest")
    assert not deployed(in_time("b1"))(world)["changed"]
    world.nodes[STAMP] = Node("file", text="long ago")
    assert timers.resume("digest")
    assert world.nodes.get(STAMP, Node("file")).text != "long ago"
    assert is_waiting(world) == (True, True)
    assert not timers.resume("digest")
    assert not deployed(in_time("b1"))(world)["changed"]


def test_each_run_tells_of_a_job_that_has_failed_be_it_in_another_release() -> None:
    world = live()
    (first,) = world.host.files.names(LAYOUT.releases)
    world.set_unit(LAYOUT.job_unit(first, "digest"), Unit("failed"))
    for build in ("b1", "b2"):
        notes = deployed(in_time(build))(world)["notes"]
        assert [note.partition(";")[0] for note in notes if "failed" in note] == ["ATTENTION: the job digest has failed: it has stopped"]


def test_nothing_of_a_timer_is_left_when_its_job_goes_or_the_app() -> None:
    without, gone = live(), live()
    suspend(gone)
    gone.nodes[str(LAYOUT.started)] = Node("dir")
    deployed(describe("b2"))(without)
    remove(
        {"name": "shop", "root": None, "remove_data": False},
        {"backups": "/b", "lock_timeout": 1},
        gone.host,
        FakeRemains(gone),
        check=False,
    )
    assert {str(LAYOUT.suspended), str(LAYOUT.started), str(LAYOUT.switching)}.isdisjoint(gone.nodes)
    for world in (without, gone):
        assert is_waiting(world) == (False, False)
        assert [place for place in world.nodes if TIMER in place] == []
