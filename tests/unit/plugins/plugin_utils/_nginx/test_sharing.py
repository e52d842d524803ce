"""Sites that have server names in common: which, and what nginx is told of them."""

from __future__ import annotations

from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.shape import shape_sites
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import Claim, group
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_site_problems

TLS = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem"}


def site(name: str, *names: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a site has
    return {"name": name, "server_names": list(names), "upstream": f"unix:/run/{name}.sock", **options}


def claim(owner: str, *names: str, ports: tuple[str, ...] = ("80",)) -> Claim:
    return Claim(owner, names, ports, "", {}, {})


def test_those_belong_together_that_have_a_name_on_a_port_in_common_by_way_of_others_too() -> None:
    claims = [claim("a", "x"), claim("b", "y"), claim("c", "z"), claim("d", "x", "z"), claim("e", "y", ports=("81",))]
    assert group(claims) == [[0, 2, 3], [1], [4]]
    assert group([]) == []


def test_sites_with_a_name_in_common_are_one_named_after_the_one_at_the_top() -> None:
    blog, shop, news = site("blog", "a.test", path="/blog"), site("shop", "a.test", "b.test"), site("news", "c.test")
    gone = site("old", "a.test", state="absent")
    (shared, alone) = shape_sites([blog, shop, news, gone])
    assert (shared["name"], [place["name"] for place in shared["places"]]) == ("shop", ["shop", "blog"])
    assert [(front["names"], [place["name"] for place in front["places"]]) for front in shared["fronts"]] == [
        (["a.test"], ["shop", "blog"]),
        (["b.test"], ["shop"]),
    ]
    assert (alone["name"], len(alone["places"])) == ("news", 1)
    (without_top,) = shape_sites([site("news", "a.test", path="/news"), blog])
    assert without_top["name"] == "news"


def test_names_with_other_certificates_or_other_paths_have_servers_of_their_own() -> None:
    sites = [
        site("shop", "a.test", "b.test", "c.test", tls={**TLS, "server_names": ["a.test", "c.test"]}),
        site("blog", "c.test", "b.test", path="/blog"),
    ]
    assert find_site_problems(sites) == []
    (shared,) = shape_sites(sites)
    assert [(front["names"], front["encrypted"], len(front["places"])) for front in shared["fronts"]] == [
        (["a.test"], True, 1),
        (["c.test"], True, 2),
        (["b.test"], False, 2),
    ]


def test_the_certificate_may_be_for_names_of_the_others() -> None:
    tls = {**TLS, "server_names": ["b.test"]}
    assert find_site_problems([site("shop", "a.test", "b.test"), site("blog", "a.test", path="/blog", tls=tls)]) == []
    (problem,) = find_site_problems([site("shop", "b.test"), site("blog", "a.test", path="/blog", tls=tls)])
    assert problem.startswith("nginx_site_sites[1].tls.server_names[0] is 'b.test'; allowed is")


def test_settings_of_the_name_are_those_of_whoever_has_said_them() -> None:
    trust = {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "proxy_protocol"}
    sites = [site("shop", "a.test", client_max_body_size="1m"), site("blog", "a.test", path="/blog", tls=TLS, **trust)]
    assert find_site_problems(sites) == []
    (shared,) = shape_sites(sites)
    assert (shared["tls"]["certificate"], shared["trusted_header"]) == ("/etc/ssl/c.pem", "proxy_protocol")
    assert [place["client_max_body_size"] for place in shared["places"]] == ["1m", "10m"]


def test_what_contradicts_itself_is_refused() -> None:
    sites = [site("shop", "a.test", tls=TLS), site("blog", "a.test", path="/blog", tls={**TLS, "hsts": 5}, extra="return 404;")]
    contradiction, lost = find_site_problems(sites, "sites")
    assert contradiction == (
        "sites: tls.hsts is 0 for shop, 5 for blog, which have the server name 'a.test' in common, and a server name has one; write it in "
        "one of them, or the same in all"
    )
    assert lost == (
        "sites: extra of blog has `return`, which would have no effect: where several have a server name in common, `extra` is for what is "
        "below the path of one. Write it into a location of its own, such as `location /blog/old/ { ... }`"
    )
