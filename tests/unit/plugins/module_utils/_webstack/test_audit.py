"""The last acts, as `webstack audit` tells them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.actor import Actor
from ansible_collections.webstack.flask.plugins.module_utils._host.audit import Act, describe
from ansible_collections.webstack.flask.plugins.module_utils._webstack import audit
from ansible_collections.webstack.flask.plugins.module_utils._webstack.audit import find_wanted, list_acts

COMMANDS = ("status", "run", "audit")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("audit", ("", [])),
        ("audit -n 5 --json", ("", ["-n", "5", "--json"])),
        ("--json audit", ("", ["--json"])),
        ("shop audit", ("shop", [])),
        ("shop audit -n 5", ("shop", ["-n", "5"])),
        ("--json shop audit", ("shop", ["--json"])),
        ("audit audit", ("audit", [])),
        ("audit status", None),
        ("audit run -- env", None),
        ("shop run audit", None),
        ("shop", None),
        ("", None),
        ("../x audit", None),
    ],
)
def test_acts_of_all_apps_or_of_one_are_asked_for(words: str, wanted: tuple[str, list[str]] | None) -> None:
    assert find_wanted(words.split(), COMMANDS) == wanted


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Two acts that were written down, and one in a form that this version does not know."""
    deploy = Act("deploy", "shop", "", "0123456789ab", "ba9876543210", "v1.4", 12.34)
    failed = Act("restart", "blog", "celery", seconds=3, error="it is not well, " * 20)
    written = [
        describe(deploy, Actor("admin", "192.0.2.7", "anna@laptop"), 0),
        describe(failed, Actor("admin", "", "runner@ci", "https://git.example.com/1", "ben"), 60),
        {"act": "later\x1b[31m"},
    ]
    monkeypatch.setattr(audit, "read_last", lambda most, app: [act for act in written if app in ("", act.get("app"))][-most:])
    return written


def test_the_table_says_who_did_what_and_how_it_ended(acts: list[dict[str, Any]]) -> None:
    head, first, second, third = list_acts("", [])
    assert head.split() == ["when", "app", "act", "what", "from", "to", "seconds", "outcome", "user", "address", "controller"]
    assert first.split()[:3] == ["1970-01-01", "00:00:00", "UTC"]
    assert first.split()[3:] == [
        *("shop", "deploy", "-", "0123456789ab", "ba9876543210", "(v1.4)", "12.3", "ok", "admin", "192.0.2.7", "anna@laptop"),
    ]
    assert "failed: it is not well" in second
    assert second.endswith("ben https://git.example.com/1")
    assert "later\\x1b[31m" in third
    assert len(list_acts("shop", [])) == 2
    assert json.loads("\n".join(list_acts("", ["--json", "-n", "2"]))) == acts[1:]


def test_where_nothing_was_written_down_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "read_last", lambda *_asked: [])
    assert list_acts("shop", []) == ["nothing was written down of shop yet"]
    assert list_acts("", ["--json"]) == ["[]"]
