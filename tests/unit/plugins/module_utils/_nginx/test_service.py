from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._nginx import service
from ansible_collections.webstack.flask.plugins.module_utils._nginx.service import find_refusal, shows

BIND = "2026/11/27 01:00:0{0} [emerg] 77#77: bind() to 0.0.0.0:443 failed (98: Address already in use)\n"
GIVEN_UP = "2026/11/27 01:00:05 [emerg] 77#77: still could not bind()\n"


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("", None),
        ("2026/11/27 01:00:00 [notice] 77#77: signal process started\n", None),
        ("".join(map(BIND.format, range(4))), None),
        ("".join(map(BIND.format, range(5))) + GIVEN_UP, "bind() to 0.0.0.0:443 failed (98: Address already in use)"),
        (
            '2026/11/27 01:00:00 [emerg] 77#77: open() "/x" failed (24: Too many open files)\n',
            'open() "/x" failed (24: Too many open files)',
        ),
        ("2026/11/27 01:00:00 [error] 78#78: *1 connect() failed\n", None),
    ],
)
def test_a_configuration_that_nginx_has_given_up_is_told_with_its_reason(log: str, reason: str | None) -> None:
    assert find_refusal(log) == reason


def test_what_the_log_said_before_does_not_count(tmp_path: Path) -> None:
    log = tmp_path / "error.log"
    log.write_text("before\n", encoding="ascii")
    size = log.stat().st_size
    log.write_text("before\nafter\n", encoding="ascii")
    assert service._read_from(log, size) == "after\n"  # noqa: SLF001 - the log itself is at a fixed place
    log.write_text("new\n", encoding="ascii")
    assert service._read_from(log, size) == "new\n"  # noqa: SLF001
    assert service._read_from(tmp_path / "none", 0) == ""  # noqa: SLF001


def _make_certificate(directory: Path) -> tuple[Path, Path]:
    certificate, key = directory / "c.pem", directory / "k.pem"
    subject = ["-subj", "/CN=shop.test", "-keyout", str(key), "-out", str(certificate)]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(["openssl", "req", "-x509", *curve, "-nodes", *subject], check=True, capture_output=True)
    return certificate, key


def test_the_certificate_that_is_served_is_seen_where_the_proxy_protocol_is_wanted(tmp_path: Path) -> None:
    """By openssl, which does not speak it; the server here answers to nobody who does not."""
    certificate, key = _make_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other = _make_certificate(tmp_path / "other")[0].read_text(encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    lines: list[bytes] = []

    def serve() -> None:
        for _connection in range(3):
            connection = listening.accept()[0]
            with connection:
                line = b""
                while not line.endswith(b"\n") and len(line) < 107 and line[:6] in b"PROXY " and (byte := connection.recv(1)):
                    line += byte
                lines.append(line)
                if line.startswith(b"PROXY "):
                    with context.wrap_socket(connection, server_side=True) as encrypted:
                        encrypted.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        assert shows("127.0.0.1", port, "shop.test", certificate.read_text(encoding="ascii"), proxy_protocol=True)
        assert not shows("127.0.0.1", port, "shop.test", other, proxy_protocol=True)
        assert not shows("127.0.0.1", port, "shop.test", certificate.read_text(encoding="ascii"))
        thread.join(10)
    assert [line.startswith(b"PROXY TCP4 127.0.0.1 127.0.0.1 ") for line in lines] == [True, True, False]
    assert lines[0].endswith(f" {port}\r\n".encode())
    assert not shows("127.0.0.1", port, "shop.test", other, proxy_protocol=True)  # nobody is there any more
