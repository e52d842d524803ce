from __future__ import annotations

import re
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.health import (
    Answer,
    HealthCheck,
    ask_proxy,
    ask_socket,
    read_text_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.mark.parametrize("status", [200, 204, 301, 302, 401, 403, 404, 405, 499])
def test_by_default_any_answer_below_500_is_good_so_that_no_health_page_is_needed(status: int) -> None:
    assert HealthCheck().judge(Answer(status)) is None


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_by_default_a_server_error_is_bad(status: int) -> None:
    trouble = HealthCheck(path="/up").judge(Answer(status, said="no database"))
    assert trouble == (
        f"GET /up answered {status}; expected less than 500. It says: no database. "
        "Mend it, or name another page in `health.path` if this one alone is at fault"
    )


def test_only_the_listed_statuses_are_good_when_there_is_a_list() -> None:
    check = HealthCheck(path="/up", statuses=(200, 204))
    assert check.judge(Answer(204)) is None
    assert check.judge(Answer(404)) == (
        "GET /up answered 404; expected 200, 204. Name another page in `health.path`, or allow it: `health: {statuses: [404]}`"
    )


def test_a_listed_server_error_is_good() -> None:
    assert HealthCheck(statuses=(503,)).judge(Answer(503)) is None


def test_a_redirect_that_is_not_wanted_says_where_it_leads() -> None:
    check = HealthCheck(path="/up", statuses=(200,))
    assert check.judge(Answer(301, location="https://shop.test/up")) == (
        "GET /up answered 301 (Location: https://shop.test/up); expected 200. "
        "Name another page in `health.path`, or allow it: `health: {statuses: [301]}`"
    )


def test_a_check_takes_the_settings_of_another_and_keeps_what_they_do_not_say() -> None:
    check = HealthCheck("/up", statuses=(200,), timeout=1, host="shop.test")
    settings = {"path": "/health", "statuses": [204], "timeout": 2, "interval": 0.5, "deadline": 9, "colour": "blue"}
    assert check.asked_as(settings) == HealthCheck("/health", (204,), 2, 0.5, 9, host="shop.test")
    assert check.asked_as({}) == check


def test_no_answer_is_bad_whatever_is_expected() -> None:
    assert HealthCheck().judge(Answer(error="GET / failed: gone")) == "GET / failed: gone"
    assert HealthCheck(statuses=(0,)).judge(Answer(error="gone")) == "gone"


@contextmanager
def _server(
    family: socket.AddressFamily, address: str | tuple[str, int], answer: bytes | None, context: ssl.SSLContext | Speaking | None = None
) -> Iterator[tuple[socket.socket, list[bytes]]]:
    """Answer one request with these bytes, or keep silent when there are none; give the listening socket and what was asked."""
    asked: list[bytes] = []
    silence = threading.Event()

    def serve() -> None:
        connection = listening.accept()[0]
        connection = context.wrap_socket(connection, server_side=True) if context else connection
        with connection:
            asked.append(connection.recv(4096))
            if answer is None:
                silence.wait(10)
            else:
                connection.sendall(answer)

    with socket.socket(family) as listening:
        listening.bind(address)
        listening.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening, asked
        finally:
            silence.set()
            thread.join(10)


def test_the_question_bears_the_host_and_the_probe_and_the_answer_tells_the_release(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    reply = b"HTTP/1.1 302 Found\r\nX-Webstack-Release: r1\r\nLocation: /login\r\nContent-Length: 2\r\n\r\nhi"
    check = HealthCheck(path="/up?deep=1", host="shop.test", headers={"X-Forwarded-Proto": "https"})
    with _server(socket.AF_UNIX, path, reply) as served:
        assert ask_socket(path, check) == Answer(302, release="r1", location="/login")
    lines = served[1][0].decode().split("\r\n")
    assert lines[0] == "GET /up?deep=1 HTTP/1.1"
    assert {"Host: shop.test", "X-Webstack-Probe: 1", "Connection: close", "X-Forwarded-Proto: https"} <= set(lines)


def test_the_front_is_asked_over_tcp() -> None:
    with _server(socket.AF_INET, ("127.0.0.1", 0), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as served:
        assert ask_proxy("127.0.0.1", served[0].getsockname()[1], HealthCheck()) == Answer(200)


def test_an_encrypted_front_is_asked_by_the_name_of_the_site_and_may_have_any_certificate(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=another.test", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject], check=True, capture_output=True)
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str]()
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _link, name, _context: names.append(str(name))
    with _server(socket.AF_INET, ("127.0.0.1", 0), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", context) as served:
        assert ask_proxy("127.0.0.1", served[0].getsockname()[1], HealthCheck(host="shop.test", is_encrypted=True)) == Answer(200)
    assert names == ["shop.test"]


class Speaking:
    """A front that lets nobody in who does not begin with the line of the PROXY protocol; then it may encrypt."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.line = b""
        self._context = context

    def wrap_socket(self, connection: socket.socket, *, server_side: bool) -> socket.socket:
        """Read the line, and not a byte more."""
        while not self.line.endswith(b"\r\n") and len(self.line) < 107 and (byte := connection.recv(1)):
            self.line += byte
        assert self.line.startswith(b"PROXY "), self.line
        return self._context.wrap_socket(connection, server_side=server_side) if self._context else connection


@pytest.mark.parametrize("is_encrypted", [False, True])
@pytest.mark.parametrize(("family", "address", "word"), [(socket.AF_INET, "127.0.0.1", "TCP4"), (socket.AF_INET6, "::1", "TCP6")])
def test_a_front_of_the_proxy_protocol_is_told_before_all_else_that_the_host_itself_asks(
    tmp_path: Path, family: socket.AddressFamily, address: str, word: str, *, is_encrypted: bool
) -> None:
    context = None
    if is_encrypted:
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        subject = ["-subj", "/CN=another.test", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    front = Speaking(context)
    with _server(family, (address, 0), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", front) as (listening, asked):
        port = listening.getsockname()[1]
        check = HealthCheck(host="shop.test", is_encrypted=is_encrypted, proxy_protocol=True)
        assert ask_proxy(address, port, check) == Answer(200)
    assert re.fullmatch(rf"PROXY {word} {address} {address} [0-9]+ {port}\r\n", front.line.decode())
    assert asked[0].startswith(b"GET / HTTP/1.1\r\n")


def test_over_a_socket_the_proxy_protocol_is_not_spoken(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with _server(socket.AF_UNIX, path, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (_listening, asked):
        assert ask_socket(path, HealthCheck(proxy_protocol=True)) == Answer(200)
    assert asked[0].startswith(b"GET / HTTP/1.1\r\n")


def test_over_a_socket_an_app_that_is_served_encrypted_is_asked_as_such(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with _server(socket.AF_UNIX, path, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as served:
        assert ask_socket(path, HealthCheck(is_encrypted=True)) == Answer(200)
    assert b"X-Forwarded-Proto: https\r\n" in served[1][0]


def test_a_socket_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    assert ask_socket(str(tmp_path / "s"), HealthCheck(path="/up")) == Answer(error="GET /up failed: [Errno 2] No such file or directory")


def test_silence_ends_with_the_timeout(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with _server(socket.AF_UNIX, path, None):
        assert ask_socket(path, HealthCheck(timeout=0.1)) == Answer(error="GET / was not answered within 0.1 s")


@pytest.mark.parametrize("reply", [b"", b"220 mail.test ESMTP\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
def test_what_is_no_whole_http_answer_is_no_answer(tmp_path: Path, reply: bytes) -> None:
    path = str(tmp_path / "s")
    with _server(socket.AF_UNIX, path, reply):
        answer = ask_socket(path, HealthCheck())
    assert answer.status == 0
    assert (answer.error or "").startswith("GET / failed: ")


def test_the_question_bears_the_word_of_the_release(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with _server(socket.AF_UNIX, path, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as served:
        ask_socket(path, HealthCheck(probe="0123abcd"))
    assert b"X-Webstack-Probe: 0123abcd\r\n" in served[1][0]


@contextmanager
def _made_up_server(
    address: str | tuple[str, int], answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None
) -> Iterator[socket.socket]:
    """Serve one connection in a way of one's own, which ends when the other side has gone."""

    def serve() -> None:
        connection = listening.accept()[0]
        with suppress(OSError), connection:
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            connection.recv(4096)
            answer(connection)

    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as listening:
        listening.bind(address)
        listening.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening
        thread.join(10)
        assert not thread.is_alive(), "the connection is closed"


_HEADER = b"HTTP/1.1 200 OK\r\nX-Webstack-Release: r1\r\n"


def _drip(first: bytes, drops: bytes = b"x") -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        for _drop in range(200):
            connection.sendall(drops)
            time.sleep(0.05)

    return answer


def _flood(first: bytes, rest: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(rest)

    return answer


_LATE = "GET / was not answered within 0.3 s"
_UNFINISHED = "GET / was not answered in full within 0.3 s; if it is a stream, name another page in `health.path`"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of encryption."""
    directory = tmp_path_factory.mktemp("keys")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subject = ["-subj", "/CN=shop.test", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(_drip(_HEADER + b"\r\n"), _UNFINISHED, id="a body without an end"),
        pytest.param(_drip(_HEADER + b"Content-Length: 200000000000\r\n\r\n"), _UNFINISHED, id="a body of 200 GB"),
        pytest.param(_drip(_HEADER + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), _UNFINISHED, id="small chunks"),
        pytest.param(_drip(_HEADER + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"), _UNFINISHED, id="trailers"),
        pytest.param(_drip(b"HTTP/1.1 200 "), _LATE, id="a status line"),
        pytest.param(_drip(_HEADER), _LATE, id="a header"),
        pytest.param(_drip(_HEADER, b"a: b\r\n"), _LATE, id="headers"),
        pytest.param(_drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), _LATE, id="interim answers"),
    ],
)
@pytest.mark.parametrize("place", ["file", "address", "encrypted"])
def test_an_answer_that_drips_ends_with_the_timeout(
    tmp_path: Path, context: ssl.SSLContext, place: str, answer: Callable[[socket.socket], None], error: str
) -> None:
    check = HealthCheck(timeout=0.3, is_encrypted=place == "encrypted")
    address = str(tmp_path / "s") if place == "file" else ("127.0.0.1", 0)
    with _made_up_server(address, answer, context if check.is_encrypted else None) as listening:
        begin = time.monotonic()
        name: Any = listening.getsockname()
        given = ask_socket(name, check) if place == "file" else ask_proxy(name[0], name[1], check)
        assert time.monotonic() - begin < 1.5
    assert given == Answer(error=error)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (_flood(_HEADER, b"a: b\r\n" * 50), "GET / failed: "),
        (_flood(_HEADER, b"x" * 1000), "GET / failed: "),
        (_flood(_HEADER, b"a: " + b"b" * 9000 + b"\r\n"), "GET / failed: its header is longer than 64 KiB"),
        (_flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50), "GET / failed: "),
    ],
    ids=["headers", "a header", "long headers", "interim answers"],
)
def test_a_header_without_an_end_is_no_answer(tmp_path: Path, answer: Callable[[socket.socket], None], error: str) -> None:
    path = str(tmp_path / "s")
    with _made_up_server(path, answer):
        begin = time.monotonic()
        said = ask_socket(path, HealthCheck(timeout=30)).error or ""
        assert time.monotonic() - begin < 10
    assert said.startswith(error)
    assert len(said) < 400


@pytest.mark.parametrize(
    ("header", "rest"),
    [
        (b"", b"x" * 65536),
        (b"Content-Length: 200000000000\r\n", b"x" * 65536),
        (b"Transfer-Encoding: chunked\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"0\r\n" + b"a: b\r\n" * 1000),
        (b"Transfer-Encoding: chunked\r\n", b"-1\r\n" + b"x" * 65536),
    ],
    ids=["until the end", "200 GB", "chunks", "trailers", "a negative chunk"],
)
def test_a_flood_counts_as_answered_after_a_mebibyte(tmp_path: Path, header: bytes, rest: bytes) -> None:
    path = str(tmp_path / "s")
    sent = 0

    def answer(connection: socket.socket) -> None:
        nonlocal sent
        sent += connection.send(_HEADER + header + b"\r\n")
        while True:
            sent += connection.send(rest)

    with _made_up_server(path, answer):
        assert ask_socket(path, HealthCheck(timeout=30)) == Answer(200, release="r1")
    assert sent < 4 << 20


def test_an_answer_of_less_than_a_mebibyte_is_read_to_its_end(tmp_path: Path) -> None:
    path, left = str(tmp_path / "s"), b"(nothing was received)"

    def answer(connection: socket.socket) -> None:
        nonlocal left
        connection.sendall(_HEADER + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
        left = connection.recv(1)

    with _made_up_server(path, answer):
        assert ask_socket(path, HealthCheck(timeout=30)) == Answer(200, release="r1")
    assert left == b"", "the connection was closed, not reset"


def test_a_slow_encryption_ends_with_the_timeout() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00")
        _drip(b"")(connection)

    with _made_up_server(("127.0.0.1", 0), answer) as listening:
        begin = time.monotonic()
        given = ask_proxy("127.0.0.1", listening.getsockname()[1], HealthCheck(timeout=0.3, is_encrypted=True))
        assert time.monotonic() - begin < 1.5
    assert given == Answer(error=_LATE)


@pytest.mark.parametrize("size", [b"-5", b"-1", b"zz", b"f" * 40, b"9" * 6000])
def test_an_odd_length_of_a_chunk_is_no_answer_or_one_and_never_more(tmp_path: Path, size: bytes) -> None:
    path = str(tmp_path / "s")
    with _server(socket.AF_UNIX, path, _HEADER + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\nabc"):
        answer = ask_socket(path, HealthCheck())
    assert answer.status == 200 or (answer.error or "").startswith("GET / failed: ")


@pytest.mark.parametrize("status", [b"HTTP/1.1 301 Moved", b"z" * 40000])
def test_of_what_an_app_says_in_an_answer_a_message_shows_a_part(tmp_path: Path, status: bytes) -> None:
    path, check = str(tmp_path / "s"), HealthCheck(statuses=(200,))
    headers = b"".join(name + b": /" + b"x" * 20000 + b"\r\n" for name in (b"Location", b"X-Webstack-Release"))
    with _server(socket.AF_UNIX, path, status + b"\r\n" + headers + b"\r\n"):
        answer = ask_socket(path, check)
    assert len(check.judge(answer) or "") < 500
    assert len(answer.release or "") < 400


def test_what_a_page_says_is_shown_without_its_markup_and_no_more_than_its_beginning() -> None:
    page = b"<!doctype html><head><style>p {}</style><title>x</title></head><h1>Internal\n Server Error</h1><p>KeyError: &#39;DB&#39;</p>"
    assert read_text_of(page) == "Internal Server Error KeyError: 'DB'"
    assert len(read_text_of(b"y" * 4096)) == 301
    assert read_text_of(b"\xff\x00<") == "\ufffd\x00<"
