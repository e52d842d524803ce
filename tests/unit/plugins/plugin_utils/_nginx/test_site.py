from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.options import SITE_DEFAULTS
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.shape import shape_site
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_site_problems

SITE: dict[str, Any] = {
    "name": "shop",
    "server_names": ["shop.test"],
    "upstream": "unix:/run/shop.sock",
    "root": "/srv/shop",
    "static": [{"url": "/static/", "paths": ["static"]}],
}
TLS = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem"}
HOSTILE = [
    "a b",
    "a\nb",
    "a;b",
    "a{b",
    "a}b",
    "a$b",
    "a'b",
    'a"b',
    "a\\b",
    "a#b",
    "a%b",
    "\u200b",
    "ñ",
    "x" * 10_000,
    "",
    1.5,
    True,
    ["a"],
    {"a": 1},
]


def problems_with(**options: Any) -> list[str]:  # noqa: ANN401
    return find_site_problems([{**SITE, **options}], "sites")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"name": "a"},
        {"name": "many_options-1"},
        {"name": "x" * 32},
        {
            "server_names": [
                "localhost",
                "WWW.Example.org",
                "*.example.org",
                "www.example.*",
                "192.0.2.1",
                "xn--maana-pta.es",
                "my_app.test",
            ]
        },
        {"upstream": "127.0.0.1:8000"},
        {"upstream": "app.internal:65535"},
        {"upstream": "unix:/var/www/shop/current/gunicorn.sock"},
        {"root": None, "static": None, "extra": None},
        {
            "static": [
                {"url": "/", "paths": ["public"], "expires": False},
                {"url": "/a+b/c.d/", "paths": ["v1.0", "a/b@2"], "expires": 3600},
            ]
        },
        {"static": [{"url": "/media/", "paths": ["shared/media", "shared"], "uploads_in": "shared"}]},
        {"path": "/shop", "stream_paths": ["/", "/events", "/a/b.c/"]},
        {"path": "/a/b~1/", "stream_paths": []},
        {"limit_requests": "10r/s", "limit_requests_burst": 0, "limit_connections": 5, "security_headers": False, "pass_dotfiles": True},
        {"limit_requests": "", "limit_connections": 0},
        {"trusted_proxies": ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"], "trusted_header": "CF-Connecting-IP"},
        {"trusted_proxies": ["192.0.2.7"], "trusted_header": "proxy_protocol", "tls": TLS},
        {"listen_port": 8080, "client_max_body_size": 0, "proxy_read_timeout": 86400},
        {"listen_port": "8080", "client_max_body_size": "20M", "proxy_read_timeout": "1"},
        {"extra": 'add_header X "a;b";\n\tlocation = /ñ {}\n'},
        {"tls": TLS},
        {"tls": {**TLS, "port": "8443", "redirect": False, "hsts": 300, "hsts_subdomains": True, "http3": True}},
        {"tls": {}},
        {"state": "present"},
        {"state": "absent", "server_names": None, "upstream": None},
    ],
)
def test_what_people_write_is_accepted(options: dict[str, Any]) -> None:
    assert problems_with(**options) == []


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("option", [option for option in ("name", *SITE_DEFAULTS) if option not in {"extra", "static", "stream_paths"}])
def test_nothing_that_means_something_to_nginx_gets_through(option: str, value: object) -> None:
    if isinstance(value, type(SITE_DEFAULTS.get(option, ...))) and value in ("", True):
        return  # it is what the option may be
    given = [value] if option == "server_names" and value != ["a"] else value
    if given == ["a"]:
        return
    assert problems_with(**{option: given})


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("option", ["certificate", "key", "port", "redirect", "hsts", "http3"])
def test_nothing_hostile_gets_through_in_what_is_encrypted(option: str, value: object) -> None:
    if not (value is True and option in {"redirect", "http3"}):
        assert problems_with(tls={**TLS, option: value})


