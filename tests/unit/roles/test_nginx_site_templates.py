"""The files that the role nginx_site makes: as a whole, and whatever the user writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import adapt_to_version, add_catch_all, find_servers, is_ours
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.shape import shape_site, shape_sites
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_site_problems

TEMPLATES = Path(__file__).parents[3] / "roles/nginx_site/templates"
Block = list[tuple[list[str], "Block"]]


_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    trim_blocks=True,
    keep_trailing_newline=True,
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - this is no HTML
)
_ENVIRONMENT.filters["comment"] = "#\n# {}\n#".format


def render(template: str, **variables: Any) -> str:  # noqa: ANN401
    return _ENVIRONMENT.get_template(f"etc/nginx/{template}").render(ansible_managed="Ansible managed", **variables)


def render_site(**site: Any) -> str:  # noqa: ANN401
    assert find_site_problems([site]) == []
    return render("sites-available/site.conf.j2", __nginx_site=shape_site(site), nginx_site_acme_webroot="/var/lib/acme")


def render_together(*sites: dict[str, Any]) -> str:
    """Return the one file of sites that have server names in common."""
    assert find_site_problems(list(sites)) == []
    (shaped,) = shape_sites(sites)
    return render("sites-available/site.conf.j2", __nginx_site=shaped, nginx_site_acme_webroot="/var/lib/acme")


def parse(text: str) -> Block:
    """Read nginx configuration as ngx_conf_read_token does: words, quotes, backslashes, comments, `;`, `{` and `}`."""
    tokens = re.findall(r"""#[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[;{}]|(?:\\.|\$\{|[^\s;{}\\])+""", text, re.DOTALL)
    stack: list[Block] = [[]]
    words: list[str] = []
    for piece in tokens:
        if piece.startswith("#") and not words:
            continue
        if piece == "}":
            assert not words
            stack.pop()
        elif piece in ";{":
            block: Block = []
            stack[-1].append((words, block))
            words = []
            if piece == "{":
                stack.append(block)
        else:
            words.append(piece)
    assert len(stack) == 1
    assert not words
    return stack[0]


def test_the_smallest_site_reads_like_a_file_made_by_hand() -> None:
    text = render_site(name="shop", server_names=["shop.test", "www.shop.test"], upstream="unix:/run/shop.sock")
    assert is_ours(text)
    assert text.startswith(
        """\
#
# Ansible managed
#
# The site shop, written by webstack.flask.nginx_site.

server {
    listen 80;
    listen [::]:80;
    server_name shop.test www.shop.test;
    server_tokens off;

    access_log /var/log/nginx/shop.access.log;
    error_log /var/log/nginx/shop.error.log;

    client_max_body_size 10m;

    # A client that stops in the middle does not hold a connection for long. Debian's values are a minute and more.
    client_header_timeout 10s;
    client_body_timeout 30s;
    send_timeout 30s;
    keepalive_timeout 30s;
    reset_timedout_connection on;
""",
    )
    assert text.endswith(
        """\
    proxy_connect_timeout 5s;
    proxy_send_timeout 60s;
    proxy_read_timeout 60s;
    proxy_next_upstream off;
    proxy_redirect off;
    absolute_redirect off;

    # A session cookie alone may have 4 KiB, which is all that nginx takes of headers by default.
    proxy_buffer_size 16k;
    proxy_buffers 8 16k;

    # ACME HTTP-01 challenge files, with which a certificate authority (CA) validates the names.
    location ^~ /.well-known/acme-challenge/ {
        root /var/lib/acme;
        default_type text/plain;
        auth_basic off;
        allow all;
        try_files $uri =404;
    }

    # Hidden files such as `.env` are nobody's business, whoever would serve them.
    location ~ ^(?:/[^/]*)*/\\.(?!well-known/) {
        return 404;
    }

    # The upstream gets the address as the client wrote it.
    location / {
        proxy_pass http://unix:/run/shop.sock;
    }
}
""",
    )


