"""Who goes back with an app, by what its host was told, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party
from ansible_collections.webstack.flask.plugins.module_utils._release.options import read_switching
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back_party
from ansible_collections.webstack.flask.plugins.module_utils._webstack.rollback import choose_party, describe_outcome
from fakes.memory import Node
from fakes.runs import LAYOUT, deployed, describe, identify, install

TOLD: dict[str, dict[str, Any]] = {name: {"name": name, "group": group} for name, group in {"a": "x", "b": "x", "c": "", "d": ""}.items()}


def test_an_app_goes_back_with_those_of_its_group_and_alone_without_one() -> None:
    assert [app["name"] for app in choose_party("b", TOLD, ({"a": "1", "b": "2"},)).apps] == ["a", "b"]
    assert [app["name"] for app in choose_party("c", TOLD, ()).apps] == ["c"]


def test_where_the_host_does_not_know_enough_nothing_is_tried() -> None:
    with pytest.raises(UserError, match="how users reach e was not written down by its last deploy"):
        choose_party("e", TOLD, ())
    with pytest.raises(UserError, match="a goes back together with z, and how users reach that was not written down"):
        choose_party("a", TOLD, ({"a": "1", "b": "2", "z": "3"},))


def test_what_the_last_deploy_was_told_is_what_a_rollback_needs() -> None:
    first, last = describe("b1", drain=7), describe("b2", drain=9, watch=2)
    world = install(deployed(first), deployed(last))
    told = read_switching(LAYOUT, world.host)
    assert told is not None
    assert {key: told[key] for key in ("name", "proxy", "health", "drain", "watch")} == {
        key: last[key] for key in ("name", "proxy", "health", "drain", "watch")
    }
    outcome = roll_back_party(Party([told]), Way("previous"), 1, world.host, check=False)
    assert outcome["shop"]["current"] == identify(first)
    assert world.nodes[str(LAYOUT.switching)].access == Access(0, 0, 0o600)
    assert deployed(last)(world)["changed"]
    assert deployed({**last, "drain": 30})(world)["changed"], "that is written down, too"
    assert not deployed({**last, "drain": 30})(world)["changed"]
    world.nodes[str(LAYOUT.switching)] = Node("file", text="{")
    assert read_switching(LAYOUT, world.host) is None


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        ({"changed": True, "current": "2", "previous": "1"}, "shop: users are at release 2, and were at 1"),
        ({"changed": False, "current": "2", "previous": "2"}, "shop: users are at release 2 already"),
        ({"changed": True, "current": "1", "previous": "1", "error": "no"}, "shop was not taken back, users are at release 1: no"),
        ({"changed": False, "current": None, "previous": None, "error": "no"}, "shop was not taken back, users reach no release: no"),
    ],
)
def test_what_became_of_an_app_is_told_in_words(outcome: dict[str, Any], line: str) -> None:
    assert describe_outcome("shop", {**outcome, "notes": ["one more"]}) == [line, "  one more"]
