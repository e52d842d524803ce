from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import (
    Complaint,
    Server,
    adapt_to_version,
    add_catch_all,
    add_hash_size,
    add_variable_hash,
    disable_ipv6,
    explain_refusal,
    find_certificates,
    find_encrypted,
    find_ignored_names,
    find_mixed_listens,
    find_refusal,
    find_server_names,
    find_servers,
    includes_sites,
    move_main,
    parse_complaints,
    parse_version,
)

SITE = """\
# server_name commented.test;
server {
    listen 80;
    listen [::]:80;
    server_name a.test b.test # and more
                "*.c.test";
    return 301 /server_name;
}
"""


def test_without_ipv6_its_listeners_become_comments() -> None:
    assert disable_ipv6(SITE).splitlines()[2:4] == ["    listen 80;", "    # listen [::]:80; (this host has no IPv6)"]


def test_server_names_are_found_wherever_they_stand() -> None:
    assert find_server_names(SITE + "server { server_name d.test; }") == ["a.test", "b.test", "*.c.test", "d.test"]


@pytest.mark.parametrize(
    ("names", "foreign", "is_added"),
    [
        ([], [], False),
        (["x" * 46], [], False),
        (["x" * 47], [], True),
        ([f"{number}.test" for number in range(64)], [], False),
        ([f"{number}.test" for number in range(65)], [], True),
        (["x" * 47], ["http {\n    server_names_hash_bucket_size 64;\n}"], False),
        (["x" * 47], ["http {\n    # server_names_hash_bucket_size 64;\n}"], True),
    ],
)
def test_room_for_names_is_made_when_needed_and_nobody_did(names: list[str], foreign: list[str], *, is_added: bool) -> None:
    assert ("server_names_hash_bucket_size 512;" in add_hash_size("# ours\n", names, foreign)) == is_added


_BUCKET, _MOST = "variables_hash_bucket_size 128;", "variables_hash_max_size 4096;"


@pytest.mark.parametrize(
    ("names", "foreign", "added"),
    [
        ([], "", []),
        (["x" * 46], "", []),
        (["x" * 47], "", [_BUCKET, _MOST]),
        ([f"x_{number}" for number in range(12)], "", []),
        ([f"x_{number}" for number in range(13)], "", [_BUCKET, _MOST]),
        (["x" * 47], "http { variables_hash_bucket_size 256; }", [_MOST]),
        (["x" * 47], "variables_hash_bucket_size 256; variables_hash_max_size 2048;", []),
        (["x" * 47], "# variables_hash_bucket_size 256;", [_BUCKET, _MOST]),
    ],
)
def test_room_for_variables_of_sites_is_made_when_needed_and_nobody_did(names: list[str], foreign: str, added: list[str]) -> None:
    sites = [f'map "$host:$uri" ${name} {{\n    default "";\n}}\ngeo $realip_remote_addr ${name} {{\n}}\n' for name in names]
    text = add_variable_hash("# ours\n", sites, [foreign])
    assert [line for line in text.splitlines() if line.startswith("variables_hash")] == added


def test_servers_are_found_with_what_they_listen_on_and_their_names() -> None:
    text = """
    # server { listen 1; }
    upstream pool { server 127.0.0.1:8000; }
    http {
        server { listen [::]:80 default_server; listen 443 ssl; server_name "a.test" b.test;
            location / { return 200 "server { listen 2; } # ${x}"; } }
        server { server_name _; }
    }
    server { listen 3 }
    }}}
    """
    assert find_servers(text) == [
        Server((("[::]:80", "default_server"), ("443", "ssl")), ("a.test", "b.test")),
        Server((("80",),), ("_",)),
        Server((("80",),), ()),
    ]


@pytest.mark.parametrize(
    ("foreign", "expected"),
    [
        ([], ["listen 80", "listen [::]:80", "listen 443 ssl"]),
        (["server { listen 80; server_name a.test; }"], ["listen 80", "listen [::]:80", "listen 443 ssl"]),
        (["server { listen 80 default_server; server_name a.test; }"], ["listen [::]:80", "listen 443 ssl"]),
        (["http { server { listen 0.0.0.0:80 default; listen [::]:80 default_server; } }"], ["listen 443 ssl"]),
        (["server { server_name _; }"], ["listen [::]:80", "listen 443 ssl"]),
        (["server { listen *:443 ssl; listen [::]; }"], ["listen 80"]),
        (["server { listen 192.0.2.1:80 default_server; }"], ["listen 80", "listen [::]:80", "listen 443 ssl"]),
        (["server { listen unix:/run/a default_server; }"], ["listen 80", "listen [::]:80", "listen 443 ssl"]),
        (["server { listen 80; listen 443; listen [::]:80; }"], []),
    ],
)
def test_unknown_names_get_no_answer_where_nobody_else_has_a_server_for_them(foreign: list[str], expected: list[str]) -> None:
    ours = ["server { listen 80; listen [::]:80; server_name a.test; }", "server { listen 80; listen 443 ssl; server_name b.test; }"]
    text = add_catch_all("# ours\n", "    return 444;\n", ours, foreign)
    assert sorted(line.strip() for line in text.splitlines() if "listen" in line) == sorted(
        f"{listen} default_server;" for listen in expected
    )
    assert (text == "# ours\n") == (not expected)