def test_static_files_and_configuration_of_the_user_come_last() -> None:
    text = render_site(
        name="shop",
        server_names=["shop.test"],
        upstream="127.0.0.1:8000",
        root="/srv/shop",
        static=[{"url": "/static/", "paths": ["static", "shop/static"], "expires": "1h"}],
        extra="location = /up {\n    return 204;\n}\n",
    )
    for_users, _what, _for_the_host = text.partition("\n# The host proves a new release here")
    assert for_users.endswith(
        r"""
    location @upstream {
        proxy_pass http://127.0.0.1:8000;
    }

    # The address is matched after nginx has decoded and normalised it, so no `..` is left in what is looked up.
    # Source is no static file, should a directory hold some.
    root /srv/shop;

    location ~ ^/static/(?<webstack_file>.+(?<!\.py)(?<!\.pyc))$ {
        try_files /static/$webstack_file /shop/static/$webstack_file @upstream;
        expires 1h;
        # Beside `site.css` there may be a `site.css.gz`, made when the source was.
        gzip_static on;
        # Files answer to GET and HEAD alone.
        error_page 405 = @upstream;
    }

    location = /up {
        return 204;
    }
}
""",
    )


CLOSED: dict[str, Any] = {"file": "closed.html", "pages": ["app/own.html"], "allow": ["10.0.0.0/8"], "paths": ["/hooks/"]}


def test_a_site_that_can_be_closed_looks_for_a_file_before_it_asks_the_upstream_and_serves_files_without_looking() -> None:
    text = render_site(**SITE | {"maintenance": {"file": "closed.html", "pages": ["app/own.html"]}})
    server = next(block for words, block in parse(text) if words == ["server"])
    page = "/.webstack-flask/maintenance/shop"
    closing: tuple[list[str], Block] = (["if", "(-f", "/srv/shop/closed.html)"], [(["rewrite", "^", page, "last"], [])])
    for location in ("/a/", "/a/b", "@upstream"):
        assert closing in find_location(server, location), location
    static = next(block for words, block in server if "webstack_file" in words[-1])
    assert closing not in static
    assert (["recursive_error_pages", "on"], []) in static, "what cannot be done to a file is answered by an error page already"
    refusal, shown = find_location(server, "=", page), find_location(server, "=", f"{page}/page")
    assert refusal == [(["internal"], []), (["error_page", "503", f"{page}/page"], []), (["return", "503"], [])]
    assert shown[0] == (["internal"], [])
    assert (["try_files", "/app/own.html", "/closed.html", "=503"], []) in shown
    assert (["add_header", "Retry-After", "300", "always"], []) in shown
    assert (["add_header", "X-Content-Type-Options", "$webstack_content_type_options", "always"], []) in shown
    assert text.count("server_name shop.proof.invalid;") == 1
    for_the_host = text.partition("\n# The host proves a new release here")[2]
    assert "closed" not in for_the_host
    assert "closed" not in render_site(**SITE)
    assert "recursive_error_pages" not in render_site(**SITE)


def test_for_some_visitors_and_at_some_addresses_there_is_no_file_that_closes_a_site() -> None:
    text = render_site(**SITE | {"maintenance": CLOSED})
    maps = {" ".join(words): block for words, block in parse(text)}
    assert maps["geo $webstack_closing_for_shop"] == [(["default", "/srv/shop/closed.html"], []), (["10.0.0.0/8", '""'], [])]
    assert maps["map $uri $webstack_closing_shop"] == [(["default", "$webstack_closing_for_shop"], []), (["~^/a/hooks/", '""'], [])]
    assert text.count("if (-f $webstack_closing_shop) {") == 3


