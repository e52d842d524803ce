from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import GROUP_ROOT, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.change import hold_apps
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import (
    Group,
    Move,
    Party,
    choose_set,
    forget_app,
    form_parties,
    read_group,
    write_group,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.joint import JointFailure, attend_parties
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back_party
from fakes.host import World
from fakes.memory import Node
from fakes.runs import HEALTH, PROXY, deployed, deployed_together, describe, identify, install, rested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

UNWELL = {**HEALTH, "statuses": [201]}
"""A question to which no release has the answer, and which makes a release no other one."""

JOB = {"name": "digest", "unit": "# webstack.flask\n[Service]\n", "at": "daily UTC", "missed": "run"}
SHOP, CART = AppLayout.of("shop"), AppLayout.of("cart")


def shop(build: str, behaves: str = "good", **changes: object) -> dict[str, Any]:
    return describe(build, behaves, **{"group": "store", **changes})


def cart(build: str, behaves: str = "good", **changes: object) -> dict[str, Any]:
    return describe(build, behaves, **{"name": "cart", "group": "store", "proxy": {**PROXY, "host": "cart.test"}, **changes})


def both(build: str) -> dict[str, str]:
    return {"shop": identify(shop(build)), "cart": identify(cart(build))}


def take(world: World, first: dict[str, Any], second: dict[str, Any], **how: bool) -> dict[str, dict[str, Any]]:
    return deployed_together(first, second, **how)(world)


def live(*builds: str) -> World:
    """Return a host on which both were deployed together, build after build."""
    world = install()
    world.beside = CART
    for build in builds:
        outcomes = take(world, shop(build), cart(build))
        assert reached(world) == both(build), outcomes
    return rested(world)


def reached(world: World) -> dict[str, str | None]:
    links = {layout.name: world.nodes.get(str(layout.current)) for layout in (SHOP, CART)}
    return {name: link.text.rpartition("/")[2] if link else None for name, link in links.items()}


def roll_back(world: World, to: str = "previous", *, check: bool = False) -> dict[str, dict[str, Any]]:
    return roll_back_party(Party([shop("b1"), cart("b1")]), Way(to), 1, world.host, check=check)


def errors(outcomes: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: outcome["error"] for name, outcome in outcomes.items() if "error" in outcome}


def cut_off(world: World, first: dict[str, Any], second: dict[str, Any], when: Callable[[World], bool]) -> World:
    """Return what a joint deploy leaves that is killed as soon as something holds."""
    seen: list[World] = []
    running = world.copy()
    running.watcher = lambda now: seen.append(rested(now)) if not seen and when(now) else None
    take(running, first, second)
    return seen[0]


def is_proven(world: World) -> bool:
    return read_group(world.host, "store").proven


def both_moved(world: World) -> bool:
    return reached(world) == both("b2")


def spoil(world: World, layout: AppLayout, release: str) -> None:
    """Let a release be no good any more, and have died."""
    env = f"{layout.release(release)}/env"
    world.nodes[env] = Node("file", "BEHAVES=dead\n", world.nodes[env].access)
    world.stop(layout.service_unit(release))


def test_apps_are_taken_together_by_group_and_one_that_is_alone_in_its_group_is_alone() -> None:
    apps = [{"name": name, "group": group} for name, group in (("a", "x"), ("b", ""), ("c", "y"), ("d", "x"), ("e", None), ("f", ""))]
    parties = form_parties(apps)
    assert [[app["name"] for app in party.apps] for party in parties] == [["a", "d"], ["b"], ["c"], ["e"], ["f"]]
    assert [party.group for party in parties] == ["x", "", "", "", ""]


def test_a_name_that_could_lead_elsewhere_is_no_group() -> None:
    world = live("b1")
    with pytest.raises(UserError, match=r"the group of shop, cart is '\.\./shop'; allowed are"):
        take(world, shop("b2", group="../shop"), cart("b2", group="../shop"))


def test_what_takes_its_time_comes_before_the_first_link_or_after_the_last() -> None:
    world, steps = live("b1"), list[str]()
    world.watcher = lambda now: steps.append(now.next_step)
    take(world, shop("b2"), cart("b2"))
    first, last = (steps.index(f"rename to {layout.current}") for layout in (SHOP, CART))
    between = steps[first + 1 : last]
    assert [step for step in between if not step.startswith(("sync /", "put /", "rename to /var/www/cart/previous"))] == []


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"switch": {"moves": [{"odd": 1}]}}', '{"switch": 3}'])
def test_of_a_group_whose_file_cannot_be_read_nothing_is_known(text: str) -> None:
    assert Group.from_json("store", text) == Group("store")


