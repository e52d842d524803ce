from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ansible_collections.webstack.flask.plugins.modules import certificates

_GIVEN = {"state": "present", "certificate": "/x"}


def test_all_that_is_wrong_with_given_certificates_is_told_at_once_whatever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(wanted: dict[str, str], _now: datetime) -> None:
        if wanted["name"] != "good":
            raise UnicodeDecodeError("ascii", b"\xff", 0, 1, wanted["name"])

    monkeypatch.setattr(certificates, "check_given", check)
    wanted = [{"name": name, **_GIVEN} for name in ("a", "good", "b")]
    first, second = certificates.list_unusable(wanted, datetime.now(tz=UTC))
    assert first.startswith("the certificate a cannot be used: unexpected UnicodeDecodeError: ")
    assert second.startswith("the certificate b cannot be used: ")


class Module:
    """Stands in for Ansible: a check run for two certificates."""

    check_mode = True
    warn = print

    def __init__(self, **_options: object) -> None:
        wanted = [{"name": name, "state": "present", "certificate": None, "acme": None} for name in ("shop", "blog")]
        self.params = {"certificates": wanted, "acme": {}}

    def fail_json(self, **result: object) -> None:
        raise Ended(result)

    exit_json = fail_json


class Ended(Exception):
    """The module has ended with a result."""


def test_a_certificate_that_cannot_be_made_does_not_keep_the_others_from_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def converge(_run: object, wanted: dict[str, str]) -> dict[str, object]:
        if wanted["name"] == "shop":
            raise OSError(28, "No space left on device")
        return {"changed": True}

    monkeypatch.setattr(certificates, "FlaskModule", Module)
    monkeypatch.setattr(certificates.Run, "converge", converge)
    with pytest.raises(Ended) as ended:
        certificates.main()
    (result,) = ended.value.args
    assert (result["msg"], result["changed"]) == ("shop: [Errno 28] No space left on device", True)
    assert result["certificates"]["shop"]["covered"] == []
    assert result["certificates"]["blog"] == {"changed": True}