def test_of_sites_with_names_in_common_each_is_closed_by_itself() -> None:
    tls = TLS | {"hsts": 300}
    text = render_together(
        SITE | {"name": "top", "path": "/", "maintenance": {"file": "closed.html"}, "tls": tls, "root": "/srv/top"},
        SITE | {"name": "below", "maintenance": CLOSED, "static": [UPLOADS]},
    )
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "\n\n\n" not in text
    server = next(
        block
        for words, block in parse(text)
        if words == ["server"]
        and (["server_name", "shop.test"], []) in block
        and any(words[:1] == ["ssl_certificate"] for words, _block in block)
    )
    for name, path in (("top", "/"), ("below", "/a/")):
        shown = find_location(server, "=", f"/.webstack-flask/maintenance/{name}/page")
        assert (["access_log", f"/var/log/nginx/{name}.access.log"], []) in shown
        assert (["add_header", "Strict-Transport-Security", '"max-age=300"', "always"], []) in shown
        for place in (find_location(find_location(server, path), path), find_location(server, f"@upstream_{name}")):
            (closing,) = [block for words, block in place if words[:2] == ["if", "(-f"]]
            assert closing == [(["rewrite", "^", f"/.webstack-flask/maintenance/{name}", "last"], [])]


@pytest.mark.parametrize("option", ["file", "pages", "allow", "paths", "retry_after"])
def test_no_accepted_value_of_maintenance_breaks_out_of_its_directive(option: str) -> None:
    usual = shape_of(parse(render_site(**SITE | {"maintenance": CLOSED})))
    begin = {"paths": "/a", "allow": "10.0.0.0/", "retry_after": "1"}.get(option, "a")
    accepted = 0
    for middle, end in product([*map(chr, range(256)), "\u2028", "..", "\n}", "${", "//"], ["", "a", "/", "8"]):
        value = begin + middle + end
        site = SITE | {"maintenance": CLOSED | {option: value if option in ("file", "retry_after") else [value]}}
        if not find_site_problems([site]):
            accepted += 1
            assert shape_of(parse(render_site(**site))) == usual, site
    assert accepted


UPLOADS = {"url": "/media/", "paths": ["shared/media"], "uploads_in": "shared"}


def test_what_users_have_uploaded_is_sent_without_following_links_and_with_the_headers_of_the_site_and_more() -> None:
    text = render_site(**SITE | {"path": "/", "tls": TLS, "limit_connections": 5, "static": [UPLOADS, *SITE["static"]]})
    server = next(server for words, server in parse(text) if words == ["server"] and (["ssl_certificate", "/etc/ssl/c.pem"], []) in server)
    static, uploads = (block for words, block in server if words[0] == "location" and "webstack_file" in words[-1])
    assert (["disable_symlinks", "on", "from=$document_root/shared"], []) in uploads
    assert (["disable_symlinks", "if_not_owner", "from=$document_root"], []) in static, "the source may have a link to the uploads"
    assert (["gzip_static", "on"], []) not in uploads
    said, site = ([words for words, _block in block if words[0] == "add_header"] for block in (uploads, server))
    assert {words[1] for words in site} < {words[1] for words in said}
    assert ["add_header", "X-Content-Type-Options", "nosniff", "always"] in said
    assert ["add_header", "Content-Security-Policy", "$webstack_uploads_policy", "always"] in said
    assert "disable_symlinks" not in render_site(**SITE)


