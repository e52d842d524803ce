from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.health import Answer, HealthCheck, ask_front, ask_socket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.mark.parametrize("status", [200, 204, 301, 302, 401, 403, 404, 405, 499])
def test_by_default_any_answer_below_500_is_good_so_that_no_health_page_is_needed(status: int) -> None:
    assert HealthCheck().judge(Answer(status)) is None


@pytest.mark.parametrize("status", [500, 502, 503, 599])
def test_by_default_a_server_error_is_bad(status: int) -> None:
    assert HealthCheck(path="/up").judge(Answer(status)) == f"GET /up answered {status}; expected less than 500"


def test_only_the_listed_statuses_are_good_when_there_is_a_list() -> None:
    check = HealthCheck(path="/up", statuses=(200, 204))
    assert check.judge(Answer(204)) is None
    assert check.judge(Answer(404)) == "GET /up answered 404; expected 200, 204"


def test_a_listed_server_error_is_good() -> None:
    assert HealthCheck(statuses=(503,)).judge(Answer(503)) is None


def test_a_redirect_that_is_not_wanted_says_where_it_leads() -> None:
    check = HealthCheck(path="/up", statuses=(200,))
    assert check.judge(Answer(301, location="https://shop.test/up")) == (
        "GET /up answered 301 (Location: https://shop.test/up); expected 200"
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
    family: socket.AddressFamily, address: str | tuple[str, int], answer: bytes | None, context: ssl.SSLContext | None = None
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
        assert ask_front("127.0.0.1", served[0].getsockname()[1], HealthCheck()) == Answer(200)


def test_an_encrypted_front_is_asked_by_the_name_of_the_site_and_may_have_any_certificate(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=another.test", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject], check=True, capture_output=True)
    context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str]()
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _link, name, _context: names.append(str(name))
    with _server(socket.AF_INET, ("127.0.0.1", 0), b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", context) as served:
        assert ask_front("127.0.0.1", served[0].getsockname()[1], HealthCheck(host="shop.test", is_encrypted=True)) == Answer(200)
    assert names == ["shop.test"]


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
