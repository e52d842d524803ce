"""A message says which app, on which host, what, since when, and what to type; what apps have said is bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._notifications.decision import Found, Known, News
from ansible_collections.webstack.flask.plugins.module_utils._notifications.message import write
from ansible_collections.webstack.flask.plugins.module_utils._notifications.sender import redact
from ansible_collections.webstack.flask.plugins.module_utils._notifications.settings import Settings, State, Target, name_target

NOW = 1_000_000_000.0
BOTH = ("failure", "recovery")
DEPLOY = Known(Found("deploy", "the deploy has failed", look="why"), NOW)
BOT = Known(Found("process bot", "the process bot does not run", look="logs bot"), NOW)


def test_a_message_has_all_that_somebody_needs() -> None:
    (message,) = write(News(NOW + 60, [DEPLOY], recovered=[BOT]), "shop", "web1", [BOTH])
    assert (message.kind, message.title) == ("failure", "FAILURE: shop on web1")
    assert message.body.splitlines() == [
        "Failed:",
        "- the deploy has failed (since 2001-09-09 01:46 UTC)",
        "Well again:",
        "- the process bot does not run (it began 2001-09-09 01:46 UTC)",
        "To see more, type on the host:",
        "- sudo webstack shop why",
    ]


def test_each_target_gets_what_it_is_for() -> None:
    news = News(NOW, [DEPLOY], recovered=[BOT])
    told = write(news, "shop", "web1", [BOTH, ["failure"], ["recovery"]])
    assert [(each.target, each.kind, "bot" in each.body, "deploy" in each.body) for each in told] == [
        (0, "failure", True, True),
        (1, "failure", False, True),
        (2, "recovery", True, False),
    ]
    assert write(News(NOW, recovered=[BOT]), "shop", "web1", [["failure"]]) == []
    assert write(News(NOW), "shop", "web1", [BOTH]) == []


def test_what_apps_have_said_is_bounded_and_escaped() -> None:
    rude = replace(BOT, found=Found("x", "\x1b[2J\nFailed:\n- " + "x" * 100_000, look="status"))
    (message,) = write(News(NOW, [rude] * 50), "shop", "web1", [BOTH])
    assert len(message.body) < 5000
    assert "\x1b" not in message.body
    assert message.body.splitlines().count("Failed:") == 1
    assert "- and 40 more" in message.body


@pytest.mark.parametrize(
    ("url", "said", "told"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajk", "the token TIiajk of T1JJ3T3L2 is invalid", "the token … of … is invalid"),
        ("json://u:pass-word@10.0.0.1:8099/x?rto=4", "no answer of http://10.0.0.1:8099, pass-word", "no answer of http://…:…, …"),
        ("mailto://a:b@example.com", "cannot reach mailto://a:b@example.com", "cannot reach …"),
    ],
)
def test_what_is_told_of_a_failure_has_nothing_of_the_url(url: str, said: str, told: str) -> None:
    assert redact(said, url) == told


def test_what_is_kept_is_read_again_and_what_cannot_be_read_is_nothing() -> None:
    settings = Settings("shop", [Target("slack://secret", ("failure",))])
    state = State().under(settings)
    assert State.parse(state.format()).digest == settings.digest
    assert State.parse("nonsense") == State.parse("{}") == State.parse("[]") == State()
    assert "secret" not in repr(settings)
    assert "secret" not in state.format()
    assert name_target(0, settings.targets[0]) == "notify[0] (slack://…)"
