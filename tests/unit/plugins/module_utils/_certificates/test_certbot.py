from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._certificates import acme, certbot
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


def test_an_account_that_the_authority_has_forgotten_is_made_anew_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acme, "CERTBOT_ROOT", tmp_path)
    monkeypatch.setattr(certbot, "CERTBOT_ROOT", tmp_path)
    monkeypatch.setattr(certbot, "_LOG", tmp_path / "letsencrypt.log")
    accounts, renewal = tmp_path / "accounts/ca.test/dir", tmp_path / "renewal" / "blog.conf"
    (accounts / "old").mkdir(parents=True)
    renewal.parent.mkdir()
    renewal.write_text("server = https://ca.test/dir\naccount = old\n", encoding="ascii")
    asked: list[Sequence[str]] = []

    def run_certbot(arguments: Sequence[str], _variables: Mapping[str, str]) -> tuple[int, str]:
        asked.append(arguments)
        if (accounts / "old").exists():
            error = "acme.messages.Error: urn:ietf:params:acme:error:accountDoesNotExist :: x :: unknown\n"
            (tmp_path / "letsencrypt.log").write_text(error, encoding="ascii")
            return 1, "An unexpected error occurred:\nAttributeError: can't set attribute\n"
        (accounts / "new").mkdir(parents=True)
        return 0, ""

    monkeypatch.setattr(certbot, "_run_certbot", run_certbot)
    options = {"directory": "https://ca.test/dir", "ca": "", "environment": {}}
    assert certbot._ask_certbot(["certonly"], options) == (0, "", "")  # noqa: SLF001 - above it, names have to resolve
    assert len(asked) == 2
    assert (tmp_path / "accounts/ca.test/dir.forgotten/old").is_dir()
    assert renewal.read_text(encoding="ascii") == "server = https://ca.test/dir\naccount = new\n"
