from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._certificates import certbot
from ansible_collections.webstack.flask.plugins.module_utils._certificates.certbot import shorten_lines


def test_a_line_of_an_authority_is_no_longer_than_a_message_can_use() -> None:
    assert shorten_lines(f"a\n{'x' * 1001}\nb") == f"a\n{'x' * 1000}…\nb"


def _drip(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def _continue(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


@pytest.mark.parametrize("serve", [_drip, _continue])
def test_a_server_that_answers_without_end_is_not_listened_to_without_end(
    serve: Callable[[socket.socket], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certbot, "_ANSWER_TIMEOUT", 0.3)

    def answer() -> None:
        connection, _address = listener.accept()
        with connection, suppress(OSError):
            serve(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(certbot, "_HTTP_PORT", listener.getsockname()[1])
        threading.Thread(target=answer, daemon=True).start()
        begun = time.monotonic()
        said = certbot._ask("127.0.0.1", "shop.test", "/x")  # noqa: SLF001 - names resolve to port 80 of the host elsewhere
        assert time.monotonic() - begun < 3
        assert isinstance(said, OSError) or said.startswith("no HTTP")