@pytest.mark.parametrize("value", HOSTILE[1:-4])
def test_nothing_hostile_gets_through_in_a_path(value: object) -> None:
    assert problems_with(path=f"/{value}/")
    assert problems_with(stream_paths=[f"/{value}/"])


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("option", ["url", "expires", "paths"])
def test_nothing_hostile_gets_through_in_a_mapping(option: str, value: object) -> None:
    text = f"/{value}/" if option == "url" and isinstance(value, str) else value
    given = [text] if option == "paths" else text
    assert problems_with(static=[{"url": "/static/", "paths": ["static"], option: given}])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "Shop"}, "sites[0].name is 'Shop'; allowed is 1 to 32 lower-case letters, digits, `-` and `_`, beginning with a letter"),
        ({"name": "../etc"}, "sites[0].name is '../etc'; allowed is 1 to 32 lower-case"),
        ({"state": "abesnt"}, "sites[0].state is 'abesnt'; allowed is `present`, `absent` or `kept`"),
        ({"server_names": []}, "sites[0].server_names is missing; a site that is present needs it"),
        ({"server_names": "shop.test"}, "sites[0].server_names is 'shop.test'; allowed is a list of host names"),
        ({"server_names": ["_"]}, "sites[0].server_names[0] is '_'; allowed is a host name such as www.example.org"),
        ({"server_names": ["a.test", "~^(.*)$"]}, "sites[0].server_names[1] is '~^(.*)$'; allowed is a host name"),
        ({"server_names": ["mañana.test"]}, "or www.example.*; in ASCII this one is xn--maana-pta.test"),
        ({"server_names": ["shop.test."]}, "sites[0].server_names[0] is 'shop.test.'; allowed"),
        ({"server_names": ["-shop.test"]}, "sites[0].server_names[0] is '-shop.test'; allowed"),
        ({"server_names": [f"{'a' * 64}.test"]}, "sites[0].server_names[0] is 'aaaa"),
        ({"upstream": ""}, "sites[0].upstream is missing; a site that is present needs it"),
        ({"upstream": "unix:run/a.sock"}, "sites[0].upstream is 'unix:run/a.sock'; allowed is unix:/path/of/a.sock"),
        ({"upstream": "unix:/run/../a.sock"}, "sites[0].upstream is 'unix:/run/../a.sock'; allowed"),
        ({"upstream": f"unix:/{'a' * 107}"}, "sites[0].upstream is 'unix:/aaa"),
        ({"upstream": "localhost"}, "sites[0].upstream is 'localhost'; allowed"),
        ({"upstream": "localhost:65536"}, "sites[0].upstream is 'localhost:65536'; allowed"),
        ({"upstream": "http://localhost:1"}, "sites[0].upstream is 'http://localhost:1'; allowed"),
        ({"path": "shop"}, "sites[0].path is 'shop'; allowed is `/`, or a path such as /shop"),
        ({"path": "/a/../b"}, "sites[0].path is '/a/../b'; allowed"),
        ({"path": "//"}, "sites[0].path is '//'; allowed"),
        ({"stream_paths": "/events"}, "sites[0].stream_paths is '/events'; allowed is a list of addresses such as /events/"),
        ({"stream_paths": ["events"]}, "sites[0].stream_paths[0] is 'events'; allowed is an address that begins with `/`"),
        ({"stream_paths": ["/a/../b"]}, "sites[0].stream_paths[0] is '/a/../b'; allowed"),
        (
            {"trusted_proxies": "10.0.0.0/8"},
            "sites[0].trusted_proxies is '10.0.0.0/8'; allowed is a list of addresses and networks such as 192.0.2.7 and 10.0.0.0/8",
        ),
        (
            {"trusted_proxies": ["10.0.0.1/8"]},
            (
                "sites[0].trusted_proxies[0] is '10.0.0.1/8'; allowed is an address or a network such as 192.0.2.7, 10.0.0.0/8 or "
                "2001:db8::/32; its host bits are set"
            ),
        ),
        (
            {"trusted_proxies": ["lb.test"]},
            "sites[0].trusted_proxies[0] is 'lb.test'; allowed is an address or a network such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32",
        ),
        (
            {"trusted_proxies": ["0.0.0.0/0"]},
            "sites[0].trusted_proxies[0] is '0.0.0.0/0', so that any visitor could say who he is; name the networks of the proxies alone",
        ),
        (
            {"trusted_header": "X-Real-IP; deny all"},
            (
                "sites[0].trusted_header is 'X-Real-IP; deny all'; allowed is the name of a header, such as X-Forwarded-For, X-Real-IP or "
                "CF-Connecting-IP"
            ),
        ),
        (
            {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "proxy_protocol", "tls": {**TLS, "http3": True}},
            "sites[0].tls.http3 is True, and `trusted_header` is proxy_protocol, which there is on TCP alone, where HTTP/3 is on UDP",
        ),
        (
            {"limit_requests": "10/s"},
            "sites[0].limit_requests is '10/s'; allowed is a number of requests with r/s or r/m, such as 10r/s",
        ),
        ({"limit_requests_burst": -1}, "sites[0].limit_requests_burst is -1; allowed is a number from 0 to 999999"),
        ({"limit_connections": "many"}, "sites[0].limit_connections is 'many'; allowed is a number from 0"),
        ({"security_headers": "no"}, "sites[0].security_headers is 'no'; allowed is true or false"),
        ({"pass_dotfiles": 1}, "sites[0].pass_dotfiles is 1; allowed is true or false"),
        ({"root": "srv"}, "sites[0].root is 'srv'; allowed is an absolute path of letters, digits and /_@+.- without `..`"),
        ({"root": "/srv/../etc"}, "sites[0].root is '/srv/../etc'; allowed"),
        ({"root": None}, "sites[0].root is missing; `static` needs the directory below which its `paths` are"),
        ({"static": {}}, "sites[0].static is {}; allowed is a list of mappings with `url` and `paths`"),
        ({"static": ["a"]}, "sites[0].static[0] is 'a'; allowed is a dictionary with `url` and `paths`"),
        ({"static": [{"url": "static", "paths": ["a"]}]}, "sites[0].static[0].url is 'static'; allowed is an address that begins and ends"),
        ({"static": [{"url": "/a/../", "paths": ["a"]}]}, "sites[0].static[0].url is '/a/../'; allowed"),
        ({"static": [{"url": "/a/"}]}, "sites[0].static[0].paths is None; allowed is a list of directories below `root`"),
        ({"static": [{"url": "/a/", "paths": ["."]}]}, "sites[0].static[0].paths[0] is '.'; allowed is a directory below `root` but not"),
        ({"static": [{"url": "/a/", "paths": ["/etc"]}]}, "sites[0].static[0].paths[0] is '/etc'; allowed"),
        ({"static": [{"url": "/a/", "paths": ["a/../.."]}]}, "sites[0].static[0].paths[0] is 'a/../..'; allowed"),
        ({"static": [{"url": "/a/", "paths": ["a"], "expires": "1 week"}]}, "sites[0].static[0].expires is '1 week'; allowed is seconds"),
        ({"static": [{"url": "/a/", "paths": ["a"], "expirse": 1}]}, "sites[0].static[0] has no option 'expirse'; did you mean `expires`?"),
        (
            {"static": [{"url": "/a/", "paths": ["a"], "uploads_in": "../b"}]},
            "sites[0].static[0].uploads_in is '../b'; allowed is a directory",
        ),
        (
            {"static": [{"url": "/a/", "paths": ["b/a", "bc"], "uploads_in": "b"}]},
            "sites[0].static[0].paths[1] is 'bc', which is not in `uploads_in`, 'b'; give it a mapping of its own",
        ),
        ({"static": [{"url": "/a/", "paths": ["a"]}] * 2}, "sites[0].static has the url '/a/' more than once"),
        ({"listen_port": 0}, "sites[0].listen_port is 0; allowed is a number from 1 to 65535"),
        ({"listen_port": 65536}, "sites[0].listen_port is 65536; allowed"),
        ({"client_max_body_size": "10 MB"}, "sites[0].client_max_body_size is '10 MB'; allowed is bytes, or a number"),
        ({"proxy_read_timeout": 0}, "sites[0].proxy_read_timeout is 0; allowed is seconds, from 1 to 86400"),
        ({"proxy_send_timeout": "60s"}, "sites[0].proxy_send_timeout is '60s'; allowed"),
        ({"extra": "a\rb"}, "sites[0].extra is 'a\\rb'; allowed is nginx configuration as text without control characters"),
        ({"extra": "a\x00b"}, "sites[0].extra is 'a\\x00b'; allowed"),
        ({"extra": ["a"]}, "sites[0].extra is ['a']; allowed"),
        ({"server_name": "a.test"}, "sites[0] has no option 'server_name'; did you mean `server_names`?"),
        ({"colour": "red"}, "sites[0] has no option 'colour'; there are name, state, server_names"),
        ({"tls": "acme"}, "sites[0].tls is 'acme'; allowed is a dictionary with `certificate` and `key`"),
        ({"tls": {**TLS, "key": None}}, "sites[0].tls.key is None; allowed is an absolute path"),
        ({"tls": {**TLS, "certificate": "c.pem"}}, "sites[0].tls.certificate is 'c.pem'; allowed is an absolute path"),
        ({"tls": {**TLS, "key": "-----BEGIN PRIVATE KEY-----"}}, "sites[0].tls.key is '(not shown)'; allowed is an absolute path"),
        ({"tls": {**TLS, "port": 80}}, "sites[0].tls.port is 80, as is `listen_port`; give one of them another port"),
        ({"tls": {**TLS, "hsts": "1y"}}, "sites[0].tls.hsts is '1y'; allowed is seconds, such as 300"),
        ({"tls": {**TLS, "http3": "on"}}, "sites[0].tls.http3 is 'on'; allowed is true or false"),
        ({"tls": {**TLS, "redirects": True}}, "sites[0].tls has no option 'redirects'; did you mean `redirect`?"),
    ],
)
def test_a_refusal_says_what_was_given_and_what_is_allowed(options: dict[str, Any], problem: str) -> None:
    problems = problems_with(**options)
    assert len(problems) == 1
    assert problem in problems[0]