@pytest.mark.parametrize(
    "guard", [{"extra": "deny all;"}, {"limit_requests": "1r/s"}, {"limit_connections": 1}], ids=lambda guard: next(iter(guard))
)
def test_a_site_that_may_refuse_the_host_has_a_way_for_it_without_what_refuses(guard: dict[str, Any]) -> None:
    text = render_site(name="a-b_c", server_names=["shop.test"], upstream="a:1", **guard)
    for_users, for_the_host = (server for words, server in parse(text) if words == ["server"])
    assert (["add_header", "X-Webstack-Site", "$webstack_proof_a_mb__c", "always"], []) in for_users
    assert (["server_name", "a-b_c.proof.invalid"], []) in for_the_host
    assert (["if", "($webstack_proof_a_mb__c", "!=", "may-pass)"], [(["return", "444"], [])]) in for_the_host
    assert (["location", "/"], [(["proxy_pass", "http://a:1"], [])]) in for_the_host
    assert [words for words, _block in for_the_host if words[0] in ("allow", "deny")] == [
        ["allow", "127.0.0.1"],
        ["allow", "::1"],
        ["deny", "all"],
    ]
    for server in (for_users, for_the_host):
        assert (["proxy_set_header", "X-Webstack-Proof", '""'], []) in server
    assert "roof" not in render_site(name="shop", server_names=["shop.test"], upstream="a:1")


@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8"]], ids=["alone", "behind a proxy"])
def test_the_way_for_the_host_is_encrypted_where_the_site_is(trusted: list[str]) -> None:
    text = render_site(name="shop", server_names=["shop.test"], upstream="a:1", tls=TLS, extra="deny all;", trusted_proxies=trusted)
    way = find_servers(text)[-1]
    assert (way.listens, way.names, way.certificate) == ((("8443", "ssl"), ("[::]:8443", "ssl")), ("shop.proof.invalid",), "/etc/ssl/c.pem")


def test_what_the_sites_share_has_no_site_in_it() -> None:
    text = render("conf.d/webstack-flask.conf.j2")
    assert is_ours(text)
    assert [words[:1] for words, _block in parse(text)] == [["map"]] * 7


def test_a_site_below_a_path_leaves_the_rest_alone() -> None:
    text = render_site(name="shop", server_names=["shop.test"], upstream="a:1", path="/shop", stream_paths=["/events"])
    assert text.endswith(
        """\
    location / {
        return 404;
    }

    location = /shop {
        return 308 /shop/$is_args$args;
    }

    # Hidden files such as `.env` are nobody's business, whoever would serve them.
    location ~ ^(?:/[^/]*)*/\\.(?!well-known/) {
        return 404;
    }

    # The upstream gets the address as the client wrote it.
    location /shop/ {
        proxy_pass http://a:1;
    }

    # What the upstream says here reaches the client at once.
    location /shop/events {
        proxy_buffering off;
        proxy_pass http://a:1;
    }
}
""",
    )


def test_a_site_that_streams_everywhere_has_no_place_twice() -> None:
    text = render_site(name="shop", server_names=["shop.test"], upstream="a:1", stream_paths=["/"])
    assert text.count("location / {") == text.count("proxy_buffering off;") == 1


def test_an_encrypted_site_sends_the_rest_there_and_answers_for_its_certificate() -> None:
    tls = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "port": 8443, "hsts": 300, "hsts_subdomains": True, "http3": True}
    text = render_site(name="shop", server_names=["shop.test"], upstream="a:1", tls=tls)
    redirecting, serving = find_servers(text)
    assert redirecting.listens == (("80",), ("[::]:80",))
    assert serving.listens == (("8443", "ssl"), ("[::]:8443", "ssl"), ("8443", "quic"), ("[::]:8443", "quic"))
    assert redirecting.names == serving.names == ("shop.test",)
    assert text.count("location ^~ /.well-known/acme-challenge/ {") == 2
    for line in (
        "return 308 https://$host:8443$request_uri;",
        "ssl_certificate_key /etc/ssl/k.pem;",
        'add_header Strict-Transport-Security "max-age=300; includeSubDomains" always;',
        "add_header Alt-Svc 'h3=\":8443\"; ma=86400' always;",
    ):
        assert f"    {line}\n" in text


def test_a_site_may_be_served_in_both_ways() -> None:
    tls = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "redirect": False}
    (server,) = find_servers(render_site(name="shop", server_names=["shop.test"], upstream="a:1", tls=tls))
    assert server.listens == (("80",), ("[::]:80",), ("443", "ssl"), ("[::]:443", "ssl"))


