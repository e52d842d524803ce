"""A release whose database is on another host: whether it is reached, what runs again, and which CAs are kept."""

from __future__ import annotations

import base64
import json

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.address import Elsewhere, list_variables_of
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import read_spec
from ansible_collections.webstack.flask.plugins.module_utils._release.preparation import identify_commands
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from fakes.host import World
from fakes.runs import LAYOUT, deployed, describe, identify, install

CA, OTHER = "the one\n", "the other\n"


GOOD, WRONG, NEW = "good", "wrong", "new"
"""Passwords, of which the host in memory refuses one."""


def elsewhere(
    build: str, *, ca: str = "", host: str = "db.test", user: str = "clerk", word: str = GOOD, **changes: object
) -> dict[str, object]:
    """Return the app with such a database, which in the host in memory is called `shop`, too."""
    authorities = {"authorities": str(LAYOUT.authority(digest_of(ca)))} if ca else {}
    told = list_variables_of(Elsewhere(host, 5432, "shop", user, word, **authorities), "postgresql")
    variables = base64.b64encode(json.dumps({"BEHAVES": "good", **told}).encode()).decode()
    database = {"dumps": 2, **({"ca": ca} if ca else {})}
    return describe(build, "good", **{"variables": variables, "commands": ["migrate"], "database": database, **changes})


def cas(world: World) -> set[str]:
    return {text for path, node in world.nodes.items() if path.startswith(str(LAYOUT.authorities)) and (text := node.text)}


def test_one_that_is_not_reached_stops_the_deploy_before_a_command_runs() -> None:
    world = install(deployed(elsewhere("b1")))
    wrong = elsewhere("b2", word=WRONG)
    error = deployed(wrong)(world)["error"]
    assert error.startswith("users were left where they are. password authentication failed")
    assert list(world.ran) == ["migrate"]
    record = read_record(LAYOUT, world.host, identify(wrong))
    assert record
    assert record.failed
    assert deployed(elsewhere("b2"))(world)["current"] == identify(elsewhere("b2"))


def test_it_is_dumped_before_release_commands() -> None:
    world = install(deployed(elsewhere("b1")))
    notes = deployed(elsewhere("b2"))(world)["notes"]
    assert any(note.startswith("dumped the database shop on db.test:5432 before the release commands: ") for note in notes)


@pytest.mark.parametrize(
    ("change", "is_another"),
    [({"word": NEW}, False), ({"user": "clerk2"}, False), ({"ca": CA}, False), ({"host": "db2.test"}, True)],
)
def test_commands_run_again_for_other_data_and_not_for_another_password(change: dict[str, str], is_another: bool) -> None:  # noqa: FBT001
    before, after = (read_spec(elsewhere("b1", **one)) for one in ({}, change))
    assert before.id != after.id
    assert (identify_commands(before, "") != identify_commands(after, "")) == is_another


def test_its_ca_stays_for_as_long_as_a_release_that_can_be_gone_back_to_trusts_it() -> None:
    world = install(deployed(elsewhere("b1", ca=CA)))
    deployed(elsewhere("b2", ca=OTHER))(world)
    assert cas(world) == {CA, OTHER}
    deployed(elsewhere("b3", ca=OTHER))(world)
    assert cas(world) == {OTHER}


def test_an_app_that_comes_from_one_of_its_own_and_goes_back_has_each_its_data() -> None:
    own = describe(
        "b1",
        "good",
        variables=base64.b64encode(
            json.dumps({"BEHAVES": "good", "PGDATABASE": "shop", "DATABASE_URL": "postgresql://shop@/shop"}).encode()
        ).decode(),
        database={"dumps": 2},
    )
    world = install(deployed(own))
    deployed(elsewhere("b2"))(world)
    assert "PGHOST=db.test" in (world.host.files.read_text(LAYOUT.release(identify(elsewhere("b2"))) / "env") or "").replace('"', "")
    assert deployed(own)(world)["current"] == identify(own)