def test_what_is_known_of_a_group_is_read_as_it_was_written() -> None:
    group = Group("store", ({"shop": "r1", "cart": "r2"},)).begin([Move({"name": "shop", "root": None}, "r3", "r1", None)], back=True)
    assert Group.from_json("store", group.to_json()) == group


def test_the_set_that_was_live_before_is_known_when_all_had_one() -> None:
    def move(name: str, release: str, before: str | None) -> Move:
        return Move({"name": name}, release, before, None)

    first = Group("store").begin([move("shop", "s2", "s1"), move("cart", "c1", None)], back=False).end(reached=True)
    assert first.sets == ({"shop": "s2", "cart": "c1"},)
    moves = [move("shop", "s2", "s2"), move("cart", "c2", "c1")]
    assert first.begin(moves, back=False).end(reached=False) == first
    second = first.begin(moves, back=False).end(reached=True)
    assert second.sets == ({"shop": "s2", "cart": "c2"}, {"shop": "s2", "cart": "c1"})
    back = second.begin([move("shop", "s2", "s2"), move("cart", "c1", "c2")], back=True).end(reached=True)
    assert back.sets == tuple(reversed(second.sets))


@pytest.mark.parametrize(
    ("live_now", "bad", "wanted", "chosen"),
    [
        (("s3", "c3"), "", "", ("s2", "c3")),
        (("s2", "c3"), "", "", ("s3", "c3")),
        (("s1", "c1"), "", "", ("s3", "c3")),
        (("s3", "c3"), "s2", "", ("s1", "c1")),
        (("s3", "c3"), "c3", "", ("s1", "c1")),
        (("s3", "c3"), "c1", "", ("s2", "c3")),
        (("s3", "c3"), "", "c3", ("s3", "c3")),
        (("s3", "c3"), "", "s1", ("s1", "c1")),
        (("s3", "c3"), "", "s0", None),
        (("s3", "c3"), "s1", "s1", None),
    ],
)
def test_a_group_goes_back_to_the_last_set_that_is_not_live_and_still_good(
    live_now: tuple[str, str], bad: str, wanted: str, chosen: tuple[str, str] | None
) -> None:
    sets = [{"shop": "s3", "cart": "c3"}, {"shop": "s2", "cart": "c3", "former": "f1"}, {"shop": "s1"}, {"shop": "s1", "cart": "c1"}]
    found = choose_set(sets, dict(zip(("shop", "cart"), live_now, strict=True)), lambda _name, release: release != bad, wanted)
    assert found == (dict(zip(("shop", "cart"), chosen, strict=True)) if chosen else None)


def test_what_is_wrong_with_one_member_is_found_before_anything_is_changed_of_the_others() -> None:
    world = live("b1")
    before = world.copy()
    with pytest.raises(JointFailure) as failure:
        take(world, shop("b2"), cart("b2", public=["media"]))
    assert "`public` names 'media'" in failure.value.errors["cart"]
    assert failure.value.errors["shop"].startswith("stays as it was, because cart, of the same group 'store', has failed: ")
    failed: dict[str, Any] = {"changed": False}

    def fail(party: Party) -> dict[str, dict[str, Any]]:
        raise failure.value if party.group else ValueError("odd")

    apps = [{"name": "shop", "group": "store"}, {"name": "other"}, {"name": "cart", "group": "store"}]
    outcomes = attend_parties(apps, fail, failed)
    assert {name: outcome["error"][:12] for name, outcome in outcomes.items()} == {
        "shop": "stays as it ",
        "cart": "nothing was ",
        "other": "unexpected V",
    }
    missing = take(world, shop("b2"), cart("b2", env_files=["none"]))
    assert set(errors(missing)) == {"shop", "cart"}
    assert reached(world) == reached(before)
    assert set(world.units) == set(before.units)