def test_proxies_are_believed_in_each_server_and_their_visitors_are_redirected_by_one() -> None:
    tls = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem"}
    site = {"name": "a-b_c", "server_names": ["shop.test"], "upstream": "a:1", "tls": tls}
    text = render_site(**site, trusted_proxies=["10.0.0.0/8", "192.0.2.7"], trusted_header="CF-Connecting-IP")
    (server,) = find_servers(text)
    assert server.listens == (("80",), ("[::]:80",), ("443", "ssl"), ("[::]:443", "ssl"))
    assert "if ($webstack_redirect_a_mb__c) {" in text
    for line in ("set_real_ip_from 10.0.0.0/8;", "set_real_ip_from 192.0.2.7/32;", "real_ip_header CF-Connecting-IP;"):
        assert line in text
    assert "real_ip" not in render_site(**site)
    assert "real_ip" in render_site(**site | {"tls": None}, trusted_proxies=["10.0.0.0/8"])


BALANCED: dict[str, Any] = {
    "name": "a-b_c",
    "server_names": ["shop.test", "plain.test"],
    "upstream": "a:1",
    "trusted_proxies": ["10.0.0.0/8", "2001:db8::/32"],
    "trusted_header": "proxy_protocol",
}


@pytest.mark.parametrize("redirect", [True, False])
def test_by_the_proxy_protocol_each_server_of_a_site_is_spoken_to(*, redirect: bool) -> None:
    """That of its own proof, too, and those for unknown names: nginx has one way for all of an address and port."""
    tls = {"certificate": "/etc/ssl/c.pem", "key": "/etc/ssl/k.pem", "redirect": redirect, "server_names": ["shop.test"]}
    text = render_site(**BALANCED, tls=tls, extra="deny all;")
    servers = find_servers(add_catch_all(text, render("unknown-names.conf.j2"), [text], []))
    assert len(servers) == 4
    listens = [words for server in servers for words in server.listens]
    assert {words[0] for words in listens} == {"80", "[::]:80", "443", "[::]:443"}
    assert all("proxy_protocol" in words for words in listens)
    assert "proxy_protocol" not in render_site(**BALANCED | {"trusted_header": "X-Real-IP"}, tls=tls)


def test_by_the_proxy_protocol_the_balancers_alone_are_believed_and_no_header_of_visitors_is() -> None:
    text = render_site(**BALANCED)
    (server,) = (block for words, block in parse(text) if words == ["server"])
    said = [words for words, _block in server]
    assert [words[1] for words in said if words[0] == "set_real_ip_from"] == ["10.0.0.0/8", "2001:db8::/32"]
    assert ["real_ip_header", "proxy_protocol"] in said
    assert "$http_x_forwarded" not in text
    assert ["proxy_set_header", "X-Forwarded-Host", "$host$webstack_port"] in said
    (scheme,) = (block for words, block in parse(text) if words[-1] == "$webstack_scheme_a_mb__c")
    assert scheme == [(["default", "$scheme"], []), (["1:443", "https"], [])]


@pytest.mark.parametrize(
    ("listen_port", "port", "end"),
    [(8080, 8443, "$webstack_tls_port_a_mb__c"), (80, 8443, ":8443"), (8080, 443, ""), (80, 443, "")],
)
def test_a_balancer_that_comes_to_other_ports_than_its_visitors_has_them_redirected_to_its_own(
    listen_port: int, port: int, end: str
) -> None:
    site = {**BALANCED, "listen_port": listen_port, "tls": {**TLS, "http3": False, "port": port}}
    text = render_site(**site)
    assert f"        return 308 https://$host{end}$request_uri;\n" in text
    maps = {words[-1]: block for words, block in parse(text) if words[0] == "map"}
    is_told = end.startswith("$")
    assert ("$webstack_tls_port_a_mb__c" in maps) is is_told
    if is_told:
        assert maps[end] == [(["default", ":8443"], []), (["1:80", '""'], [])]
    assert "tls_port" not in render_site(**{**site, "trusted_header": "X-Real-IP"})


