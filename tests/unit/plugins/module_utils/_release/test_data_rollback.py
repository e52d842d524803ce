"""Dumps before release commands, and the way back to them: users come to former data by a switch, and nothing is lost by it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.address import list_variables
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import DATABASE_ROOT, DUMP_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._release.data import find_database, lead_to_database
from ansible_collections.webstack.flask.plugins.module_utils._release.dumps import choose_dump, list_dumps
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back
from fakes.host import World
from fakes.memory import Stopped
from fakes.runs import LAYOUT, Operation, deployed, describe, identify, install, rested

from .test_preparation import MIGRATE, URL, ran, with_data

BESIDE = "shop.19700101t001640"
"""The database that is made at the time that the clock of the host in memory always has."""


def rolled_back(to: str = "previous", data: str = "") -> Operation:
    app = {key: value for key, value in describe("").items() if key in ("name", "root", "health", "proxy", "drain", "watch", "group")}
    return lambda world: roll_back(app, Way(to, data), 1, world.host, check=False)


def of_old(build: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - of the parameters of the module
    return with_data(build, setup=[], **changes)


def migrated() -> World:
    """Return a host whose second release has migrated the data of the first one."""
    return install(deployed(of_old("b1")), deployed(of_old("b2")))


def env_of(world: World, release: str | None) -> str:
    return world.nodes[f"{LAYOUT.release(release or '')}/env"].text


def test_the_variables_lead_to_another_database_whatever_else_the_url_says() -> None:
    url = "postgresql+psycopg://shop@/shop?host=/run/postgresql&port=5433"
    assert lead_to_database({"PGDATABASE": "shop", "DATABASE_URL": url, "X": "1"}, "shop.a") == {
        "PGDATABASE": "shop.a",
        "DATABASE_URL": "postgresql+psycopg://shop@/shop.a?host=/run/postgresql&port=5433",
        "X": "1",
    }


def test_a_dump_is_written_before_the_commands_of_each_release_but_the_first_and_the_last_ones_are_kept() -> None:
    world = install(deployed(of_old("b1")))
    assert list_dumps("shop", world.host) == []
    outcome = deployed(of_old("b2"))(world)
    (dump,) = list_dumps("shop", world.host)
    assert (dump.live, dump.place.database) == (identify(of_old("b1")), "shop")
    assert [note for note in outcome["notes"] if str(dump.path) in note]
    for age, build in ((2, "b3"), (1, "b4")):
        for path in world.host.files.glob(DUMP_ROOT / "shop", "*.json"):  # the clock of the host in memory stands still
            node = world.nodes[str(path)]
            world.nodes[str(path)] = node._replace(text=node.text.replace('"begun": 1000.0', f'"begun": {1000 - age}'))
        deployed(of_old(build))(world)
    assert [dump.live for dump in list_dumps("shop", world.host)] == [identify(of_old("b2")), identify(of_old("b3"))]
    assert len(world.host.files.glob(DUMP_ROOT / "shop", "*")) == 4


def test_no_dump_is_written_where_none_is_wanted_or_no_command_runs() -> None:
    world = install(deployed(of_old("b1")), deployed(of_old("b2", commands=[])), deployed(of_old("b3", database={"dumps": 0})))
    assert list_dumps("shop", world.host) == []


def test_a_rollback_with_data_makes_the_former_release_anew_beside_and_leaves_the_database_that_users_had() -> None:
    world = migrated()
    outcome = rolled_back(data="last")(world)
    assert "error" not in outcome
    assert outcome["current"] not in (identify(of_old("b1")), identify(of_old("b2")))
    assert world.databases == {"shop", BESIDE}
    assert f'PGDATABASE="{BESIDE}"' in env_of(world, outcome["current"])
    assert any("what was written since then is not in it, and the database shop stays" in note for note in outcome["notes"])
    assert ran(world) == [MIGRATE, MIGRATE]
    assert read_record(LAYOUT, world.host, outcome["current"]).build == "b1"  # type: ignore[union-attr]


def test_the_next_deploy_stays_on_the_data_to_which_users_went_and_migrates_them() -> None:
    world = migrated()
    back = rolled_back(data="last")(world)["current"]
    again = deployed(of_old("b1"))(world)
    assert (again["changed"], again["current"]) == (False, back)
    forth = deployed(of_old("b2"))(world)
    assert f'PGDATABASE="{BESIDE}"' in env_of(world, forth["current"])
    assert ran(world) == [MIGRATE, MIGRATE, MIGRATE]


def test_a_rollback_to_code_alone_keeps_the_data_that_users_have() -> None:
    world = migrated()
    rolled_back(data="last")(world)
    outcome = rolled_back(identify(of_old("b2")))(world)
    assert f'PGDATABASE="{BESIDE}"' in env_of(world, outcome["current"])
    assert read_record(LAYOUT, world.host, outcome["current"]).build == "b2"  # type: ignore[union-attr]


def test_users_can_be_taken_back_to_the_database_that_they_had() -> None:
    world = migrated()
    rolled_back(data="last")(world)
    outcome = rolled_back(identify(of_old("b2")), data="shop")(world)
    assert outcome["current"] == identify(of_old("b2"))
    assert find_database(LAYOUT, world.host) == "shop"
    assert str(DATABASE_ROOT / "shop") not in world.nodes


def test_an_app_that_was_removed_and_comes_back_finds_the_data_that_users_had_last() -> None:
    world = migrated()
    rolled_back(data="last")(world)
    for place in [place for place in world.nodes if place.startswith(str(LAYOUT.root))]:
        del world.nodes[place]
    assert find_database(LAYOUT, world.host) == BESIDE


def test_data_on_which_the_release_is_no_good_go_again_and_users_stay() -> None:
    world = install(deployed(of_old("b1")), deployed(of_old("b2")))
    description = f"{LAYOUT.release(identify(of_old('b1')))}/description.json"
    sick = of_old("b1", behaves="sick")["variables"]
    node = world.nodes[description]
    world.nodes[description] = node._replace(text=node.text.replace(of_old("b1")["variables"], sick))
    outcome = rolled_back(data="last")(world)
    assert "was not healthy" in outcome["error"]
    assert outcome["current"] == identify(of_old("b2"))
    assert world.databases == {"shop"}
    assert find_database(LAYOUT, world.host) == "shop"


def test_a_rollback_with_data_that_is_stopped_anywhere_leaves_users_on_one_side_and_the_next_deploy_stays_there() -> None:
    start, step, met = migrated(), 0, set[str]()
    while True:
        world = start.copy()
        world.stop_at = step
        try:
            rolled_back(data="last")(world)
            break
        except Stopped:
            step += 1
        world = rested(world)
        reached, said = world.visit()
        assert said.status == 200
        database = "shop" if reached == identify(of_old("b2")) else BESIDE
        met.add(database)
        assert find_database(LAYOUT, world.host) == database
        outcome = deployed(of_old("b3"))(world)
        assert "error" not in outcome, (step, outcome)
        assert f'PGDATABASE="{find_database(LAYOUT, world.host)}"' in env_of(world, outcome["current"])
        assert find_database(LAYOUT, world.host) == database
    assert met == {"shop", BESIDE}


def test_commands_run_once_on_data_from_elsewhere_before_users_come_to_them() -> None:
    world, live = migrated(), identify(of_old("b2"))
    dumps = list_dumps("shop", world.host)
    world.databases |= {"shop.loaded"}
    assert "error" not in rolled_back(live, data="shop.loaded")(world)
    assert ran(world) == [MIGRATE, MIGRATE, MIGRATE]
    assert find_database(LAYOUT, world.host) == "shop.loaded"
    assert list_dumps("shop", world.host) == dumps
    rolled_back(live, data="shop")(world)
    rolled_back(live, data="shop.loaded")(world)
    assert ran(world) == [MIGRATE, MIGRATE, MIGRATE]


def test_commands_run_on_data_from_elsewhere_wherever_the_rollback_before_was_stopped() -> None:
    start, live, step = migrated(), identify(of_old("b2")), 0
    start.databases |= {"shop.loaded"}
    while True:
        world = start.copy()
        world.stop_at = step
        try:
            rolled_back(live, data="shop.loaded")(world)
            break
        except Stopped:
            step += 1
        world = rested(world)
        outcome = rolled_back(live, data="shop.loaded")(world)
        assert "error" not in outcome, (step, outcome)
        assert len(ran(world)) >= len([MIGRATE, MIGRATE, MIGRATE]), step
        assert find_database(LAYOUT, world.host) == "shop.loaded"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("20200101t000000-0123456789ab", "there is no dump '20200101t000000-0123456789ab'; there are: 19700101t001640-"),
        ("last", "there is no dump that was written while users reached release"),
        ("shop.20200101t000000", "shop has no database 'shop.20200101t000000'; it has shop"),
    ],
)
def test_data_that_are_not_there_are_refused_before_anything_is_changed(data: str, problem: str) -> None:
    world = migrated()
    world.steps = 0
    to = "previous" if data != "last" else identify(of_old("b2"))
    outcome = rolled_back(to, data)(world)
    assert problem in outcome["error"]
    assert (world.steps, outcome["changed"]) == (0, False)


def test_a_release_that_was_made_before_descriptions_were_kept_is_refused() -> None:
    world = migrated()
    del world.nodes[f"{LAYOUT.release(identify(of_old('b1')))}/description.json"]
    assert "cannot be made anew with other data" in rolled_back(data="last")(world)["error"]


def test_the_last_dump_of_several_is_chosen_or_one_by_its_name() -> None:
    world = migrated()
    (dump,) = list_dumps("shop", world.host)
    assert choose_dump([dump], dump.live, "last") == choose_dump([dump], "other", dump.name) == dump
    with pytest.raises(UserError, match="no release after it has run commands"):
        choose_dump([dump], "other", "last")


def test_the_url_of_the_tests_is_that_of_the_product() -> None:
    assert list_variables("shop", "postgresql", 5432)["DATABASE_URL"] == URL