def test_a_check_run_tells_what_would_change_and_changes_nothing() -> None:
    world = live("b1")
    assert {name: outcome["changed"] for name, outcome in take(world, shop("b1"), cart("b2"), check=True).items()} == {
        "shop": False,
        "cart": True,
    }
    steps = world.steps
    assert {name: outcome["changed"] for name, outcome in take(world, shop("b1"), cart("b1")).items()} == {"shop": False, "cart": False}
    assert world.steps == steps
    cut = cut_off(world, shop("b2"), cart("b2"), lambda now: reached(now)["shop"] == both("b2")["shop"])
    assert {outcome["changed"] for outcome in take(cut, shop("b2"), cart("b1"), check=True).values()} == {True}
    assert cut.steps == 0


def test_one_that_is_no_good_takes_the_others_back_and_they_are_not_noted_as_failed() -> None:
    world = live("b1")
    outcomes = take(world, shop("b2"), cart("b2", "garbled"))
    assert "but not through the web server" in outcomes["cart"]["error"]
    assert outcomes["shop"]["error"].startswith("was taken back together with cart, of the same group 'store', which has failed: release ")
    assert "\n" not in outcomes["shop"]["error"]
    assert reached(world) == both("b1")
    records = [read_record(layout, world.host, release) for layout, release in ((SHOP, both("b2")["shop"]),)]
    assert records[0] is None or (records[0].failed, records[0].verified) == (None, None)
    assert errors(take(world, shop("b2"), cart("b2"))) == {}
    assert reached(world) == both("b2")


def test_one_that_stays_belongs_to_it() -> None:
    world = live("b1")
    outcomes = take(world, shop("b1", health=UNWELL), cart("b2"))
    assert "not through the web server" in outcomes["shop"]["error"]
    assert outcomes["cart"]["error"].startswith("was taken back together with shop")
    assert reached(world) == both("b1")


def test_where_none_is_to_switch_each_is_put_in_order_for_itself() -> None:
    world = live("b1")
    for unit in CART.units(both("b1")["cart"]):
        world.stop(unit)
    outcomes = take(world, shop("b1", health=UNWELL), cart("b1"))
    assert set(errors(outcomes)) == {"shop"}
    assert outcomes["cart"]["notes"] == [f"started release {both('b1')['cart']} again"]


def test_a_release_command_that_fails_stops_all_and_that_of_a_later_member_is_not_begun() -> None:
    world = live("b1")
    outcomes = take(world, shop("b2", commands=["false"]), cart("b2", commands=["flask db upgrade"]))
    assert "the release command `false`" in outcomes["shop"]["error"]
    assert outcomes["cart"]["error"].startswith("stays as it was, because shop, ")
    assert (len(world.ran), reached(world)) == (1, both("b1"))


def test_a_rollback_is_one_of_all_and_a_second_one_returns() -> None:
    world = live("b1", "b2")
    assert {name: outcome["current"] for name, outcome in roll_back(world, check=True).items()} == both("b1")
    assert reached(world) == both("b2")
    for build in ("b1", "b2", "b1"):
        outcomes = roll_back(world)
        assert errors(outcomes) == {}
        assert reached(world) == both(build)
    assert "together with cart, of the group store" in outcomes["shop"]["notes"]
    assert errors(roll_back(world, both("b2")["cart"])) == {}
    assert reached(world) == both("b2")
    assert {outcome["changed"] for outcome in roll_back(world, both("b2")["cart"]).values()} == {False}


def test_what_the_described_site_does_not_go_with_is_told_of_each_member() -> None:
    world = live("b1", "b2")
    outcomes = roll_back_party(Party([shop("b1", proxy=None), cart("b1")]), Way("previous"), 1, world.host, check=False)
    told = {
        name: [note for note in outcome["notes"] if note.startswith("ATTENTION: this release has a web process")]
        for name, outcome in outcomes.items()
    }
    assert {name: len(notes) for name, notes in told.items()} == {"shop": 1, "cart": 0}


@pytest.mark.parametrize("to", ["previous", "0123456789ab"])
def test_a_group_without_a_set_to_go_back_to_stays_and_says_so(to: str) -> None:
    world = live("b1")
    outcomes = roll_back(world, to)
    assert set(errors(outcomes)) == {"shop", "cart"}
    assert "the group 'store' (shop, cart) has no set of releases to go back to" in outcomes["shop"]["error"]
    assert reached(world) == both("b1")


def test_apps_that_become_a_group_can_go_back_to_what_was_live_before_together() -> None:
    world = install()
    world.beside = CART
    for app in (shop("b1", group=""), cart("b1", group="")):
        deployed(app)(world)
    take(world, shop("b2"), cart("b2"))
    roll_back(world)
    assert reached(world) == both("b1")


