"""A release that is no good never reaches users, or loses them again at once; the play says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import wait_on_host
from scenario_tests.faulty import (
    IMPATIENT,
    SITE,
    deploy,
    ensure_served,
    new_version,
    served,
    state_of,
    words_of,
)
from scenario_tests.load import Watch, show, watch

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["debian12"]


SILENT, WRONG = (f"was not healthy within {seconds} s: GET /health" for seconds in (3, 8))
BAD_RELEASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    # It never answers, so that a question must not be waited for as long as those of the patient.
    "exit at start": ({"health": {"timeout": 5, "deadline": 8}}, (WRONG, "bad wants no more")),
    "hang on import": (IMPATIENT, (f"{SILENT} was not answered within 1 s",)),
    "health slow": ({"seconds": 2, **IMPATIENT}, (f"{SILENT} was not answered within 1 s",)),
    "release command hangs": (
        {"release_commands": ["echo starting; sleep 600"], "release_command_timeout": 1},
        ("the release command `echo starting; sleep 600`", "took more than 1 s and was stopped", "starting"),
    ),
}
"""Faults beside those of the ten switches, each with what it takes to show them, and what the operator is told."""


@pytest.mark.parametrize("fault", BAD_RELEASES)
def test_a_bad_release_is_not_met_by_users_and_the_play_says_why(host: Host, fault: str) -> None:
    live, before = ensure_served(host), state_of(host).current
    changes, words = BAD_RELEASES[fault]
    with watch(host, SITE) as seen:
        play = deploy(host, "bad", fault, **changes)
    assert_that_it_says(play, words)
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [live]
    state = state_of(host)
    assert (state.current, state.find_untidiness()) == (before, [])


def assert_that_it_says(play: Play, words: tuple[str, ...]) -> None:
    """See that the play failed, and with which words."""
    assert play.status != 0
    for word in words:
        assert word in words_of(play), play.output


def test_a_release_that_fails_only_through_nginx_loses_users_again_at_once(host: Host) -> None:
    live, before = ensure_served(host), state_of(host).current
    with watch(host, SITE) as seen:
        play = deploy(host, "bad", "header too long for nginx")
    assert_that_it_says(play, ("is healthy on its own socket, but not through the web server", "GET /health answered 502"))
    assert_that_few_noticed(seen, seconds=5)  # whoever goes on asking is let down for 10 s
    assert seen.versions == [live]
    state = state_of(host)
    assert (state.current, state.find_untidiness()) == (before, [])


def test_a_release_that_dies_of_its_first_visitors_loses_users_again_at_once(host: Host) -> None:
    live, before = ensure_served(host), state_of(host).current
    with watch(host, SITE) as seen:
        # Clients that wait in the socket of the bad release are answered when systemd has started it again, within the drain limit.
        play = deploy(host, "bad", "death of the first visitor", seconds=0.2, drain=30)
    assert play.status != 0
    assert play.tells_of_a_death, play.output
    assert_that_few_noticed(seen, seconds=2)
    assert [version for version in seen.versions if version != "bad"] in ([live], [live, live])
    state = state_of(host)
    assert (state.current, state.find_untidiness()) == (before, [])


def test_a_release_that_dies_after_the_switch_is_started_again_and_the_next_run_replaces_it(host: Host) -> None:
    ensure_served(host)
    deploy(host, "mortal", "death after start", seconds=20).succeeded()
    died = "systemctl show --property=NRestarts --value faulty@$(basename $(readlink /var/www/faulty/current)).service | grep -qv ^0"
    with watch(host, SITE) as seen:
        wait_on_host(host, died)
        assert served(host) == "mortal"
    assert_that_few_noticed(seen, seconds=1)
    good = new_version()
    deploy(host, good).succeeded()
    assert served(host) == good
    assert state_of(host).find_untidiness() == []


def assert_that_few_noticed(seen: Watch, *, seconds: float) -> None:
    """See that requests failed for no longer than some seconds."""
    failures = seen.failures
    if failures:
        lasted = max(sample.received for sample in failures) - min(sample.sent for sample in failures)
        assert lasted < seconds, show(failures)
