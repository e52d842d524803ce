"""The command is understood as people type it."""

from __future__ import annotations

import argparse
import os
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._webstack import program

Called = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Called:
    """What was called with which options, in the place of all that looks at a host."""
    calls: Called = []

    def stand_in(name: str) -> Any:  # noqa: ANN401 - a command
        def act(layout: AppLayout, options: argparse.Namespace) -> int:
            calls.append((f"{layout.name} {name}", vars(options)))
            return 0

        return act

    def show_all(*, is_json: bool) -> int:
        calls.append(("all", {"json": is_json}))
        return 0

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(program, "find_app", AppLayout.of)
    monkeypatch.setattr(program, "COMMANDS", {name: stand_in(name) for name in program.COMMANDS})
    monkeypatch.setattr(program, "_show_all", show_all)
    return calls


@pytest.mark.parametrize(
    ("words", "call", "options"),
    [
        ("", "all", {"json": False}),
        ("status", "all", {"json": False}),
        ("--json", "all", {"json": True}),
        ("shop", "shop status", {"json": False}),
        ("shop --json", "shop status", {"json": True}),
        ("--json shop releases", "shop releases", {"json": True}),
        ("shop releases --json", "shop releases", {"json": True}),
        ("status status", "status status", {"json": False}),
        ("shop logs", "shop logs", {"part": None, "follow": False, "lines": 50}),
        ("shop logs -f rq -n 5", "shop logs", {"part": "rq", "follow": True, "lines": 5}),
        ("shop run -- flask users --all", "shop run", {"words": ["flask", "users", "--all"], "release": None, "timeout": None}),
        ("shop run --release ab --timeout 3 env", "shop run", {"words": ["env"], "release": "ab", "timeout": 3.0}),
        ("shop shell", "shop shell", {"release": None}),
        ("shop restart", "shop restart", {"parts": []}),
        ("shop jobs", "shop jobs", {"act": None, "job": None}),
        ("shop jobs suspend digest --json", "shop jobs", {"act": "suspend", "job": "digest", "json": True}),
        ("shop backups", "shop backups", {"act": None}),
        ("shop backups verify", "shop backups", {"act": "verify"}),
        ("shop rollback", "shop rollback", {"release": None, "data": ""}),
        ("shop rollback --release 01 --data last", "shop rollback", {"release": "01", "data": "last"}),
        ("shop restart web bot", "shop restart", {"parts": ["web", "bot"]}),
        ("shop maintenance", "shop maintenance", {"state": None}),
        ("shop maintenance on --message=soon", "shop maintenance", {"state": "on", "message": "soon"}),
    ],
)
def test_words_lead_to_a_command_and_its_options(called: Called, words: str, call: str, options: dict[str, Any]) -> None:
    assert program.main(words.split()) == 0
    ((name, given),) = called
    assert name == call
    assert {key: given[key] for key in options} == options


@pytest.mark.usefixtures("called")
@pytest.mark.parametrize(
    "words",
    [
        "shop nonsense",
        "shop run",
        "shop logs -n many",
        "shop jobs stop digest",
        "shop backups delete",
        "shop maintenance closed",
        "--nonsense",
    ],
)
def test_what_is_not_understood_ends_with_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(words.split())
    assert ended.value.code == 2
    assert "usage: webstack" in capsys.readouterr().err


@pytest.mark.usefixtures("called")
@pytest.mark.parametrize(("words", "asked"), [("audit -n 3", ("", ["-n", "3"])), ("gone audit --json", ("gone", ["--json"]))])
def test_acts_are_told_of_an_app_that_is_gone_as_well(
    words: str, asked: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(name: str) -> AppLayout:
        raise UserError(f"there is no app {name}")

    monkeypatch.setattr(program, "find_app", refuse)
    monkeypatch.setattr(program, "list_acts", lambda *given: [f"asked {given}"])
    assert program.main(words.split()) == 0
    assert capsys.readouterr().out == f"asked {asked}\n"


def test_others_than_root_are_told_how_to_run_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit):
        program.main([])
    assert "run it by sudo" in capsys.readouterr().err