def test_by_the_proxy_protocol_an_old_nginx_speaks_http2_still() -> None:
    text = adapt_to_version(render_site(**BALANCED, tls=TLS | {"http3": False}), (1, 22, 1))
    assert "    listen 8443 ssl proxy_protocol http2;\n    listen [::]:8443 ssl proxy_protocol http2;\n" in text


@pytest.mark.parametrize(("burst", "words"), [(0, ""), (20, " burst=20 nodelay")])
def test_a_limit_without_a_burst_is_said_as_nginx_takes_it(burst: int, words: str) -> None:
    text = render_site(name="shop", server_names=["shop.test"], upstream="a:1", limit_requests="1r/s", limit_requests_burst=burst)
    assert f"limit_req zone=webstack_requests_shop{words};" in text


MORE: dict[str, Any] = {"pass_dotfiles": True, "limit_requests": "10r/s", "limit_connections": 5, "security_headers": False}
TLS: dict[str, Any] = {
    "certificate": "/etc/ssl/c.pem",
    "key": "/etc/ssl/k.pem",
    "port": 8443,
    "redirect": True,
    "hsts": 31536000,
    "http3": True,
}

GIXY_HAS_TO_SKIP = [
    "try_files_is_evil_too",  # it wants open_file_cache, with which a switch would take a minute to show
    "return_bypasses_allow_deny",  # on purpose: whoever has root's word is told whose site it is before a gate is in the way, and no more
    "proxy_buffering_off",  # a site has it where its user says that the upstream streams
]


def test_gixy_finds_nothing(tmp_path: Path) -> None:
    names = {"name": "shop", "server_names": ["shop.test", "*.shop.test"]}
    sites = [
        render_site(**SITE | names),
        render_site(name="plain", server_names=["plain.test"], upstream="unix:/run/plain.sock"),
        render_site(**SITE | {"name": "safe", "server_names": ["safe.test"], "tls": TLS}),
        render_site(**SITE | MORE | {"name": "many", "server_names": ["many.test"]}),
        render_site(**SITE | {"name": "behind", "server_names": ["behind.test"], "tls": TLS, "trusted_proxies": ["10.0.0.0/8"]}),
        render_site(
            **SITE | {"name": "uploads", "server_names": ["uploads.test"], "tls": TLS, "limit_connections": 5, "static": [UPLOADS]}
        ),
        render_site(**BALANCED | {"upstream": "unix:/run/balanced.sock", "listen_port": 81, "extra": "deny all;"}),
        render_together(
            SITE | {"name": "top", "server_names": ["top.test", "www.top.test"], "path": "/", "tls": TLS},
            SITE | MORE | {"name": "below", "server_names": ["top.test"], "static": [UPLOADS]},
        ),
        render_site(**SITE | {"name": "gated", "server_names": ["gated.test"], "tls": TLS, "limit_connections": 5}),
        render_site(**SITE | {"name": "closed", "server_names": ["closed.test"], "tls": TLS, "maintenance": CLOSED, "static": [UPLOADS]}),
    ]
    http = add_catch_all(render("conf.d/webstack-flask.conf.j2"), render("unknown-names.conf.j2"), sites, [])
    main = tmp_path / "nginx.conf"
    main.write_text("\n".join(["worker_processes auto;", "events {}", "http {", http, *sites, "}"]), encoding="utf-8")
    argv = [sys.executable, "-m", "gixy", "-f", "json", f"--skips={','.join(GIXY_HAS_TO_SKIP)}", str(main)]
    found = json.loads(subprocess.run(argv, capture_output=True, text=True, check=False).stdout)
    assert found == []


