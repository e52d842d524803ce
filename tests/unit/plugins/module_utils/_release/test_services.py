"""The internal services of an app: its URLs, whether it is let in, and who is switched first."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._host.words import KEY, format_caller, make_credentials, make_word
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import deploy
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import Party
from ansible_collections.webstack.flask.plugins.module_utils._release.options import read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._release.services import take_turns
from fakes.host import World
from fakes.memory import Node
from fakes.runs import LAYOUT, PROXY, deployed, describe, identify, install

CALLERS = "/etc/nginx/sites-available/images.callers"
USE = {"name": "images", "variable": "IMAGES_URL", "address": "127.79.1.2", "port": 790, "callers": CALLERS}
SECRET = "ab" * 32
USER = describe("b2", services=[USE])


def let_in(world: World, *, key: str = SECRET, caller: str = "shop") -> World:
    for path, text in ((str(KEY), f"{key}\n"), (CALLERS, f"# head\n{format_caller(SECRET, 'images', caller)}\n")):
        world.nodes[path] = Node("file", text, Access(0, 0, 0o600))
    return world


def text_of(world: World, name: str, app: dict[str, Any]) -> str:
    return world.host.files.read_text(LAYOUT.release(identify(app)) / name) or ""


def test_an_app_finds_the_url_with_its_word_which_is_no_part_of_the_release() -> None:
    world = let_in(install(deployed(describe("b1"))))
    outcome = deployed(USER)(world)
    assert "error" not in outcome
    word = make_word(SECRET, "images", "shop")
    assert f'IMAGES_URL="http://shop:{word}@127.79.1.2:790"' in text_of(world, "env", USER)
    assert ReleaseRecord.from_json(text_of(world, "release.json", USER)).variables == ("BEHAVES", "IMAGES_URL")
    assert identify(USER) == outcome["id"] != identify(describe("b2"))
    assert word not in repr((outcome, deploy(USER, 1, world.host, check=True)))
    assert deployed(USER)(world)["changed"] is False


@pytest.mark.parametrize("there", [{}, {"key": "cd" * 32}, {"caller": "blog"}], ids=["neither", "another key", "another caller"])
def test_a_release_is_not_begun_before_nginx_lets_it_in(there: dict[str, str]) -> None:
    world = install(deployed(describe("b1")))
    before = dict((let_in(world, **there) if there else world).nodes)
    with pytest.raises(UserError, match=r"nothing was changed: shop uses images, which does not let it in yet.*run site.yml"):
        deploy(USER, 1, world.host, check=False)
    assert world.nodes == before
    assert deploy(USER, 1, world.host, check=True)[0]["changed"] is True


def test_the_host_says_a_word_of_its_own_to_a_service() -> None:
    app = describe("b1", proxy={**PROXY, "internal": True})
    world = install()
    switch = read_switch(app, LAYOUT, world.host)
    assert switch.proxy
    assert switch.proxy.authorization == ""
    switch = read_switch(app, LAYOUT, let_in(world).host)
    assert switch.proxy
    assert switch.proxy.authorization == f"Basic {make_credentials(SECRET, 'shop', 'webstack.flask')}"
    assert switch.proxy.authorization not in repr(switch)
    assert switch.check.headers == {}, "the app itself is not told"


def using(uses: dict[str, str]) -> list[dict[str, Any]]:
    """Return apps by their names, each with the services that it uses."""
    return [{"name": name, "services": [{"name": service} for service in services]} for name, services in uses.items()]


@pytest.mark.parametrize(
    ("uses", "turns"),
    [
        ({"a": "", "b": "", "c": ""}, ["abc"]),
        ({"a": "b", "b": "c", "c": ""}, ["c", "b", "a"]),
        ({"a": "bc", "b": "", "c": "", "d": ""}, ["bcd", "a"]),
        ({"a": "b", "b": "a", "c": "a", "d": ""}, ["abd", "c"]),
        ({"a": "b", "b": "a", "c": "d", "d": "c", "e": "ac"}, ["abcd", "e"]),
        ({"a": "x"}, ["a"]),
        ({}, []),
    ],
)
def test_services_come_before_those_that_use_them_and_circles_together(uses: dict[str, str], turns: list[str]) -> None:
    assert ["".join(party.apps[0]["name"] for party in turn) for turn in take_turns([Party([app]) for app in using(uses)])] == turns


def test_a_group_comes_after_the_services_of_all_of_its_members_and_before_those_that_use_one_of_it() -> None:
    apps = using({"a": "b", "b": "", "c": "x", "d": "b", "x": ""})
    parties = [Party([app]) for app in apps if app["name"] in "adx"]
    parties.append(Party([app for app in apps if app["name"] in "bc"]))
    assert [["".join(app["name"] for app in party.apps) for party in turn] for turn in take_turns(parties)] == [["x"], ["bc"], ["a", "d"]]