@pytest.mark.parametrize(
    "header", ["proxy-protocol", "PROXY_PROTOCOL", "Proxy", "ProxyProtocol", "proxy-v2", "send-proxy", "send-proxy-v2", "proxy_protocol_v2"]
)
def test_the_proxy_protocol_in_another_spelling_is_taken_for_no_header(header: str) -> None:
    (problem,) = problems_with(trusted_proxies=["10.0.0.0/8"], trusted_header=header)
    assert problem == (
        f"sites[0].trusted_header is '{header}'; allowed is the name of a header, such as X-Forwarded-For, X-Real-IP or CF-Connecting-IP, "
        "or proxy_protocol"
    )


@pytest.mark.parametrize("header", ["proxy_protocol", "CF-Connecting-IP"])
def test_a_way_to_tell_of_visitors_is_refused_where_nobody_is_believed(header: str) -> None:
    (problem,) = problems_with(trusted_header=header)
    assert problem == (
        f"sites[0].trusted_header is '{header}', and `trusted_proxies` names nobody who is believed; name the addresses or networks of the "
        "balancers, such as `trusted_proxies: [10.0.0.0/8]`"
    )


@pytest.mark.parametrize("sites", [None, "shop", {"name": "shop"}])
def test_no_list_is_refused(sites: object) -> None:
    assert find_site_problems(sites) == [f"nginx_site_sites is {sites!r}; allowed is a list of sites"]


