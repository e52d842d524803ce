from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils import _layout as layout_module
from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import make_self_signed
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.change import change_app
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.options import choose_proxy, read_switch
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._release.release import note, read_record, write_record
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import choose_target
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Proxy, Switch

PLAIN = Proxy("127.0.0.1", 80, "shop.test")


@pytest.mark.parametrize(
    ("signed", "proxy"),
    [
        ([], PLAIN),
        (["other.test"], PLAIN),
        (["shop.test", "www.shop.test"], Proxy("127.0.0.1", 8443, "shop.test", tls=True)),
        (["www.shop.test"], Proxy("127.0.0.1", 8443, "www.shop.test", tls=True)),
    ],
)
def test_an_app_is_asked_encrypted_once_one_of_its_names_is_certified(tmp_path: Path, signed: list[str], proxy: Proxy) -> None:
    file = tmp_path / "shop.pem"
    if signed:
        file.write_text(make_self_signed(signed, 1, tmp_path), encoding="ascii")
    certified = {"certificate": str(file), "encrypted_port": 8443, "names": ["shop.test", "www.shop.test"]}
    options = {"address": "127.0.0.1", "port": 80, "host": "shop.test", "tls": False, "certified": certified}
    assert choose_proxy(options) == proxy
    assert choose_proxy({**options, "certified": None}) == PLAIN
    assert choose_proxy({**options, "proxy_protocol": True}) == replace(proxy, proxy_protocol=True)
    assert choose_proxy({**options, "proof": "/a.proof"}) == replace(proxy, proof=Path("/a.proof"))


@pytest.mark.parametrize("proxy_protocol", [False, True])
def test_an_app_is_asked_in_the_way_in_which_its_site_is_spoken_to(*, proxy_protocol: bool) -> None:
    proxy = {"address": "127.0.0.1", "port": 80, "host": "shop.test", "tls": False, "proxy_protocol": proxy_protocol}
    options = {"proxy": proxy, "health": {}, "drain": 1, "watch": 0}
    assert read_switch(options, AppLayout.of("shop"), REAL).check.proxy_protocol is proxy_protocol


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppLayout:
    """An app with three releases that were only put on the disk."""
    monkeypatch.setattr(layout_module, "LOCK_ROOT", tmp_path / "locks")
    app = AppLayout.of("shop", str(tmp_path / "shop"))
    for name in ("r1", "r2", "r3"):
        app.release(name).mkdir(parents=True)
        write_record(app, REAL, ReleaseRecord(name, "b1", "e1", created=1))
    return app


def test_users_go_back_to_the_release_they_reached_last_though_the_clock_was_set_back(app: AppLayout) -> None:
    for when, name in enumerate(("r1", "r2", "r3")):
        note(app, REAL, name, lambda record, _now, when=when: record.mark_verified(1000 - when))  # type: ignore[misc]
    assert choose_target(app, REAL, "r3", "previous") == "r2"
    note(app, REAL, "r1", lambda record, _now: record.mark_verified(5))
    note(app, REAL, "r3", lambda record, _now: record.mark_verified(4))
    assert choose_target(app, REAL, "r3", "previous") == "r1"


def test_a_rollback_that_was_cut_off_before_it_was_written_down_is_finished_and_not_undone(app: AppLayout) -> None:
    for name in ("r1", "r2"):
        note(app, REAL, name, lambda record, _now: record.mark_verified(1))
    assert choose_target(app, REAL, "r1", "previous") == "r1"
    note(app, REAL, "r1", lambda record, _now: record.mark_verified(1))
    assert choose_target(app, REAL, "r1", "previous") == "r2"


def test_users_are_not_sent_to_a_release_that_failed_though_the_clock_was_set_back_since_it_served(app: AppLayout) -> None:
    note(app, REAL, "r1", lambda record, _now: record.mark_verified(1000))
    note(app, REAL, "r1", lambda record, _now: record.mark_failed(10, "it died"))
    with pytest.raises(UserError, match=r"has not been healthy.*it died"):
        choose_target(app, REAL, "r3", "r1")


def test_each_event_has_the_next_number(app: AppLayout) -> None:
    for name in ("r2", "r1", "r2"):
        note(app, REAL, name, lambda record, _now: record.mark_verified(1))
    numbers = {name: record.sequence if (record := read_record(app, REAL, name)) else None for name in ("r1", "r2", "r3")}
    assert numbers == {"r1": 2, "r2": 3, "r3": 0}


@pytest.mark.parametrize("error", [UserError("no"), OSError(28, "No space left on device"), RecursionError("deep"), ValueError("odd")])
def test_whatever_befalls_an_app_is_its_error_and_ends_nothing_else(app: AppLayout, error: Exception) -> None:
    def fail() -> bool:
        raise error

    outcome = change_app(Switch(app, REAL, HealthCheck(), None, drain_limit=1), 1, fail)
    assert str(error) in outcome["error"]
    assert outcome["changed"] is True
