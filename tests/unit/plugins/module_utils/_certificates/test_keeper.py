from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._certificates import certbot, keeper, pem
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_GIVEN = {"state": "present", "certificate": "/x", "acme": None}
_NOW = datetime(2026, 11, 26, tzinfo=UTC)


def _params(*wanted: dict[str, Any]) -> dict[str, Any]:
    return {"certificates": list(wanted), "acme": {}, "days": 365, "renew_before": 30, "warn_before": 20}


def _self_signed(name: str, **options: object) -> dict[str, Any]:
    return {"name": name, "state": "present", "names": [f"{name}.test"], "certificate": None, "key": None, "acme": None, **options}


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(keeper, "path_of", lambda name: pem.path_of(name, tmp_path / "certificates"))
    monkeypatch.setattr(certbot, "CERTBOT_ROOT", tmp_path / "letsencrypt")
    return tmp_path / "certificates"


def test_all_problems_of_given_certificates_are_told_at_once_whatever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(wanted: dict[str, str], _now: datetime) -> None:
        if wanted["name"] != "good":
            raise UnicodeDecodeError("ascii", b"\xff", 0, 1, wanted["name"])

    monkeypatch.setattr(keeper, "check_given", check)
    params = _params(*({"name": name, **_GIVEN} for name in ("a", "good", "b")))
    with pytest.raises(UserError) as caught:
        keeper.keep_certificates(params, print, _NOW, check=False)
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("the certificate a cannot be used: unexpected UnicodeDecodeError: ")
    assert second.startswith("the certificate b cannot be used: ")
    assert third == "Nothing was changed."


def test_a_certificate_that_cannot_be_made_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure(_keeper: object, wanted: dict[str, str]) -> dict[str, object]:
        if wanted["name"] == "shop":
            raise OSError(28, "No space left on device")
        return {"changed": True}

    monkeypatch.setattr(keeper.CertificateKeeper, "ensure", ensure)
    outcomes, changed = keeper.keep_certificates(_params(_self_signed("shop"), _self_signed("blog")), print, _NOW, check=True)
    assert outcomes["shop"] == {**keeper.NO_CERTIFICATE, "error": "[Errno 28] No space left on device"}
    assert outcomes["blog"] == {"changed": True}
    assert not changed


def test_a_check_run_tells_which_certificate_it_would_make_and_makes_none(directory: Path) -> None:
    outcomes, _changed = keeper.keep_certificates(_params(_self_signed("shop")), print, _NOW, check=True)
    assert (outcomes["shop"]["changed"], outcomes["shop"]["note"]) == (True, "there was none")
    assert not directory.exists()


def test_a_certificate_that_is_to_be_absent_is_removed_once(directory: Path) -> None:
    directory.mkdir()
    file = directory / "shop.pem"
    file.write_text("", encoding="ascii")
    remover = keeper.CertificateKeeper(_params(), _NOW, check=False)
    wanted = _self_signed("shop", state="absent")
    assert [remover.ensure(wanted)["changed"] for _run in range(2)] == [True, False]
    assert not file.exists()


def test_a_challenge_by_dns_needs_a_plugin() -> None:
    dns = keeper.CertificateKeeper({**_params(), "acme": {"dns_plugin": ""}}, _NOW, check=True)
    with pytest.raises(UserError, match="name certbot's plugin for it in `dns_plugin`"):
        dns.ensure(_self_signed("shop", acme="dns"))
