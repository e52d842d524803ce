"""Internal services: what an entry may say of one, who may use it, and what the roles are told of both."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.filter.flask_apps import apps_beside
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import find_service_address
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import (
    hosts_inputs,
    listen_ports,
    port_problems,
    release_inputs,
    site_inputs,
    switch_inputs,
    withdrawn_sites,
    without_app,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.summary import summarise, summarise_host
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_site_problems
from unit.flask_entries import describe, find_problems

ADDRESS = find_service_address("images")
IMAGES: dict[str, Any] = {"name": "images", "internal": True, "server_names": ...}
BOT: dict[str, Any] = {"name": "bot", "wsgi": ..., "server_names": ..., "processes": {"poll": "python poll.py"}}


def pair(images: dict[str, Any] | None = None, **shop: object) -> list[dict[str, Any]]:
    return [describe(**{"uses": ["images"], **shop}), describe(**{**IMAGES, **(images or {})})]


def test_a_service_is_a_site_at_an_address_of_its_own_for_those_that_use_it() -> None:
    apps = check_apps([*pair(), describe(**BOT, uses=["images"])])
    shop, images = site_inputs(apps)[:2]
    assert "internal" not in shop
    assert images["internal"] == {"address": ADDRESS, "callers": ["shop", "bot"]}
    assert (images["listen_port"], images["server_names"]) == (790, [ADDRESS])
    assert find_site_problems([shop, images]) == []
    assert listen_ports(apps) == [80, 790]
    assert [entry["names"] for entry in hosts_inputs(apps, "192.0.2.1")] == [["shop.test"], [], []]


def test_who_uses_it_is_told_where_it_is_and_who_proves_it_asks_there() -> None:
    apps = check_apps(pair({"name": "img-small"}, uses=["img-small"]))
    made = {app["name"]: {"id": "1"} for app in apps}
    shop, images = release_inputs(apps, made, made)
    address = find_service_address("img-small")
    callers = "/etc/nginx/sites-available/img-small.callers"
    assert shop["services"] == [
        {"name": "img-small", "variable": "IMG_SMALL_URL", "address": address, "port": 790, "callers": callers},
    ]
    assert "services" not in images
    asked = {"address": address, "port": 790, "host": f"{address}:790", "internal": True}
    assert images["proxy"] == {**asked, "proof": "/etc/nginx/sites-available/img-small.proof"}
    assert "internal" not in switch_inputs(apps, "shop")[0]["proxy"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"server_names": ["images.test"]}, "server_names is about a public site, and there is none, because `internal` is true"),
        ({"path": "/images"}, "path is about a public site"),
        ({"tls": "self_signed"}, "tls is about a public site"),
        ({"nginx": {"listen_port": 80}}, "nginx.listen_port is about a public site"),
        ({"nginx": {"trusted_proxies": ["10.0.0.0/8"]}}, "nginx.trusted_proxies is about a public site"),
        ({"nginx": {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "X-Real-IP"}}, "nginx.trusted_"),
        ({"nginx": {"limit_requests": "1r/s"}}, "nginx.limit_requests is about a public site"),
        ({"nginx": {"limit_connections": 1}}, "nginx.limit_connections is about a public site"),
        ({"nginx": {"extra": "location /x {\n  auth_basic off;\n}\n"}}, "nginx.extra has `auth_basic`, and callers"),
        ({"wsgi": ...}, "internal is true, and there is no web process that could be called"),
        ({"wsgi": ..., "processes": {"poll": "python poll.py"}}, "internal is true, and there is no web process"),
    ],
)
def test_what_is_for_a_public_site_is_refused_by_key(changes: dict[str, Any], said: str) -> None:
    problems = find_problems(*pair(changes))
    assert problems
    assert all(problem.startswith("flask_apps[1] (images): ") for problem in problems)
    assert problems[0].removeprefix("flask_apps[1] (images): ").startswith(said)


def test_what_says_nothing_of_a_site_may_stay() -> None:
    extra = "# no auth_basic here\ngzip off;\n"
    check_apps(pair({"server_names": [], "path": "/", "tls": "off", "nginx": {"client_max_body_size": "1m", "extra": extra}}))


@pytest.mark.parametrize(
    ("uses", "said"),
    [
        (["imags"], "uses of shop names 'imags', and no entry of flask_apps has this name; did you mean 'images'? Of internal services"),
        (["mail"], "uses of shop names 'mail', and no entry of flask_apps has this name; Of internal services there are images"),
        (["shop"], "uses of shop names 'shop', which is the app itself; take it out"),
        (
            ["blog"],
            "uses of shop names 'blog', which is not internal; of internal services there are images. A public app is called by one",
        ),
        (["gone"], "uses of shop names 'gone', which is to be taken away: its entry has `state: absent`; take it out of `uses` first"),
        (["images", "images"], "uses of shop names 'images' 2 times; name it once"),
        (["a-b", "a_b"], "uses of shop names a-b and a_b, whose URLs would both be in A_B_URL; rename one of the two"),
    ],
)
def test_what_cannot_be_used_is_refused_with_what_can(uses: list[str], said: str) -> None:
    others = [describe(**IMAGES), describe(name="blog", server_names=["blog.test"]), {"name": "gone", "state": "absent"}]
    others += [describe(**{**IMAGES, "name": name}) for name in uses if name.startswith("a")]
    (problem,) = find_problems(describe(uses=uses), *others)
    assert problem.startswith(said)


def test_where_there_is_no_service_that_is_said() -> None:
    assert find_problems(describe(uses=["images"]))[0].endswith("Of internal services there is none")


def test_a_variable_of_the_apps_own_does_not_give_way_unnoticed() -> None:
    (problem,) = find_problems(*pair(env={"IMAGES_URL": "http://elsewhere"}))
    assert problem == "env.IMAGES_URL of shop is given, and holds the URL of images, which is in `uses`; take one of the two out"


def test_two_names_that_give_one_address_are_refused() -> None:
    found: dict[str, str] = {}
    number = 0
    while True:
        name = f"s{number}"
        address = find_service_address(name)
        if address in found:
            break
        found[address], number = name, number + 1
    (problem,) = find_problems(describe(**{**IMAGES, "name": found[address]}), describe(**{**IMAGES, "name": name}))
    assert problem.startswith(f"internal is true for {found[address]} and {name}, whose names happen to give the same address, {address}")


def test_a_service_that_is_used_is_not_taken_away() -> None:
    apps = check_apps(pair())
    with pytest.raises(UserError, match="images is to be taken away, and `uses` of shop names it; take it out there first"):
        without_app(apps, "images")
    assert [app["name"] for app in without_app(apps, "shop")] == ["images", "shop"]


def test_who_is_taken_away_is_let_in_nowhere_and_others_still_are() -> None:
    apps = check_apps([*pair(), describe(name="blog", server_names=["blog.test"], uses=["images"])])
    (images,) = site_inputs(apps_beside(apps, "shop"))
    assert images["internal"]["callers"] == ["blog"]
    assert apps_beside(apps, "images") == []


def test_after_a_run_those_are_kept_out_that_name_it_no_more_unless_they_have_failed() -> None:
    sites = site_inputs(check_apps([describe(uses=["images"]), describe(**IMAGES), describe(**{**IMAGES, "name": "mail"})]))
    done = {"releases": {"shop": {}, "blog": {}, "forum": {"error": "no"}}}
    assert withdrawn_sites(sites, {}, [done]) == []
    assert withdrawn_sites(sites, None, [done]) == []
    assert withdrawn_sites(sites, {"images": ["forum"]}, [done]) == []
    (images,) = withdrawn_sites(sites, {"images": ["blog", "forum", "unknown"]}, [done])
    assert images["internal"]["callers"] == ["shop", "forum"]


def test_a_live_service_that_has_failed_still_lets_in_who_comes_anew() -> None:
    apps, failed = check_apps(pair()), [{"builds": {"images": {"error": "no such branch"}}}]
    assert [site["name"] for site in site_inputs(apps, {}, failed, {"images": "/"})] == ["shop", "images"]
    assert [site["name"] for site in site_inputs(apps, {}, failed, {})] == ["shop"]


def test_the_port_is_nobodys_to_choose_and_no_firewalls_business() -> None:
    (problem,) = port_problems(check_apps(pair()), {"790": [{"name": "other", "process": "7", "unit": "other.service"}]})
    assert problem.endswith("for images. Stop that program for good (`systemctl disable --now other.service`).")
    assert summarise_host({"closed": [790]}) == []
    assert "out of port 80:" in summarise_host({"closed": [80, 790]})[0]


def test_the_summary_says_for_whom_it_is() -> None:
    lines = summarise(check_apps(pair()), {"releases": {"shop": {"current": "r1"}, "images": {"current": "r2"}}})
    assert lines[1].startswith("images: for shop on this host there is release r2 (nothing changed)")