def test_what_is_no_site_is_refused() -> None:
    assert find_site_problems(["shop"], "sites") == ["sites[0] is 'shop'; allowed is a dictionary with at least `name`"]


def test_all_problems_are_told_at_once() -> None:
    assert len(problems_with(name="A", server_names=["a;", "b;"], upstream="x", listen_port=0)) == 5


def test_a_long_value_is_cut() -> None:
    (problem,) = problems_with(root="/" + "x" * 5000)
    assert "… (5003 characters)" in problem
    assert len(problem) < 250


AT_ONE_PATH = ", at the path '/' each; give them paths of their own, such as `path: /blog`, or the name to one"


def test_two_sites_cannot_have_one_name_or_one_path_of_a_server_name() -> None:
    sites = [SITE, {**SITE, "name": "blog", "server_names": ["blog.test", "SHOP.test"]}, {"name": "blog", "state": "absent"}]
    assert find_site_problems(sites, "sites") == [
        "sites has more than one site named 'blog'; give each its own name",
        f"sites: the server name 'shop.test' on port 80 is claimed by shop and blog{AT_ONE_PATH}",
    ]


def test_two_sites_cannot_have_one_server_name_on_the_encrypted_port() -> None:
    sites = [{**SITE, "tls": TLS}, {**SITE, "name": "blog", "listen_port": 81, "tls": TLS}, {**SITE, "name": "old", "listen_port": 443}]
    assert find_site_problems(sites, "sites") == [
        f"sites: the server name 'shop.test' on port 443 is claimed by shop and blog and old{AT_ONE_PATH}",
    ]