def test_a_run_of_one_that_was_in_the_group_brings_all_to_one_side_first() -> None:
    for when, side in ((both_moved, "b1"), (is_proven, "b2")):
        world = cut_off(live("b1"), shop("b2"), cart("b2"), when)
        outcome = deployed(shop(side, group=""))(world)
        assert reached(world) == both(side)
        assert outcome["changed"]
        where = "the releases to which it was on the way" if side == "b2" else "those before"
        assert f"a switch of the group store was cut off: shop and cart are at {where}" in outcome["notes"]
        assert not read_group(world.host, "store").moves


def test_a_rollback_that_was_cut_off_is_finished_and_not_undone() -> None:
    world = live("b1", "b2")
    seen: list[World] = []
    world.watcher = lambda now: seen.append(rested(now)) if not seen and is_proven(now) else None
    roll_back(world)
    assert errors(roll_back(seen[0])) == {}
    assert reached(seen[0]) == both("b1")


def test_a_deploy_that_was_cut_off_when_all_were_good_is_taken_back_by_a_rollback() -> None:
    world = cut_off(live("b1"), shop("b2"), cart("b2"), is_proven)
    assert {outcome["changed"] for outcome in roll_back(world, check=True).values()} == {True}
    assert errors(roll_back(world)) == {}
    assert reached(world) == both("b1")


def test_where_one_of_the_new_releases_is_no_good_any_more_all_go_back() -> None:
    world = cut_off(live("b1"), shop("b2"), cart("b2"), is_proven)
    spoil(world, CART, both("b2")["cart"])
    outcome = deployed(shop("b1", group=""))(world)
    assert "error" not in outcome
    assert reached(world) == both("b1")
    assert any(note.startswith("a switch of the group store was cut off: not all of it came up: release ") for note in outcome["notes"])
    record = read_record(CART, world.host, both("b2")["cart"])
    assert record is None or record.failed


def test_where_the_workers_of_one_of_the_new_releases_are_no_good_any_more_all_go_back() -> None:
    """Without a web process, they are all by which such a release is seen to be good."""

    def bot(build: str) -> dict[str, Any]:
        unit = {"name": "mail", "unit": "# webstack.flask\n[Service]\nExecStart=work\n", "count": 1, "exclusive": False, "watch": 1}
        return cart(build, processes=[unit], gunicorn_conf="", socket="", proxy=None)

    world = install()
    world.beside = CART
    for build in ("b1", "b2"):
        assert errors(take(world, shop(build), bot(build))) == {}
    before = reached(world)
    world = cut_off(world, shop("b3"), bot("b3"), is_proven)
    new = identify(bot("b3"))
    env = f"{CART.release(new)}/env"
    world.nodes[env] = Node("file", "BEHAVES=dead\n", world.nodes[env].access)
    world.stop(CART.process_unit(new, "mail"))
    assert "error" not in deployed(shop("b2", group=""))(world)
    assert reached(world) == before


def test_where_one_of_the_former_releases_is_no_good_any_more_all_go_forward() -> None:
    world = cut_off(live("b1"), shop("b2"), cart("b2"), lambda now: reached(now)["shop"] == both("b2")["shop"])
    spoil(world, CART, both("b1")["cart"])
    assert "error" not in deployed(shop("b2", group=""))(world)
    assert reached(world) == both("b2")


def test_where_neither_side_is_whole_users_are_on_one_all_the_same() -> None:
    world = cut_off(live("b1"), shop("b2"), cart("b2"), lambda now: reached(now)["shop"] == both("b2")["shop"])
    spoil(world, CART, both("b1")["cart"])
    spoil(world, SHOP, both("b2")["shop"])
    deployed(shop("b1", group=""))(world)
    assert reached(world) == both("b1")
    assert not read_group(world.host, "store").moves


def test_one_that_was_new_has_no_release_when_all_go_back() -> None:
    world = install()
    world.beside = CART
    deployed(shop("b1", group=""))(world)
    cut = cut_off(rested(world), shop("b2"), cart("b2"), both_moved)
    assert "error" not in deployed(shop("b1", group=""))(cut)
    assert reached(cut) == {"shop": both("b1")["shop"], "cart": None}