SITE: dict[str, Any] = {
    "name": "shop",
    "server_names": ["shop.test"],
    "upstream": "unix:/run/shop.sock",
    "path": "/a",
    "stream_paths": ["/b"],
    "root": "/srv/shop",
    "static": [{"url": "/static/", "paths": ["static"], "expires": "1h"}],
    "listen_port": 80,
    "client_max_body_size": "1m",
    "proxy_connect_timeout": 1,
    "proxy_send_timeout": 1,
    "proxy_read_timeout": 1,
}


def shape_of(block: Block) -> list[tuple[str, int, Any]]:
    """Return what a configuration consists of, without the words that a user chooses. A line of a map has no other ones."""
    return [
        (words[0], len(words), [len(line) for line, _inner in inner] if words[0] in ("map", "geo") else shape_of(inner))
        for words, inner in block
    ]


def vary(option: str, value: object) -> dict[str, Any]:
    """Return a good site with one value, anywhere in it, changed."""
    option, _dot, part = option.partition(".")
    if part:
        value = [{**SITE[option][0], part: [value] if part == "paths" else value}]
    return {**SITE, option: [value] if option in {"server_names", "stream_paths"} else value}


def find_location(block: Block, *words: str) -> Block:
    """Return what is in the one location of that name, of those that are not within others."""
    (found,) = [inner for head, inner in block if head == ["location", *words]]
    return found


def test_sites_with_names_in_common_have_what_is_their_own_in_the_location_of_their_path() -> None:
    gated = {"extra": "deny all;\nlocation /blog/open/ {\n    allow all;\n}\n", "limit_requests": "5r/s", "client_max_body_size": "1k"}
    text = render_together(
        {"name": "shop", "server_names": ["a.test", "b.test"], "upstream": "unix:/run/shop.sock", "tls": TLS | {"hsts": 300}},
        SITE | gated | {"name": "bl-og", "server_names": ["a.test"], "path": "/blog", "upstream": "unix:/run/blog.sock"},
    )
    assert [line for line in text.splitlines() if line != line.rstrip()] == []
    assert "\n\n\n" not in text
    assert is_ours(text)
    *http, redirect, both, alone, proof = [inner for head, inner in parse(text) if head == ["server"]]
    assert http == []
    assert (["server_name", "a.test", "b.test"], []) in redirect
    assert (["server_name", "a.test"], []) in both
    assert (["server_name", "b.test"], []) in alone
    assert (["server_name", "bl-og.proof.invalid"], []) in proof

    assert find_location(both, "=", "/blog") == [(["return", "308", "/blog/$is_args$args"], [])]
    blog, shop, fallback = find_location(both, "/blog/"), find_location(both, "/"), find_location(both, "@upstream_bl_mog")
    for own, hidden in ((blog, False), (fallback, False), (shop, True)):
        assert ((["access_log", "/var/log/nginx/bl-og.access.log"], []) in own) is not hidden
        assert ((["client_max_body_size", "1k"], []) in own) is not hidden
        assert ((["deny", "all"], []) in own) is not hidden
        assert ((["proxy_set_header", "X-Forwarded-Prefix", '"/blog"'], []) in own) is not hidden
        assert (["add_header", "Strict-Transport-Security", '"max-age=300"', "always"], []) in own
    assert [one for one in fallback if one[0][0] in ("deny", "allow", "location")] == [(["deny", "all"], [])]
    # Within, files are free of the limits, and what is passed on is not.
    passed = find_location(blog, "/blog/")
    assert [words for words, _inner in passed if words[0] in ("limit_req", "proxy_pass")] == [
        ["limit_req", "zone=webstack_requests_bl-og", "burst=20", "nodelay"],
        ["proxy_pass", "http://unix:/run/blog.sock"],
    ]
    assert not any(words[0] == "limit_req" for words, _inner in blog)
    assert find_location(blog, "/blog/open/") == [(["allow", "all"], [])]
    assert [inner for head, inner in passed if head[0] == "if"] == [[(["return", "404"], [])]]
    assert not any(head[0] == "if" for head, _inner in find_location(shop, "/"))
    with pytest.raises(ValueError, match="unpack"):
        find_location(alone, "/blog/")