def test_two_sites_can_have_one_server_name_on_two_ports_or_when_one_goes() -> None:
    assert find_site_problems([SITE, {**SITE, "name": "blog", "listen_port": 81}, {**SITE, "name": "old", "state": "absent"}]) == []


BALANCED = {"trusted_proxies": ["10.0.0.0/8"], "trusted_header": "proxy_protocol"}
OTHER = {**SITE, "name": "blog", "server_names": ["blog.test"]}


@pytest.mark.parametrize(
    ("one", "other", "port"),
    [
        (BALANCED, {}, 80),
        (BALANCED, {"trusted_proxies": ["10.0.0.0/8"]}, 80),
        ({**BALANCED, "listen_port": "81", "tls": TLS}, {"tls": TLS}, 443),
        ({**BALANCED, "listen_port": 81, "tls": TLS}, {"listen_port": 443}, 443),
        ({**BALANCED, "listen_port": 443}, {"tls": TLS}, 443),
    ],
)
def test_sites_on_one_port_are_spoken_to_in_one_way(one: dict[str, Any], other: dict[str, Any], port: int) -> None:
    (problem,) = find_site_problems([{**SITE, **one}, {**OTHER, **other}], "sites")
    assert problem == (
        f"sites: on port {port} trusted_header is proxy_protocol for 'shop' and not for 'blog', but nginx takes all that comes to a port "
        "in one way; give all of them `trusted_header: proxy_protocol`, or those without another port: `listen_port`, and `tls.port` "
        "with `tls`"
    )


@pytest.mark.parametrize("other", [BALANCED, {"listen_port": 81}, {"state": "absent"}])
def test_sites_that_are_spoken_to_in_one_way_or_on_ports_of_their_own_are_accepted(other: dict[str, Any]) -> None:
    assert find_site_problems([{**SITE, **BALANCED}, {**OTHER, **other}], "sites") == []


def test_a_shaped_site_has_every_option() -> None:
    own = {
        "name": "shop",
        "id": "shop",
        "server_names": ["a.test", "b.test"],
        "upstream": "a:1",
        "prefix": "",
        "prefix_pattern": "",
        "has_uploads": False,
        "guarded": False,
        "encrypted": False,
        "inherited_extra": "",
    }
    once = {"listen_port", "tls", "trusted_proxies", "trusted_header"}
    place = {**{key: value for key, value in SITE_DEFAULTS.items() if key not in once}, **own}
    assert shape_site({"name": "shop", "server_names": ["A.test", "a.TEST", "b.test"], "upstream": "a:1", "extra": None}) == {
        **SITE_DEFAULTS,
        **own,
        "fronts": [{"names": ["a.test", "b.test"], "plain": True, "encrypted": False, "places": [place]}],
        "places": [place],
    }


