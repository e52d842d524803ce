"""Requests reach the upstream of the site that they name, with headers that it may believe."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import zlib
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, http_request, published_port, wait_on_host

if TYPE_CHECKING:
    from testinfra.host import Host

OPTIONS_PORT = 8080


def ask(host: Host, name: str, method: str = "GET", path: str = "/", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Send a request and return what the upstream was asked."""
    answer = http_request(host, name, method, path, **more)
    assert answer.status == 200, answer
    asked: dict[str, Any] = json.loads(answer.body)
    return asked


@pytest.mark.parametrize("name", ["plain.test", "www.plain.test", "PLAIN.test"])
def test_a_site_answers_to_its_names(host: Host, name: str) -> None:
    assert ask(host, name, path="/some/page?a=1&b=%2F%20")["path"] == "/some/page?a=1&b=%2F%20"


@pytest.mark.parametrize(
    "name",
    [
        "options.test",
        "deep.below.options.test",
        "xn--maana-pta.test",
        "a-name-that-does-not-fit-the-buckets-that-nginx-has-by-default.test",
    ],
)
def test_names_of_every_kind_lead_to_their_site(host: Host, name: str) -> None:
    assert http_get(host, name, "/", port=OPTIONS_PORT).headers["x-extra"] == "a;b {c}"


def test_a_site_that_was_there_before_is_still_served(host: Host) -> None:
    assert http_get(host, "foreign.test").body == "foreign\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_form_arrives(host: Host, method: str) -> None:
    asked = ask(host, "plain.test", method, "/form", body="name=A%C3%B1o")
    assert (asked["method"], asked["path"], asked["body"]) == (method, "/form", "name=A%C3%B1o")


def test_the_upstream_learns_what_the_client_asked_for(host: Host) -> None:
    headers = ask(host, "plain.test:8443")["headers"]
    assert headers["host"] == headers["x-forwarded-host"] == "plain.test:8443"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["connection"] == "close"


def test_the_upstream_is_told_no_lies(host: Host) -> None:
    lies = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Real-IP": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Protocol": "ssl",
        "X-Forwarded-Ssl": "on",
        "Forwarded": "for=1.2.3.4",
        "Proxy": "http://evil.test",
    }
    headers = ask(host, "plain.test", headers=lies)["headers"]
    told = {name: headers.get(name.lower()) for name in lies}
    assert not set(told.values()) & set(lies.values())
    assert told["X-Forwarded-For"] == told["X-Real-IP"] != None  # noqa: E711 - a chain
    assert {name for name, value in told.items() if value} == {"X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host"}


def test_the_host_of_an_absolute_address_counts(host: Host) -> None:
    """Such a request chooses its site by the address, and its Host header could claim another name."""
    with socket.create_connection(("127.0.0.1", published_port(host, 80)), timeout=10) as link:
        link.sendall(b"GET http://plain.test/ HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n")
        assert b'"host": "plain.test"' in b"".join(iter(lambda: link.recv(4096), b""))


def test_a_websocket_passes(host: Host) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection(("127.0.0.1", published_port(host, 80)), timeout=10) as link:
        link.sendall(
            "GET /chat HTTP/1.1\r\nHost: plain.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode(),
        )
        assert link.recv(4096).startswith(b"HTTP/1.1 101 ")
        link.sendall(b"over")
        assert link.recv(4096) == b"over"


@pytest.mark.parametrize(
    ("name", "path", "headers"),
    [
        ("plain.test", "/stream/", {}),
        ("below.test", "/shop/stream/", {"Accept-Encoding": "gzip"}),
        ("together.test", "/shop/stream/", {"Accept-Encoding": "gzip"}),
    ],
    ids=["anywhere", "a stream path, compressed", "one beside another site"],
)
def test_what_a_stream_says_is_not_held_back(host: Host, name: str, path: str, headers: dict[str, str]) -> None:
    """The upstream goes on only when the client has read the first part and asks for more."""
    link = http.client.HTTPConnection("127.0.0.1", published_port(host, 80), timeout=10)
    with closing(link):
        link.request("GET", path, headers={"Host": name, **headers})
        answer = link.getresponse()
        reader = zlib.decompressobj(wbits=31) if headers else None
        text = b""
        while text != b"first":
            text += reader.decompress(answer.read1(100)) if reader else answer.read1(100)
        ask(host, "plain.test", path="/go-on")
        rest = answer.read()
        assert (reader.decompress(rest) if reader else rest) == b"last"


