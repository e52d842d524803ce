"""What runs before a release takes traffic: once in the life of the database, once for its code; and what the live release says to it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.setup import Setup
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import read_spec
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from fakes.host import World
from fakes.memory import Stopped
from fakes.runs import LAYOUT, deployed, describe, identify, install, rested

URL = "postgresql://shop@/shop?host=/run/postgresql"
CREATE, SEED, MIGRATE = "flask create-tables", "flask seed", "flask db upgrade"


def with_data(build: str, behaves: str = "good", env: dict[str, str] | None = None, **changes: object) -> dict[str, object]:
    """Return the app with a database."""
    variables = {"BEHAVES": behaves, "PGDATABASE": "shop", "DATABASE_URL": URL, **(env or {})}
    changes = {"setup": [CREATE, SEED], "commands": [MIGRATE], "database": {"dumps": 2}, **changes}
    return describe(build, behaves, variables=base64.b64encode(json.dumps(variables).encode()).decode(), **changes)


def ran(world: World) -> list[str]:
    return list(world.ran)


def test_setup_commands_run_once_before_the_release_commands_and_not_with_the_next_release() -> None:
    world = install(deployed(with_data("b1")))
    assert ran(world) == [CREATE, SEED, MIGRATE]
    assert (world.setup.done, world.setup.is_finished) == ((CREATE, SEED), True)
    outcome = deployed(with_data("b2"))(world)
    assert ran(world) == [CREATE, SEED, MIGRATE, MIGRATE]
    assert not [note for note in outcome["notes"] if "set up" in note]


def test_what_the_database_remembers_counts_though_the_app_was_removed_from_the_host() -> None:
    world = install()
    world.setup = Setup(is_begun=True, is_finished=True, has_data=True, done=(CREATE,))
    deployed(with_data("b1"))(world)
    assert ran(world) == [MIGRATE]


def test_a_database_that_somebody_has_filled_is_passed_over_for_ever() -> None:
    world = install()
    world.setup = Setup(is_begun=False, is_finished=False, has_data=True)
    outcome = deployed(with_data("b1"))(world)
    assert ran(world) == [MIGRATE]
    assert "its setup commands were passed over, because the database shop has data already" in outcome["notes"]
    world.setup = replace(world.setup, has_data=False)
    deployed(with_data("b2"))(world)
    assert ran(world) == [MIGRATE, MIGRATE]


def test_after_a_failure_the_command_that_failed_is_the_first_to_run_again() -> None:
    world = install()
    failing = with_data("b1", setup=[CREATE, "false seed"])
    error = deployed(failing)(world)["error"]
    assert "the setup command `false seed`" in error
    assert "Hint: the next run begins with this command" in error
    assert "dropdb shop" in error
    assert (ran(world), world.setup.done, world.setup.is_finished) == ([CREATE, "false seed"], (CREATE,), False)
    deployed(with_data("b1", setup=[CREATE, SEED]))(world)
    assert ran(world) == [CREATE, "false seed", SEED, MIGRATE]


def test_setup_commands_that_are_described_later_run_for_a_release_that_stays() -> None:
    world = install(deployed(with_data("b1", setup=[])))
    assert deployed(with_data("b1"))(world)["changed"] is True
    assert ran(world) == [MIGRATE, CREATE, SEED]
    assert deployed(with_data("b1"))(world)["changed"] is False


def test_a_database_that_is_made_anew_is_set_up_anew_for_the_release_that_stays() -> None:
    world = install(deployed(with_data("b1")))
    world.setup = Setup(is_begun=False, is_finished=False, has_data=False)
    deployed(with_data("b1"))(world)
    assert ran(world) == [CREATE, SEED, MIGRATE, CREATE, SEED]


def test_a_setup_command_that_fails_for_a_release_that_stays_is_no_failure_of_the_release() -> None:
    world = install(deployed(with_data("b1", setup=[])))
    failing = with_data("b1", setup=["false seed"])
    assert "the setup command `false seed`" in deployed(failing)(world)["error"]
    record = read_record(LAYOUT, world.host, identify(failing))
    assert record is not None
    assert record.healthy


def test_a_run_that_is_stopped_anywhere_is_finished_by_the_next_and_runs_again_what_had_no_end() -> None:
    start, app, step = install(), with_data("b1"), 0
    while True:
        world = start.copy()
        world.stop_at = step
        try:
            deployed(app)(world)
            break
        except Stopped:
            step += 1
        begun = ran(world)
        world = rested(world)
        deployed(app)(world)
        assert world.setup.is_finished
        twice = [command for command in (CREATE, SEED, MIGRATE) if ran(world).count(command) == 2]
        assert twice in ([], begun[-1:]), (step, ran(world))
        assert sorted(set(ran(world))) == sorted((CREATE, SEED, MIGRATE))
    assert step > 10


def test_release_commands_run_again_for_other_code_other_packages_other_commands_and_another_database() -> None:
    first = with_data("b1", setup=[])
    others = [
        with_data("b2", setup=[]),
        with_data("b1", setup=[], environment="e2"),
        with_data("b1", setup=[], commands=[MIGRATE, "flask index"]),
        with_data("b1", setup=[], env={"DATABASE_URL": "postgresql:///other"}),
        with_data("b1", setup=[], env={"SQLALCHEMY_DATABASE_URI": "sqlite:///other"}),
        with_data("b1", setup=[], env={"MYSQL_HOST": "db2"}),
    ]
    for other in others:
        world = install(deployed(first))
        deployed(other)(world)
        assert ran(world) == [MIGRATE, *other["commands"]]  # type: ignore[misc]


@pytest.mark.parametrize("name", ["GREETING", "BACKGROUND_COLOUR", "SQUARES", "PAGE_SIZE", "ADBLOCK"])
def test_a_changed_variable_runs_no_release_command_again(name: str) -> None:
    world = install(deployed(with_data("b1", env={name: "one"})))
    outcome = deployed(with_data("b1", env={name: "two"}))(world)
    assert outcome["previous"] != outcome["current"]
    assert ran(world) == [CREATE, SEED, MIGRATE]


def test_commands_of_a_release_of_before_there_was_this_are_known_by_the_release() -> None:
    app = with_data("b1")
    world = install(deployed(app))
    path = f"{LAYOUT.release(identify(app))}/release.json"
    content = {key: value for key, value in json.loads(world.nodes[path].text).items() if key != "commands"}
    world.nodes[path] = world.nodes[path]._replace(text=json.dumps(content))
    deployed(with_data("b2", commands=[]))(world)
    deployed(app)(world)
    assert ran(world) == [CREATE, SEED, MIGRATE]


def test_a_live_release_that_the_commands_have_broken_stops_the_deploy_and_the_next_run_goes_on() -> None:
    first, second = with_data("b1", setup=[]), with_data("b2", setup=[], commands=["break the live release"])
    world = install(deployed(first))
    error = deployed(second)(world)["error"]
    assert f"{identify(first)}, which users reach, is not healthy: " in error
    assert "500" in error
    assert world.visit()[0] == identify(first)
    assert deployed(second)(world)["current"] == identify(second)
    assert ran(world) == [MIGRATE, "break the live release"]


def test_a_live_release_that_was_sick_before_does_not_stop_the_deploy_that_mends_it() -> None:
    first, second = with_data("b1", setup=[]), with_data("b2", setup=[])
    world = install(deployed(first))
    world.break_live_release()
    assert deployed(second)(world)["current"] == identify(second)


def test_setup_commands_of_an_app_without_a_database_are_refused() -> None:
    with pytest.raises(UserError, match="nothing was changed, because there are setup commands, and no database"):
        read_spec(describe("b1", setup=[SEED]))