@pytest.mark.parametrize(
    ("options", "fronts"),
    [
        ({}, [(["a.test", "b.test"], False, True)]),
        ({"redirect": False}, [(["a.test", "b.test"], True, True)]),
        ({"server_names": ["A.test"]}, [(["a.test"], False, True), (["b.test"], True, False)]),
        ({"server_names": ["B.test"], "redirect": False}, [(["b.test"], True, True), (["a.test"], True, False)]),
        ({"server_names": ["a.test", "B.test"]}, [(["a.test", "b.test"], False, True)]),
    ],
)
def test_names_without_a_certificate_have_a_server_of_their_own(
    options: dict[str, Any], fronts: list[tuple[list[str], bool, bool]]
) -> None:
    site = {**SITE, "server_names": ["A.test", "B.test"], "tls": {"certificate": "/c.pem", "key": "/c.pem", **options}}
    assert find_site_problems([site]) == []
    shaped = shape_site(site)["fronts"]
    assert [(front["names"], front["plain"], front["encrypted"]) for front in shaped] == fronts


def test_only_names_of_the_site_can_be_served_encrypted() -> None:
    site = {**SITE, "server_names": ["a.test"], "tls": {"certificate": "/c.pem", "key": "/c.pem", "server_names": ["b.test"]}}
    (problem,) = find_site_problems([site])
    assert problem == "nginx_site_sites[0].tls.server_names[0] is 'b.test'; allowed is a name that the site has"


CLOSED = {"file": "closed.html", "pages": ["app/closed.html"], "allow": ["10.0.0.0/8", "2001:db8::1"], "paths": ["/hooks/"]}


def test_a_site_that_can_be_closed_may_be_described() -> None:
    assert problems_with(maintenance=CLOSED) == problems_with(maintenance={"file": "closed.html"}) == []
    shaped = shape_site({**SITE, "path": "/a.b", "maintenance": CLOSED})
    assert shaped["guarded"], "the host needs a way past it"
    assert shaped["maintenance"] == {
        "path": "/srv/shop/closed.html",
        "switch": "$webstack_closing_shop",
        "address": "/.webstack-flask/maintenance/shop",
        "shown": ["app/closed.html", "closed.html"],
        "allow": ["10.0.0.0/8", "2001:db8::1/128"],
        "paths": [r"/a\.b/hooks/"],
        "retry_after": 300,
    }
    assert shape_site({**SITE, "maintenance": {"file": "closed.html"}})["maintenance"]["switch"] == "/srv/shop/closed.html"


@pytest.mark.parametrize(
    ("maintenance", "said"),
    [
        (True, " is True; allowed is a dictionary with at least `file`"),
        ({}, ".file is None; allowed is a relative path"),
        ({**CLOSED, "page": "a"}, " has no option 'page'; did you mean `pages`?"),
        ({**CLOSED, "file": "/closed.html"}, ".file is '/closed.html'; allowed is a relative path"),
        ({**CLOSED, "pages": "a.html"}, ".pages is 'a.html'; allowed is a list of files below `root`"),
        ({**CLOSED, "pages": ["../a.html"]}, ".pages[0] is '../a.html'; allowed is a relative path"),
        ({**CLOSED, "paths": ["hooks"]}, ".paths[0] is 'hooks'; allowed is an address that begins with `/`"),
        ({**CLOSED, "allow": "10.0.0.0/8"}, ".allow is '10.0.0.0/8'; allowed is a list of addresses and networks"),
        ({**CLOSED, "allow": ["10.0.0.1/8"]}, ".allow[0] is '10.0.0.1/8'; allowed is an address or a network"),
        ({**CLOSED, "allow": ["::/0"]}, ".allow[0] is '::/0', so that it would never be closed"),
        ({**CLOSED, "retry_after": -1}, ".retry_after is -1; allowed is seconds"),
    ],
)
def test_how_a_site_is_closed_is_checked(maintenance: object, said: str) -> None:
    (problem,) = problems_with(maintenance=maintenance)
    assert problem.startswith(f"sites[0].maintenance{said}")


