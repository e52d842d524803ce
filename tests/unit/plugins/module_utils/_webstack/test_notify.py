"""What a look at an app makes of its troubles, and what one that cannot be looked at is to others."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._notifications.queue import Queue, settle
from ansible_collections.webstack.flask.plugins.module_utils._notifications.settings import Settings, State, Target
from ansible_collections.webstack.flask.plugins.module_utils._webstack import notify
from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import UNTOLD, AppStatus, Trouble, Weight

NOW = 1_000_000_000.0
SETTINGS = Settings("shop", [Target("json://one"), Target("json://two", ("recovery",))])
JOB = Trouble(Weight.PART, "the job has failed", "job tidy", look="logs tidy")


def test_a_look_makes_a_message_for_each_who_wants_it() -> None:
    state = notify.look(State(), SETTINGS, AppStatus("shop", troubles=[JOB]), "web1", NOW)
    assert [(each.target, each.title) for each in state.queue.waiting] == [(0, "FAILURE: shop on web1")]
    assert "sudo webstack shop logs tidy" in state.queue.waiting[0].body
    for _look in range(2):
        state = notify.look(state, SETTINGS, AppStatus("shop"), "web1", NOW + 60)
    assert [(each.target, each.kind) for each in state.queue.waiting] == [(0, "failure"), (0, "recovery"), (1, "recovery")]


def test_that_messages_cannot_be_sent_is_told_by_no_message() -> None:
    trouble = Trouble(Weight.PART, "notifications cannot be sent: refused", UNTOLD)
    state = State()
    for _look in range(3):
        state = notify.look(state, SETTINGS, AppStatus("shop", troubles=[trouble]), "web1", NOW)
    assert not state.queue.waiting


def test_what_waits_survives_its_file_and_goes_at_once_to_another_url() -> None:
    state = notify.look(State().under(SETTINGS), SETTINGS, AppStatus("shop", troubles=[JOB]), "web1", NOW)
    state = State(state.memory, settle(state.queue, state.queue.waiting[0], "refused", NOW), state.digest)
    again = State.parse(state.format())
    assert again.format() == state.format()
    assert again.under(SETTINGS).queue.failing[0].error == "refused"
    other = again.under(Settings("shop", [Target("json://other")]))
    assert other.queue == Queue(list(state.queue.waiting), {}, {})


def test_an_app_that_cannot_be_looked_at_is_told_and_keeps_nobody_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(names: list[str], _now: float) -> list[AppStatus]:
        if "broken" in names:
            raise ValueError("no record")
        return [AppStatus(name) for name in names]

    monkeypatch.setattr(notify, "read_statuses", read)
    read_all: Any = notify._read  # noqa: SLF001
    good, broken = read_all(["shop", "broken"])
    assert (good.app, good.troubles) == ("shop", [])
    assert [trouble.text for trouble in broken.troubles] == ["it cannot be looked at: ValueError: no record"]
