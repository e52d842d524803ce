"""Apps that have a server name in common, each below a path of its own."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import (
    certificate_inputs,
    list_last_sites,
    site_inputs,
    switch_inputs,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.sharing import leave_names
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.summary import summarise
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_site_problems
from unit.flask_entries import PEM, describe, find_problems

NAMES = ["shop.test", "www.shop.test"]
GIVEN = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem"}


def pair(shop: dict[str, Any] | None = None, **blog: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - whatever an entry has
    return [describe(server_names=NAMES, **(shop or {})), describe(name="blog", **{"path": "/blog", **blog})]


def names_of(sites: list[dict[str, Any]]) -> dict[str, str]:
    return {site["name"]: site.get("state", "present") for site in sites}


@pytest.mark.parametrize("paths", [("/", "/blog"), ("/api", "/blog"), ("/api", "/apiary"), ("/a", "/a/b"), ("/", "/blog/")])
def test_apps_may_have_a_name_in_common_below_paths_of_their_own(paths: tuple[str, str]) -> None:
    apps = check_apps(pair({"path": paths[0]}, path=paths[1]))
    assert find_site_problems(site_inputs(apps)) == []


@pytest.mark.parametrize("paths", [("/", "/"), ("/blog", "/blog"), ("/blog/", "/blog")])
def test_two_at_one_path_are_refused(paths: tuple[str, str]) -> None:
    problem, *others = find_problems(*pair({"path": paths[0]}, path=paths[1], server_names=["SHOP.test"]))
    assert problem.startswith("the server name 'shop.test' on port 80 is claimed by shop and blog, at the path '/")
    assert "such as `path: /blog`" in problem
    assert others == []


def test_what_is_said_of_a_name_in_one_entry_counts_for_all_that_have_it() -> None:
    trust = {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "proxy_protocol"}
    for entries in (pair({"tls": GIVEN, "nginx": trust}), pair(tls=GIVEN, nginx=trust)):
        apps = check_apps(entries)
        assert [app["tls"]["certificate"] for app in apps] == ["/etc/ssl/c.pem"] * 2
        assert [app["nginx"]["trusted_header"] for app in apps] == ["proxy_protocol"] * 2
        for asked in switch_inputs(apps):
            assert (asked["proxy"]["tls"], asked["proxy"]["port"], asked["proxy"]["proxy_protocol"]) == (True, 443, True)
        assert find_site_problems(site_inputs(apps)) == []
        _shop, blog = summarise(apps, {"releases": {"shop": {"current": "r1"}, "blog": {"current": "r2"}}})
        assert blog.startswith("blog: https://shop.test/blog/ serves release r2")


@pytest.mark.parametrize(
    ("shop", "blog", "said"),
    [
        ({"tls": {**GIVEN, "hsts": 300}}, {"tls": GIVEN}, "tls.hsts is 300 for shop, 0 for blog"),
        ({"tls": "self_signed"}, {"tls": "off"}, "tls.mode is self_signed for shop, off for blog"),
        ({"tls": {**GIVEN, "port": 8443}}, {"tls": GIVEN}, "tls.port is 8443 for shop, 443 for blog"),
        ({"tls": PEM}, {"tls": {**PEM, "key": PEM["key"] + "\n"}}, "tls.key is not the same for shop and blog"),
        ({"tls": "self_signed"}, {"tls": "self_signed", "nginx": {"listen_port": 81}}, "nginx.listen_port is 80 for shop, 81 for blog"),
        (
            {"nginx": {"trusted_proxies": ["10.0.0.0/8"]}},
            {"nginx": {"trusted_proxies": ["192.0.2.1", "192.0.2.2"]}},
            "nginx.trusted_proxies is [10.0.0.0/8] for shop, [192.0.2.1, 192.0.2.2] for blog",
        ),
        (
            {"nginx": {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "X-Real-IP"}},
            {"nginx": {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "Forwarded-For"}},
            "nginx.trusted_header is X-Real-IP for shop, Forwarded-For for blog",
        ),
    ],
)
def test_two_settings_of_one_name_are_refused_by_key(shop: dict[str, Any], blog: dict[str, Any], said: str) -> None:
    (problem,) = find_problems(*pair(shop, **blog))
    assert problem == (
        f"{said}, which have the server name 'shop.test' in common, and a server name has one; write it in one of them, or the same in all"
    )
    assert "PRIVATE KEY" not in problem


def test_what_only_the_entries_together_say_wrongly_is_refused() -> None:
    trust = {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "proxy_protocol"}
    for entries, said in (
        (pair({"tls": {"mode": "self_signed", "http3": True}}, nginx=trust), "tls.http3 is True, and `trusted_header` is proxy_protocol"),
        (pair({"tls": "acme"}, server_names=["*.shop.test", "shop.test"]), "tls.mode is acme, and *.shop.test is only signed after"),
    ):
        problems = find_problems(*entries)
        assert problems
        assert all("in common: " in problem and said in problem for problem in problems)


def test_the_usual_address_of_static_files_is_not_taken_by_another_app_unsaid() -> None:
    (problem,) = find_problems(*pair(path="/static"))
    assert problem.startswith("static by default of shop is '/static/', and what is below '/static' reaches blog")
    check_apps(pair({"static": []}, path="/static"))


@pytest.mark.parametrize(
    ("shop", "said"),
    [
        ({"health": {"path": "/blog/up"}}, "health.path of shop is '/blog/up'"),
        ({"health": {"path": "/blog?x=1"}}, "health.path of shop is '/blog?x=1'"),
        ({"static": [{"url": "/blog/", "paths": ["dist"]}]}, "static[0].url of shop is '/blog/'"),
        ({"nginx": {"stream_paths": ["/blog/events"]}}, "nginx.stream_paths[0] of shop is '/blog/events'"),
    ],
)
def test_addresses_that_lead_to_the_other_are_refused(shop: dict[str, Any], said: str) -> None:
    (problem,) = find_problems(*pair(shop))
    assert problem == (f"{said}, and what is below '/blog' reaches blog, which has that path of the same server name; name another address")
    check_apps([describe(server_names=NAMES, **shop), describe(name="blog", server_names=["blog.test"], path="/blog")])


@pytest.mark.parametrize("line", ["return 301 /x;", "rewrite ^/old /new;", "if ($arg_x) { return 403; }", "set $x 1;"])
def test_lines_that_would_have_no_effect_are_refused_and_gates_and_locations_are_not(line: str) -> None:
    (problem,) = find_problems(*pair(nginx={"extra": f"deny all;\n{line}\n"}))
    assert problem.startswith(f"nginx.extra of blog has `{line.partition(' ')[0]}`, which would have no effect")
    assert problem.endswith("such as `location /blog/old/ { ... }`")
    check_apps([describe(nginx={"extra": line})])
    check_apps(pair(nginx={"extra": f'allow 192.0.2.1;\nauth_basic "return;";\nlocation /blog/x {{ {line} }} # {line}\n'}))


@pytest.mark.parametrize(
    ("shop", "blog", "owner"),
    [
        ({"tls": "acme"}, {}, "shop"),
        ({}, {"tls": "acme"}, "blog"),
        ({"tls": "acme"}, {"tls": "acme"}, "shop"),
        ({"tls": "acme", "path": "/x"}, {"tls": "acme", "path": "/"}, "blog"),
    ],
)
def test_there_is_one_certificate_for_all_names(shop: dict[str, Any], blog: dict[str, Any], owner: str) -> None:
    apps = check_apps(pair(shop, server_names=["shop.test", "blog.test"], **blog))
    names = ["shop.test", "www.shop.test", "blog.test"]
    assert certificate_inputs(apps) == [{"name": owner, "names": names, "acme": "http"}]
    other = {"shop": "blog", "blog": "shop"}[owner]
    assert certificate_inputs(apps, has_certbot=True)[1:] == [{"name": other, "state": "absent"}]
    file = f"/etc/webstack-flask/certificates/{owner}.pem"
    assert {asked["proxy"]["certified"]["certificate"] for asked in switch_inputs(apps)} == {file}

    assert [site.get("tls") for site in site_inputs(apps)] == [None, None]
    for covered, told in ((names, []), (["shop.test"], ["shop.test"]), (names[:2], names[:2])):
        certificates = {owner: {"covered": covered, "problems": ["soon"]}}
        sites = site_inputs(apps, certificates)
        assert [(site["tls"]["certificate"], site["tls"]["server_names"]) for site in sites] == [(file, told)] * 2
        assert find_site_problems(sites) == []
        lines = summarise(apps, {"releases": {"shop": {"current": "r1"}, "blog": {"current": "r2"}}}, certificates)
        assert len([line for line in lines if line.endswith(": soon")]) == 1


FAILED = [{"builds": {"blog": {"error": "no such branch"}}}]


def test_one_that_fails_does_not_take_the_site_of_the_other() -> None:
    apps = check_apps(pair())
    live = {"shop": "/", "blog": "/blog/up"}
    assert names_of(site_inputs(apps, {}, FAILED, live)) == {"shop": "present", "blog": "present"}
    assert names_of(site_inputs(apps, {}, FAILED, {"shop": "/"})) == {"shop": "present"}
    # Below another path, or for a name of its own, it stays where it is.
    for elsewhere in ("/", "/news/up", "/blogger/"):
        assert names_of(site_inputs(apps, {}, FAILED, {**live, "blog": elsewhere})) == {"shop": "present"}
    both = [{"builds": {"blog": {"error": "x"}, "shop": {"error": "x"}}}]
    assert names_of(site_inputs(apps, {}, both, live)) == {}
    alone = check_apps([describe(), describe(name="blog", server_names=["blog.test"])])
    assert names_of(site_inputs(alone, {}, FAILED, live)) == {"shop": "present"}


def test_one_that_was_never_live_leaves_the_site_and_the_others_stay_in_it() -> None:
    apps = check_apps([*pair(tls="self_signed"), describe(name="news", path="/news"), describe(name="alone", server_names=["alone.test"])])
    never = {"error": "x", "current": None}
    result = {"releases": {"shop": {"current": "r1"}, "blog": never, "alone": {"current": "r2"}}}
    assert names_of(list_last_sites(result, apps)) == {"shop": "present", "blog": "absent"}
    left = list_last_sites(result, apps, {}, {"news": "/news/"})
    assert names_of(left) == {"shop": "present", "news": "present", "blog": "absent"}
    assert left[0]["tls"]["certificate"] == "/etc/webstack-flask/certificates/blog.pem"
    assert names_of(list_last_sites({"releases": {"alone": never}}, apps)) == {"alone": "absent"}
    assert names_of(list_last_sites({"releases": {"shop": never, "blog": never}}, apps)) == {"shop": "absent", "blog": "absent"}


def test_those_beside_one_that_goes_keep_their_settings_and_the_certificate_where_it_stays() -> None:
    apps = check_apps([*pair({"tls": "self_signed"}), describe(name="news", path="/news")])
    left = leave_names(apps, "blog")
    assert certificate_inputs(left) == [{"name": "shop", "names": NAMES, **certificate_source(left)}]
    assert names_of(site_inputs(left)) == {"shop": "present", "news": "present"}

    left = leave_names(check_apps([*pair(), describe(name="news", path="/news", tls="self_signed")]), "blog")
    assert certificate_inputs(left)[0]["name"] == "news"

    left = leave_names(apps, "shop")
    assert [app["tls"]["mode"] for app in left] == ["self_signed"] * 2
    assert certificate_inputs(left)[0]["name"] == "blog"

    (alone,) = leave_names(check_apps(pair({"tls": "self_signed"})), "shop")
    assert "together" not in alone
    assert certificate_inputs([alone])[0]["name"] == "blog"
    assert leave_names(apps, "other") == []
    assert leave_names(check_apps([describe()]), "shop") == []


def certificate_source(apps: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in certificate_inputs(apps)[0].items() if key not in ("name", "names")}


def test_an_app_that_is_to_be_absent_has_nothing_in_common_any_more() -> None:
    apps = check_apps([*pair(), {**describe(name="news"), "state": "absent"}])
    assert [app.get("together", {}).get("server_names") for app in apps] == [NAMES, NAMES, None]
    (shop, _gone) = check_apps([pair()[0], {**pair()[1], "state": "absent"}])
    assert "together" not in shop


def test_on_ports_of_their_own_apps_have_nothing_in_common() -> None:
    apps = check_apps(pair(path="/", nginx={"listen_port": 8080}))
    assert ["together" in app for app in apps] == [False, False]