def test_what_another_version_did_not_write_down_is_as_by_default() -> None:
    world = cut_off(live("b1"), shop("b2"), cart("b2"), both_moved)
    group = read_group(world.host, "store")
    moves = [replace(move, app={key: value for key, value in move.app.items() if key not in ("drain", "watch")}) for move in group.moves]
    write_group(world.host, replace(group, moves=tuple(moves)))
    assert "error" not in deployed(shop("b1", group=""))(world)
    assert reached(world) == both("b1")


@pytest.mark.parametrize(("when", "build"), [("both_moved", "b1"), ("is_proven", "b2")])
def test_jobs_follow_to_the_side_that_it_is(when: str, build: str) -> None:
    world = install()
    world.beside = CART
    assert errors(take(world, shop("b1"), cart("b1", schedules=[JOB]))) == {}
    new = cart("b2", schedules=[JOB])
    moved = {"both_moved": lambda now: reached(now)["cart"] == identify(new), "is_proven": is_proven}[when]
    world = cut_off(rested(world), shop("b2"), new, moved)
    assert "error" not in deployed(shop(build, group=""))(world)
    release = identify(cart(build, schedules=[JOB]))
    assert reached(world)["cart"] == release
    assert world.nodes[str(CART.jobs)].text == f"releases/{release}"
    assert world.units[CART.timer_unit("digest")].active == "active"


def test_one_that_was_new_runs_no_jobs_when_all_go_back() -> None:
    world = install()
    world.beside = CART
    deployed(shop("b1", group=""))(world)
    first, second = shop("b2"), cart("b2", schedules=[JOB])
    # Its timers wait already, and the other one is not written down as good yet.
    cut = cut_off(rested(world), second, first, lambda now: CART.timer_unit("digest") in now.units)
    spoil(cut, SHOP, both("b2")["shop"])
    assert "error" not in deployed(shop("b1", group=""))(cut)
    assert reached(cut) == {"shop": both("b1")["shop"], "cart": None}
    assert CART.timer_unit("digest") not in cut.units
    # Nor is it gone back to.
    assert "error" in deployed(cart("b3", "sick", group=""))(cut)
    assert reached(cut)["cart"] is None


def test_an_app_that_is_gone_by_hand_keeps_no_other_from_its_side() -> None:
    world = cut_off(live("b1"), shop("b2"), cart("b2"), both_moved)
    world.put(CART.root, None, synced=True)
    assert "error" not in deployed(shop("b1", group=""))(world)
    assert reached(world)["shop"] == both("b1")["shop"]


def test_an_app_beside_the_group_goes_on_while_a_switch_is_not_finished() -> None:
    world = live("b1")
    moves = (Move({"name": "other", "root": None}, "r2", "r1", None),)
    write_group(world.host, Group("others", (), moves))
    assert deployed(shop("b2", group=""))(world)["current"] == both("b2")["shop"]
    assert read_group(world.host, "others").moves == moves


def test_an_app_that_leaves_the_host_is_no_member_any_more_and_a_group_of_which_nothing_is_known_has_no_file() -> None:
    world = live("b1", "b2")
    third = Group("store", ({"shop": "a", "cart": "b", "wiki": "c"}, {"shop": "a", "cart": "d", "wiki": "c"}, {"shop": "a", "cart": "b"}))
    write_group(world.host, third)
    forget_app(world.host, "cart")
    assert read_group(world.host, "store").sets == ({"shop": "a", "wiki": "c"},)
    forget_app(world.host, "wiki")
    assert world.host.files.names(GROUP_ROOT) == []


def test_locks_are_taken_in_the_order_of_names_and_anew_when_a_switch_was_begun_meanwhile() -> None:
    world = live("b1")
    taken = list[str]()
    beginning = [Group("store", (), tuple(Move({"name": name, "root": None}, "r2", "r1", None) for name in ("shop", "cart")))]

    @contextmanager
    def lock(path: Path, _timeout: float, _warn: Callable[[str], object]) -> Iterator[None]:
        taken.append(path.stem)
        if beginning:
            write_group(world.host, beginning.pop())
        yield
        taken.append(f"left {path.stem}")

    host = world.host.__class__(**{**vars(world.host), "lock": lock})
    with hold_apps([SHOP], host, 1, print) as unfinished:
        assert [group.name for group in unfinished] == ["store"]
    assert taken == ["shop", "left shop", "cart", "shop", "left shop", "left cart"]