@pytest.mark.parametrize("name", ["below.test", "together.test"])
def test_below_a_path_the_upstream_gets_the_address_as_it_is_and_learns_the_path(host: Host, name: str) -> None:
    asked = ask(host, name, path="/shop/a%2Fb/../c?d=%20", headers={"X-Forwarded-Prefix": "/evil", "Script-Name": "/evil"})
    assert asked["path"] == "/shop/a%2Fb/../c?d=%20"
    assert asked["headers"]["x-forwarded-prefix"] == "/shop"


def test_beside_the_path_there_is_nothing(host: Host) -> None:
    assert [http_get(host, "below.test", path).status for path in ("/", "/shopping/", "/static/former.css")] == [404] * 3
    answer = http_get(host, "below.test", "/shop?a=1&b=%2F")
    assert (answer.status, answer.headers["location"]) == (308, "/shop/?a=1&b=%2F")


def test_beside_the_path_there_is_the_site_that_has_the_rest_of_the_name(host: Host) -> None:
    assert http_get(host, "together.test", "/shop").status == 308
    for name, path in (("together.test", "/"), ("together.test", "/shopping/"), ("alone.together.test", "/shop/")):
        asked = ask(host, name, path=path)
        assert (asked["path"], "x-forwarded-prefix" in asked["headers"]) == (path, False)
    for path in ("//shop/", "/a/../shop/", "/%73hop/", "/shop/.env"):
        assert http_get(host, "together.test", path).status == 404
    large = [http_request(host, "together.test", "POST", path, body="a" * 2000).status for path in ("/", "/shop/", "/shop/static/")]
    assert large == [200, 413, 413]


def test_no_other_protocol_passes(host: Host) -> None:
    """With h2c a client could talk to the upstream past nginx."""
    headers = ask(host, "plain.test", headers={"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAAA"})[
        "headers"
    ]
    assert "upgrade" not in headers
    assert headers["connection"] == "close"


def test_a_large_session_cookie_is_no_bad_gateway(host: Host) -> None:
    assert len(http_get(host, "plain.test", "/long-header").headers["set-cookie"]) > 6000


def test_a_body_may_be_as_large_as_the_site_says(host: Host) -> None:
    assert ask(host, "plain.test", "POST", body="x" * 2_000_000)["method"] == "POST"
    assert http_request(host, "options.test", "POST", "/", body="x" * 2000, port=OPTIONS_PORT).status == 413


def test_an_upstream_is_waited_for_as_long_as_the_site_says(host: Host) -> None:
    assert ask(host, "plain.test", path="/slow")["path"] == "/slow"
    assert http_get(host, "impatient.test", "/slow").status == 504


def test_configuration_of_the_user_is_part_of_the_site(host: Host) -> None:
    assert http_get(host, "options.test", "/extra", port=OPTIONS_PORT).status == 204


def test_the_version_is_hidden(host: Host) -> None:
    answer = http_get(host, "static.test", "/static/.none")
    assert (answer.status, answer.headers["server"]) == (404, "nginx")
    assert "nginx/" not in answer.body


def test_each_site_has_its_own_logs(host: Host) -> None:
    http_get(host, "plain.test", "/logged-here")
    http_request(host, "options.test", "POST", "/too-large", body="x" * 2000, port=OPTIONS_PORT)
    assert "GET /logged-here" in host.file("/var/log/nginx/plain.access.log").content_string
    assert "too large body" in host.file("/var/log/nginx/many_options-1.error.log").content_string


def test_the_logs_are_rotated(host: Host) -> None:
    http_get(host, "plain.test", "/before-rotation")
    host.check_output("logrotate --force /etc/logrotate.d/nginx")
    # nginx is told by a signal, and goes on with the old file until it has heard it.
    wait_on_host(host, "! find /proc/[0-9]*/fd -lname '*/plain.access.log.1' 2>/dev/null | grep -q .", pause=0.2)
    http_get(host, "plain.test", "/after-rotation")
    assert "/before-rotation" in host.file("/var/log/nginx/plain.access.log.1").content_string
    assert "/after-rotation" in host.file("/var/log/nginx/plain.access.log").content_string
