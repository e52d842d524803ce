"""A switch asks each release in its own way, and waits for the requests that are under way in it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import deploy
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Proxy, Switch
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from fakes.host import World
from fakes.parts import FakeHome
from fakes.runs import deployed, describe, identify, install


@pytest.fixture
def layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AppLayout:
    """An app with a release that runs, and a systemd that does what it is told."""
    monkeypatch.setattr(
        systemctl, "show", lambda units: dict.fromkeys(units, systemctl.UnitState("active", "running", enablement="enabled"))
    )
    monkeypatch.setattr(systemctl, "find_instances", lambda *_templates: [])
    for name in ("stop", "disable", "forget_failure"):
        monkeypatch.setattr(systemctl, name, lambda *_units: None)
    layout = AppLayout.of("shop", str(tmp_path))
    layout.release("r1").mkdir(parents=True)
    return layout


@contextmanager
def _proxy(word: str) -> Iterator[Proxy]:
    """A web server that has a release behind it which tells its name on a word."""

    def answer(request: str) -> str:
        return "200 OK" + ("\r\nX-Webstack-Release: r1" if f"X-Webstack-Probe: {word}\r\n" in request else "")

    with _serve(answer) as port:
        yield Proxy("127.0.0.1", port, "shop.test")


@contextmanager
def _serve(answer: Callable[[str], str]) -> Iterator[int]:
    """Listen on a port, and answer each request with a status and headers."""

    def serve() -> None:
        while True:
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            with connection:
                if given := answer(connection.recv(4096).decode()):
                    connection.sendall(f"HTTP/1.1 {given}\r\nContent-Length: 0\r\n\r\n".encode())

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def test_a_service_is_asked_through_the_web_server_with_the_word_of_the_host(layout: AppLayout) -> None:
    def answer(request: str) -> str:
        return "200 OK\r\nX-Webstack-Release: r1" if "\r\nAuthorization: Basic aG9zdDp3b3Jk\r\n" in request else "403 Forbidden"

    with _serve(answer) as port:
        proxy = Proxy("127.0.0.1", port, f"127.0.0.1:{port}")
        switch = Switch(layout, REAL, HealthCheck(), replace(proxy, authorization="Basic aG9zdDp3b3Jk"), drain_limit=1)
        switch.verify_within(0, "r1")
        with pytest.raises(ReleaseFailed, match="403"):
            Switch(layout, REAL, HealthCheck(), proxy, drain_limit=1).verify_within(0, "r1")


@pytest.mark.parametrize(("own", "word"), [("0123abcd", "0123abcd"), (None, "1")], ids=["its own", "made before there were any"])
def test_a_release_is_asked_for_its_name_by_its_own_word(layout: AppLayout, own: str | None, word: str) -> None:
    if own:
        (layout.release("r1") / "probe").write_text(own, encoding="utf-8")
    with _proxy(word) as proxy:
        Switch(layout, REAL, HealthCheck(), proxy, drain_limit=1).verify("r1")


WORDS = "# ours\n0123456789abcdef0123456789abcdef is-known;\nfedcba9876543210fedcba9876543210 may-pass;\n"


@contextmanager
def _gate(*, is_ours: bool, passes: bool = True, refusal: str = "403 Forbidden", tells: bool = True) -> Iterator[tuple[Proxy, list[str]]]:
    """A web server that refuses users; `is_ours` is whether it is the app's site, and `tells` whether a refusal says so.

    What it is asked is noted.
    """
    asked: list[str] = []

    def answer(request: str) -> str:
        asked.append(request)
        known, passing = (f"X-Webstack-Proof: {line.split()[0]}\r\n" in request for line in WORDS.splitlines()[1:])
        if passing and "Host: shop.proof.invalid\r\n" in request and "X-Webstack-Host: shop.test\r\n" in request:
            return "200 OK\r\nX-Webstack-Release: r1" if passes else "502 Bad Gateway"
        if known and is_ours and "X-Webstack-Host: ?\r\n" in request:
            return "308 Permanent Redirect\r\nLocation: is-known"
        return refusal + ("\r\nX-Webstack-Site: is-known" if known and is_ours and tells else "")

    with _serve(answer) as port:
        yield Proxy("127.0.0.1", port, "shop.test"), asked


def _verify_past(layout: AppLayout, proxy: Proxy, words: str | None) -> None:
    proof = layout.root / "shop.proof"
    if words is not None:
        proof.write_text(words, encoding="utf-8")
    Switch(layout, REAL, HealthCheck(host=proxy.host), replace(proxy, proof=proof), drain_limit=1).verify("r1")


def test_a_release_is_proven_past_the_gate_of_its_own_site(layout: AppLayout) -> None:
    with _gate(is_ours=True) as (proxy, asked):
        _verify_past(layout, proxy, WORDS)
    assert len(asked) == 2


@pytest.mark.parametrize("refusal", ["", "403 Forbidden", "200 OK"], ids=["no answer", "a header of its own", "a page of its own"])
def test_a_gate_that_does_not_tell_whose_it_is_is_passed_where_the_site_is_the_app_s(layout: AppLayout, refusal: str) -> None:
    with _gate(is_ours=True, refusal=refusal, tells=False) as (proxy, asked):
        _verify_past(layout, proxy, WORDS)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("gate", "words", "message"),
    [
        ({"is_ours": False}, WORDS, "no release of this app, with 403; .*allow 127.0.0.1"),
        ({"is_ours": True}, None, "no release of this app, with 403; .*allow 127.0.0.1"),
        ({"is_ours": True}, "mine\n", "no release of this app, with 403"),
        ({"is_ours": True, "passes": False}, WORDS, "answered 502; .*does not reach the app's socket"),
        ({"is_ours": False, "refusal": ""}, WORDS, "failed: Remote end closed connection without response; .*`return 444`"),
        ({"is_ours": True, "passes": False, "refusal": "", "tells": False}, WORDS, "answered 502"),
    ],
    ids=[
        "the site of somebody else",
        "no words",
        "other words",
        "nothing behind the gate",
        "silence of somebody else",
        "nothing behind silence",
    ],
)
def test_what_is_behind_no_gate_of_the_app_is_not_proven(
    layout: AppLayout, monkeypatch: pytest.MonkeyPatch, gate: dict[str, Any], words: str | None, message: str
) -> None:
    monkeypatch.setattr("ansible_collections.webstack.flask.plugins.module_utils._release.switch.VERIFY_TIMEOUT", 0)
    with _gate(**gate) as (proxy, asked), pytest.raises(ReleaseFailed, match=message):
        _verify_past(layout, proxy, words)
    assert gate["is_ours"] or "fedcba9876543210" not in "".join(asked), "somebody else was told the word that lets pass"


def test_what_answers_without_a_name_is_no_release_of_the_app(layout: AppLayout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.webstack.flask.plugins.module_utils._release.switch.VERIFY_TIMEOUT", 0)
    with _proxy("another") as proxy, pytest.raises(ReleaseFailed, match="was answered by something that is no release of this app"):
        Switch(layout, REAL, HealthCheck(), proxy, drain_limit=1).verify("r1")


def test_a_release_is_stopped_when_its_last_request_has_ended(layout: AppLayout) -> None:
    switch = Switch(layout, REAL, HealthCheck(), None, drain_limit=30)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(layout.socket("r1")))
        server.listen()
        client.connect(str(layout.socket("r1")))
        accepted = server.accept()[0]
        threading.Timer(1, accepted.close).start()
        begin = time.monotonic()
        switch.retire("r1")
        assert 1 <= time.monotonic() - begin < 10
    assert switch.notes == []


def test_a_request_that_does_not_end_does_not_keep_a_release_for_ever(layout: AppLayout) -> None:
    switch = Switch(layout, REAL, HealthCheck(), None, drain_limit=0.3)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(layout.socket("r1")))
        server.listen()
        client.connect(str(layout.socket("r1")))
        switch.retire("r1")
    assert switch.notes == ["release r1 was stopped with 1 request(s) still in it after 0.3 s"]


def test_a_release_whose_socket_is_gone_is_stopped_at_once(layout: AppLayout) -> None:
    begin = time.monotonic()
    Switch(layout, REAL, HealthCheck(), None, drain_limit=30).retire("r1")
    assert time.monotonic() - begin < 5


def test_a_release_that_looks_below_what_was_mounted_since_is_started_again_with_its_socket_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    app = describe("b1")
    world = install(deployed(app))
    service, socket = world.service_unit(identify(app)), world.socket_unit(identify(app))
    stopped: list[str] = []
    stop = World.stop

    def note_and_stop(self: World, unit: str) -> None:
        stopped.append(unit)
        stop(self, unit)

    monkeypatch.setattr(World, "stop", note_and_stop)
    monkeypatch.setattr(FakeHome, "find_unseen", lambda _home, _layout, _pid: [] if stopped else ["/var/www/shop/shared"])
    outcome = deploy(app, 1, world.host, check=False)[0]
    assert (outcome["changed"], stopped) == (True, [service])
    assert outcome["notes"] == [
        f"started release {identify(app)} again, which did not see what is mounted at /var/www/shop/shared now",
    ]
    assert {world.units[unit].active for unit in (service, socket)} == {"active"}
    assert not deploy(app, 1, world.host, check=False)[0]["changed"]