def test_the_queues_of_quic_are_made_once() -> None:
    ours = ["server { listen 443 ssl; listen 443 quic; server_name a.test; }", "server { listen 443 quic; server_name b.test; }"]
    text = add_catch_all("", "    return 444;\n", ours, ["server { listen 443 ssl default_server; }"])
    assert (
        text == "\n# Names that no site has get no answer.\nserver {\n    listen 443 quic default_server reuseport;\n    return 444;\n}\n"
    )


LISTENING = "server { listen %s; listen [::]:%s; server_name a.test; }"


@pytest.mark.parametrize(
    ("own", "other", "address"),
    [
        ("80 proxy_protocol", "80", "*:80"),
        ("80", "80 proxy_protocol", "*:80"),
        ("443 ssl http2 proxy_protocol", "443 ssl http2", "*:443"),
        ("80 proxy_protocol", "80 default_server", "*:80"),
    ],
)
def test_what_wants_the_proxy_protocol_where_others_do_not_is_named_with_both_files(own: str, other: str, address: str) -> None:
    texts = {"/e/shop.conf": LISTENING % (own, own), "/e/foreign": LISTENING % (other, other)}
    (problem,) = find_mixed_listens({"/e/shop.conf": "shop"}, texts)
    who = ["the site shop", "/e/foreign"] if "proxy_protocol" in own else ["/e/foreign", "the site shop"]
    assert problem == (
        f"at {address} and [::]{address[1:]} {who[0]} would let nginx answer to nobody who does not speak the PROXY protocol, and cut off "
        f"the visitors of {who[1]}; give all of them `proxy_protocol` (sites of the role `trusted_header: proxy_protocol`), or another port"
    )
    assert find_mixed_listens({}, texts) == []  # it is nobody's of this run


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("80 proxy_protocol", "80 proxy_protocol default_server"),
        ("80 proxy_protocol", "81"),
        ("80 proxy_protocol", "192.0.2.1:80"),
        ("443 ssl proxy_protocol", "443 quic"),
        ("80", "80"),
    ],
)
def test_files_that_are_spoken_to_in_one_way_or_elsewhere_are_no_obstacle(own: str, other: str) -> None:
    texts = {"/e/shop.conf": f"server {{ listen {own}; }}", "/e/foreign": f"server {{ listen {other}; }}"}
    assert find_mixed_listens({"/e/shop.conf": "shop"}, texts) == []


MODERN = """\
    listen 443 ssl;
    listen [::]:443 ssl;
    http2 on;
    listen 443 quic;
    add_header Alt-Svc 'h3=":443"; ma=86400' always;
    return 204;
"""


@pytest.mark.parametrize("version", ["1.25.1", "1.26.3", "1.30"])
def test_a_modern_nginx_gets_what_the_template_says(version: str) -> None:
    assert adapt_to_version(MODERN, parse_version(f"nginx version: nginx/{version} (Debian)\n")) == MODERN


@pytest.mark.parametrize("version", ["1.22.1", "1.25.0", "1.9"])
def test_an_old_nginx_gets_http2_in_its_own_way_and_no_http3(version: str) -> None:
    assert (
        adapt_to_version(MODERN, parse_version(f"nginx version: nginx/{version}\n"))
        == """\
    listen 443 ssl http2;
    listen [::]:443 ssl http2;
    # listen 443 quic; (this nginx has no HTTP/3)
    # add_header Alt-Svc 'h3=":443"; ma=86400' always; (this nginx has no HTTP/3)
    return 204;
"""
    )


def test_certificates_are_found() -> None:
    text = "# ssl_certificate /no;\nssl_certificate /etc/c.pem;\nssl_certificate_key /etc/k.pem;\n"
    assert find_certificates(text) == ["/etc/c.pem"]


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ("http { include /etc/nginx/sites-enabled/*; }", True),
        ("http { include sites-enabled/*.conf; }", True),
        ("http {\n    # include /etc/nginx/sites-enabled/*;\n    include /etc/nginx/conf.d/*.conf;\n}", False),
    ],
)
def test_a_main_file_that_reads_no_sites_is_noticed(main: str, *, expected: bool) -> None:
    assert includes_sites(main) is expected