def test_what_closes_a_site_needs_a_place_and_a_service_has_no_visitors() -> None:
    assert problems_with(maintenance=CLOSED, root=None, static=None) == [
        "sites[0].root is missing; `maintenance` needs the directory below which its `file` is"
    ]
    (problem,) = problems_with(**INTERNAL, maintenance=CLOSED)
    assert problem.startswith("sites[0].maintenance.allow is ['10.0.0.0/8', '2001:db8::1'], which is for a public site")


def test_mappings_are_shaped_with_the_longest_address_first() -> None:
    static = [{"url": "/", "paths": ["a"], "expires": False}, {"url": "/a+b/v1.0/", "paths": ["b"], "expires": None}]
    assert shape_site({**SITE, "static": static})["static"] == [
        {"url": "/a+b/v1.0/", "pattern": r"/a\+b/v1\.0/", "paths": ["b"], "expires": "60s", "uploads_in": ""},
        {"url": "/", "pattern": "/", "paths": ["a"], "expires": "off", "uploads_in": ""},
    ]


def test_what_is_below_a_site_is_below_its_path() -> None:
    shaped = shape_site({**SITE, "path": "/shop/", "stream_paths": ["/", "/events", "/events"]})
    assert shaped["prefix"] == "/shop"
    assert shaped["static"][0]["pattern"] == "/shop/static/"
    assert shaped["stream_paths"] == ["/shop/", "/shop/events"]


INTERNAL = {"internal": {"address": "127.79.1.2", "callers": ["blog"]}, "listen_port": 790, "server_names": ["127.79.1.2"]}


def test_a_service_of_the_host_may_be_described() -> None:
    assert problems_with(**INTERNAL) == []
    assert shape_site({**SITE, **INTERNAL})["internal"] == {"address": "127.79.1.2", "callers": ["blog"]}
    assert shape_site({**SITE, **INTERNAL, "internal": {"address": "127.0.0.2"}})["internal"]["callers"] == []
    assert shape_site(SITE)["internal"] is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"internal": True}, "sites[0].internal is True; allowed is a dictionary"),
        ({"internal": {}}, "sites[0].internal.address is None; allowed is an address of the host itself"),
        *(
            ({"internal": {"address": address}}, f"sites[0].internal.address is {address!r}; allowed is an address of the host itself")
            for address in ("127.0.0.1", "10.0.0.1", "0.0.0.0", "127.1", "127.0.0.256", "127.0.0.2;", "::1", 127, "")  # noqa: S104
        ),
        ({"internal": {"address": "127.79.1.2", "callers": "blog"}}, "sites[0].internal.callers is 'blog'; allowed is a list"),
        ({"internal": {"address": "127.79.1.2", "callers": ["a b"]}}, "sites[0].internal.callers[0] is 'a b'; allowed is 1 to 32"),
        ({"internal": {"address": "127.79.1.2", "user": "x"}}, "sites[0].internal has no option 'user'"),
        ({"tls": TLS}, "sites[0].tls is {'certificate': '/etc/ssl/c.pem', 'key': '/etc/ssl/k.pem'}, which is for a public site"),
        ({"path": "/shop"}, "sites[0].path is '/shop', which is for a public site, and `internal` makes it none"),
        ({"trusted_proxies": ["10.0.0.0/8"]}, "sites[0].trusted_proxies is ['10.0.0.0/8'], which is for a public site"),
        ({"limit_requests": "1r/s"}, "sites[0].limit_requests is '1r/s', which is for a public site"),
        ({"limit_connections": 3}, "sites[0].limit_connections is 3, which is for a public site"),
        ({"extra": "auth_basic x;"}, "sites[0].extra has `auth_basic`, and callers"),
    ],
)
def test_what_a_service_cannot_be_is_refused(options: dict[str, Any], said: str) -> None:
    (problem,) = problems_with(**{**INTERNAL, **options})
    assert problem.startswith(said)