def test_where_nobody_is_at_the_top_of_a_name_there_is_nothing() -> None:
    text = render_together(
        {"name": "api", "server_names": ["a.test"], "upstream": "a:1", "path": "/api"},
        {"name": "blog", "server_names": ["a.test"], "upstream": "a:2", "path": "/blog"},
    )
    ((_head, server),) = [one for one in parse(text) if one[0] == ["server"]]
    assert find_location(server, "/") == [(["return", "404"], [])]


@pytest.mark.parametrize("option", ["path", "stream_paths", "static.url", "static.paths", "upstream"])
def test_no_accepted_value_breaks_out_beside_another_site_either(option: str) -> None:
    other = {"name": "blog", "server_names": ["shop.test"], "upstream": "unix:/run/blog.sock", "path": "/other", "extra": "deny all;"}
    usual = shape_of(parse(render_together(SITE, other)))
    accepted = 0
    for middle, end in product([*map(chr, range(256)), "..", "\n}", "${", "//"], ["", "a", "/"]):
        site = vary(option, ("unix:/a" if option == "upstream" else "a" if option == "static.paths" else "/a") + middle + end)
        if not find_site_problems([site, other]):
            accepted += 1
            assert shape_of(parse(render_together(site, other))) == usual, site
    assert accepted


@pytest.mark.parametrize("option", [*(option for option in SITE if option != "static"), "static.url", "static.paths", "static.expires"])
def test_no_accepted_value_breaks_out_of_its_directive(option: str) -> None:
    """Each value begins and ends as a good one may, and has any character at all between."""
    usual = shape_of(parse(render_site(**SITE)))
    characters = [*map(chr, range(256)), "\u2028", "..", "\n}", "${", "/../", "//"]
    accepted = 0
    for begin, middle, end in product(["unix:/a", "a:1", "/a", "a", "1"], characters, ["", "a", "/", "1", "m"]):
        site = vary(option, begin + middle + end)
        if not find_site_problems([site]):
            accepted += 1
            assert shape_of(parse(render_site(**site))) == usual, site
    assert accepted


def test_a_service_listens_at_its_address_alone_and_asks_for_a_word_before_anything_else() -> None:
    text = render_site(
        name="img-2",
        server_names=["127.79.1.2"],
        upstream="unix:/run/images.sock",
        listen_port=790,
        internal={"address": "127.79.1.2", "callers": ["shop"]},
        root="/srv/images",
        static=[{"url": "/static/", "paths": ["static"]}],
        extra="deny 192.0.2.1;",
    )
    servers = [block for words, block in parse(text) if words == ["server"]]
    listens = [[words[1:] for words, _block in server if words[0] == "listen"] for server in servers]
    assert listens == [[["127.79.1.2:790", "default_server"]], [["127.79.1.2:790"]]]
    # The host itself is told before that this is the site, by a word of its own.
    _known, gate = (block for words, block in servers[0] if words[0] == "if")
    assert gate == [(["return", "403"], [])]
    for server in servers:
        headers = {words[1]: words[2] for words, _block in server if words[0] == "proxy_set_header"}
        assert headers["X-Webstack-Caller"] == "$webstack_caller_img_m2"
        assert headers["Authorization"] == "$webstack_authorization_img_m2"
        assert headers["Proxy-Authorization"] == "$webstack_proxy_authorization_img_m2"
    assert "acme" not in text


def test_nobody_says_to_a_public_site_that_he_is_a_caller() -> None:
    text = render_site(name="shop", server_names=["shop.test"], upstream="unix:/run/shop.sock")
    assert re.search(r'(?m)^ +proxy_set_header X-Webstack-Caller +"";$', text)
    assert " Authorization" not in text