def test_a_staged_main_file_touches_nothing_that_runs() -> None:
    main = "pid /run/nginx.pid;\ninclude /etc/nginx/modules-enabled/*.conf;\nhttp { include sites-enabled/*; }\n"
    assert move_main(main, "/etc/nginx", "/run/x") == (
        "pid /run/x/nginx.pid;\ninclude /run/x/modules-enabled/*.conf;\nhttp { include sites-enabled/*; }\n"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            'nginx: [emerg] unknown directive "foo" in /run/x/sites-enabled/shop.conf:12',
            Complaint("emerg", 'unknown directive "foo"', "/etc/nginx/sites-enabled/shop.conf", 12),
        ),
        (
            'nginx: [emerg] open() "/run/x/sites-enabled/gone" failed (2: No such file or directory) in /run/x/nginx.conf:59',
            Complaint(
                "emerg",
                'open() "/etc/nginx/sites-enabled/gone" failed (2: No such file or directory) in /etc/nginx/nginx.conf:59',
                "/etc/nginx/sites-enabled/gone",
            ),
        ),
        (
            "2026/11/20 14:15:03 [emerg] 624#624: could not build server_names_hash",
            Complaint("emerg", "could not build server_names_hash"),
        ),
        (
            'nginx: [warn] conflicting server name "a.test" on 0.0.0.0:80, ignored',
            Complaint("warn", 'conflicting server name "a.test" on 0.0.0.0:80, ignored'),
        ),
    ],
)
def test_complaints_are_understood_and_name_the_real_file(line: str, complaint: Complaint) -> None:
    output = f"{line}\nnginx: configuration file /run/x/nginx.conf test failed\n"
    assert parse_complaints(output, stage="/run/x", etc="/etc/nginx") == [complaint]


def test_a_warning_is_not_the_reason() -> None:
    assert find_refusal([Complaint("warn", "a"), Complaint("emerg", "b")]).text == "b"
    assert find_refusal([Complaint("warn", "a")]).text == "nginx gave no reason"


def test_names_that_nginx_ignores_are_found_once() -> None:
    complaints = [Complaint("warn", f'conflicting server name "a.test" on {listen}:80, ignored') for listen in ("192.0.2.1", "[::]")]
    assert find_ignored_names(complaints) == ["a.test"]


OURS = "/etc/nginx/sites-enabled/shop.conf"
REFUSAL = Complaint("emerg", 'unknown directive "foo"', OURS, 2)


def explain(refusal: Complaint, before: Complaint | None = None) -> str:
    return explain_refusal(refusal, sites={OURS: "shop"}, texts={OURS: "server {\n    foo bar;\n}\n"}, before=before)


def test_our_own_mistake_is_shown() -> None:
    assert explain(REFUSAL) == (f'nginx refuses the site shop: unknown directive "foo" in {OURS}, line 2: `foo bar;`. Nothing was changed')


def test_a_mistake_of_somebody_else_is_told_apart() -> None:
    theirs = Complaint("emerg", 'unexpected "}"', "/etc/nginx/sites-enabled/other", 3)
    text = explain(theirs, before=theirs)
    assert text.startswith('nginx refuses a file that is none of these sites\': unexpected "}" in /etc/nginx/sites-enabled/other, line 3.')
    assert "It did so before this run" in text


def test_a_certificate_that_cannot_be_loaded_is_told_with_its_site() -> None:
    texts = {OURS: "server {\n    ssl_certificate /etc/c.pem;\n}\n"}
    refusal = Complaint("emerg", 'cannot load certificate "/etc/c.pem": BIO_new_file() failed')
    assert explain_refusal(refusal, sites={OURS: "shop"}, texts=texts, before=None).startswith(
        'nginx refuses the site shop: cannot load certificate "/etc/c.pem"'
    )


def test_a_second_server_for_unknown_names_comes_with_the_way_out() -> None:
    duplicate = Complaint("emerg", "a duplicate default server for 0.0.0.0:80", "/etc/nginx/hidden/zoo", 1)
    assert explain(duplicate).endswith("; to leave unknown names to somebody else, set nginx_site_unknown_names to answer")


def test_what_only_fails_together_is_not_blamed_on_somebody_else() -> None:
    together = Complaint("emerg", "a duplicate default server for 0.0.0.0:80", "/etc/nginx/sites-enabled/zoo", 1)
    assert explain(together).startswith("nginx refuses the sites together with the rest of its configuration: a duplicate")


def test_servers_with_a_certificate_are_found_with_where_they_can_be_asked() -> None:
    text = """
    server { listen 80; server_name a.test; }
    server { listen 443 ssl; http2 on; server_name *.a.test a.test; ssl_certificate /a.pem; ssl_certificate_key /a.key; }
    server { listen [::1]:8443 ssl proxy_protocol http2; server_name b.test; ssl_certificate /b.pem; }
    server { listen 192.0.2.1:443 ssl; server_name c.*; ssl_certificate /c.pem; }
    server { listen 443 ssl default_server; server_name ""; ssl_reject_handshake on; }
    """
    assert find_encrypted(text) == [
        ("127.0.0.1", 443, "www.a.test", "/a.pem", False),
        ("::1", 8443, "b.test", "/b.pem", True),
        ("192.0.2.1", 443, "c.www", "/c.pem", False),
    ]
