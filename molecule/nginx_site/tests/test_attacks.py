"""Who means harm gets nothing: names that nobody has, hidden files, ambiguous requests, too much and too slow ones."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, published_port

if TYPE_CHECKING:
    from testinfra.host import Host

OPTIONS_PORT = 8080
TIMEOUT = 10.0  # seconds for the head of a request, as in the template


def send(host: Host, request: bytes, port: int = 80) -> bytes:
    """Send bytes as they are, and return all that comes back until nginx closes."""
    with socket.create_connection(("127.0.0.1", published_port(host, port)), timeout=20) as link:
        link.sendall(request)
        try:
            return b"".join(iter(lambda: link.recv(4096), b""))
        except ConnectionResetError:
            return b""


def get(path: str, *headers: str, name: str = "plain.test") -> bytes:
    """Return a request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {name}", "Connection: close", *headers, "", ""]).encode()


@pytest.mark.parametrize("name", ["no-such-name.test", "192.0.2.1", "localhost", "plain.test.evil.test"])
@pytest.mark.parametrize("port", [80, OPTIONS_PORT])
def test_a_name_that_nobody_has_gets_no_answer(host: Host, name: str, port: int) -> None:
    assert send(host, get("/", name=name), port) == b""


def test_without_a_name_there_is_no_page(host: Host) -> None:
    assert send(host, b"GET / HTTP/1.0\r\n\r\n") == b""
    refused = send(host, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 400 ")
    assert b"nginx/" not in refused


@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/.git/config",
        "/%2eenv",
        "/a/.svn/entries",
        "/%2e%65nv",
        "/x/..%2f.env",
        "//.env",
        "/%0a/.env",
        "/.well-known/.env",
        "/.htaccess",
    ],
)
def test_hidden_files_are_asked_of_nobody(host: Host, path: str) -> None:
    for name in ("plain.test", "static.test"):
        answer = http_get(host, name, path)
        assert (answer.status, "x-frame-options" in answer.headers) == (404, True)
        assert '"path"' not in answer.body


def test_an_upstream_that_has_hidden_files_to_serve_is_asked_when_its_site_says_so(host: Host) -> None:
    assert json.loads(http_get(host, "options.test", "/some/.profile", port=OPTIONS_PORT).body)["path"] == "/some/.profile"
    assert json.loads(http_get(host, "options.test", "/.hidden", port=OPTIONS_PORT).body)["path"] == "/.hidden"
    assert json.loads(http_get(host, "plain.test", "/.well-known/change-password").body)["path"] == "/.well-known/change-password"


@pytest.mark.parametrize(
    "request_",
    [
        get("/", "Host: static.test"),
        get("/", "Host: plain.test"),
        b"POST / HTTP/1.1\r\nHost: plain.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled",
        b"POST / HTTP/1.1\r\nHost: plain.test\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST / HTTP/1.1\r\nHost: plain.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: plain.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: plain.test\r\n X: folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: plain.test/@evil.test\r\n\r\n",
        b"GET http://evil.test@plain.test/ HTTP/1.1\r\nHost: plain.test\r\n\r\n",
        get("/\x00"),
        get("/../../etc/passwd"),
        get("/%2e%2e/%2e%2e/etc/passwd"),
        get("/?" + "x" * 9000),
        get("/", "X-Big: " + "x" * 9000),
        get("/", *(f"X-Big-{number}: " + "x" * 4000 for number in range(9))),
    ],
    ids=[
        "two hosts",
        "one host twice",
        "two kinds of length",
        "two lengths",
        "two encodings",
        "a space before the colon",
        "a folded header",
        "a path in the host",
        "a user in the address",
        "a zero byte",
        "out of the top",
        "out of the top, encoded",
        "a long address",
        "a long header",
        "many headers",
    ],
)
def test_what_two_programs_could_understand_in_two_ways_is_refused(host: Host, request_: bytes) -> None:
    answer = send(host, request_)
    assert answer[:13] in {b"HTTP/1.1 400 ", b"HTTP/1.1 414 ", b"HTTP/1.1 501 ", b""}
    assert b'"path"' not in answer
    assert b"nginx/" not in answer


def test_slow_clients_are_let_go_while_others_are_served(host: Host) -> None:
    """Some send the head of a request for ever, byte by byte."""

    def dawdle(port: int, name: str) -> float:
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", published_port(host, port)), timeout=1) as link:
            link.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\nX: ".encode())
            while time.monotonic() < started + 3 * TIMEOUT:
                try:
                    link.sendall(b"x")
                    if not link.recv(100):
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
        return time.monotonic() - started

    clients = [(80, "plain.test"), (80, "no-such-name.test"), (OPTIONS_PORT, "options.test")]
    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        waited = [pool.submit(dawdle, *client) for client in clients]
        assert http_get(host, "plain.test").status == 200
        assert [TIMEOUT - 1 < future.result() < 2 * TIMEOUT for future in waited] == [True] * len(clients)


def test_a_slow_upload_does_not_occupy_the_upstream(host: Host) -> None:
    """It would hold a worker of gunicorn until its end. The upstream counts the requests that it has."""
    link = http.client.HTTPConnection("127.0.0.1", published_port(host, 80), timeout=10)
    with closing(link):
        link.putrequest("POST", "/upload", skip_host=True)
        for header in (("Host", "plain.test"), ("Content-Length", "2")):
            link.putheader(*header)
        link.endheaders(b"a")
        assert json.loads(http_get(host, "plain.test", "/under-way").body)["under way"] == ["/under-way"]
        link.send(b"b")
        assert json.loads(link.getresponse().read())["body"] == "ab"


def test_careful_headers_are_there_once_and_those_of_the_upstream_count(host: Host) -> None:
    careful = {"x-content-type-options": "nosniff", "x-frame-options": "SAMEORIGIN", "referrer-policy": "strict-origin-when-cross-origin"}
    for path in ("/static/styles/site.css", "/page", "/static/.none"):
        assert careful.items() <= http_get(host, "static.test", path).headers.items()
    answer = send(host, get("/own-headers")).decode().lower()
    assert "x-frame-options: deny\r\n" in answer
    assert "referrer-policy: no-referrer\r\n" in answer
    assert [answer.count(f"\n{name}:") for name in careful] == [1, 1, 1]
    assert not careful.keys() & http_get(host, "options.test", "/", port=OPTIONS_PORT).headers.keys()


def test_more_requests_than_a_site_allows_are_refused_and_files_are_not_counted(host: Host) -> None:
    def ask(path: str) -> int:
        return http_get(host, "limited.test", path).status

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, ["/"] * 20)) == {200, 429}
    assert [ask("/static/styles/site.css") for _number in range(5)] == [200] * 5


def test_more_requests_at_once_than_a_site_allows_are_refused(host: Host) -> None:
    link = http.client.HTTPConnection("127.0.0.1", published_port(host, 80), timeout=10)
    with closing(link):
        link.request("GET", "/stream/", headers={"Host": "one-at-a-time.test"})
        answer = link.getresponse()
        assert http_get(host, "one-at-a-time.test").status == 429
        http_get(host, "plain.test", "/go-on")
        assert answer.read() == b"firstlast"
