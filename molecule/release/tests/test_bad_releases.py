"""A release that is no good never reaches users, or loses them again at once; the play says why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from scenario_tests.faulty import SITE, deploy, ensure_served, new_version, roll_back, served, state_of, wait_on_host
from scenario_tests.load import Watch, show, watch

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["debian12"]


@dataclass(frozen=True)
class Bad:
    """A bad release, and what the operator is told of it."""

    words: tuple[str, ...]
    seconds: float = 0
    changes: dict[str, object] = field(default_factory=dict)


UNHEALTHY = "was not healthy within 5 s"
BAD_RELEASES = {
    "import error": Bad(("does not run: its process ended with exit status", "ImportError: the import of bad")),
    "exit at start": Bad((UNHEALTHY, "bad wants no more")),
    "death at start": Bad(("does not run: its process was ended by signal 9",)),
    "hang on import": Bad((UNHEALTHY, "GET /health was not answered within 2 s")),
    "health 500": Bad((UNHEALTHY, "GET /health answered 500; expected 200")),
    "health 301": Bad((UNHEALTHY, "GET /health answered 301 (Location: /elsewhere); expected 200")),
    "health wrong": Bad((UNHEALTHY, "GET /health answered 204; expected 200")),
    "health slow": Bad((UNHEALTHY, "GET /health was not answered within 2 s"), seconds=3),
    "fails behind a proxy": Bad((UNHEALTHY, "GET /health answered 500; expected 200")),
    "release command fails": Bad(
        ("the release command `flask no-such-command` of release", "failed with exit status 2", "No such command 'no-such-command'"),
        changes={"release_commands": ["flask no-such-command"]},
    ),
    "release command hangs": Bad(
        ("the release command `echo starting; sleep 600` of release", "took more than 1 s and was stopped", "starting"),
        changes={"release_commands": ["echo starting; sleep 600"], "release_command_timeout": 1},
    ),
}


@pytest.mark.parametrize("fault", BAD_RELEASES)
def test_a_bad_release_is_not_met_by_users_and_the_play_says_why(host: Host, fault: str) -> None:
    live = ensure_served(host)
    before, bad = state_of(host).current, BAD_RELEASES[fault]
    with watch(host, SITE) as seen:
        play = deploy(host, "bad", fault, seconds=bad.seconds, **bad.changes)
    assert_that_users_stay(host, seen, live, before)
    assert_that_it_says(play, bad.words)
    assert any(bad.words[0] in record["reason"] for record in state_of(host).records.values() if record)


def assert_that_users_stay(host: Host, seen: Watch, live: str, before: str | None) -> None:
    """See that nobody noticed anything, and that nothing is left to be tidied up."""
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [live]
    state = state_of(host)
    assert state.current == before
    assert state.find_untidiness() == []


def assert_that_it_says(play: Play, words: tuple[str, ...]) -> None:
    """See that the play failed, and with which words."""
    assert play.status != 0
    for word in words:
        assert word in play.output, play.output


def test_many_failed_releases_in_a_row_leave_the_last_two_and_rollback_passes_over_them(host: Host) -> None:
    earlier, live = new_version(), new_version()
    deploy(host, earlier).succeeded()
    deploy(host, live).succeeded()
    for number in range(3):
        assert deploy(host, f"bad {number}", "import error").status != 0
    state = state_of(host)
    records = [record for release, record in state.records.items() if record and release in state.failed]
    assert len(records) == 2
    assert all("ImportError: the import of bad" in record["reason"] for record in records)
    assert served(host) == live

    roll_back(host).succeeded()
    assert served(host) == earlier
    roll_back(host).succeeded()
    assert served(host) == live
    assert state_of(host).find_untidiness() == []


def test_a_release_that_fails_only_through_nginx_loses_users_again_at_once(host: Host) -> None:
    live, before = ensure_served(host), state_of(host).current
    with watch(host, SITE) as seen:
        play = deploy(host, "bad", "header too long for nginx")
    assert_that_it_says(play, ("is healthy on its own socket, but not through the web server", "GET /health answered 502"))
    assert_that_few_noticed(seen, seconds=1)
    assert seen.versions == [live]
    state = state_of(host)
    assert (state.current, state.find_untidiness()) == (before, [])


def test_a_release_that_dies_of_its_first_visitors_loses_users_again_at_once(host: Host) -> None:
    live, before = ensure_served(host), state_of(host).current
    with watch(host, SITE) as seen:
        play = deploy(host, "bad", "death of the first visitor", seconds=0.2)
    assert_that_it_says(play, ("does not run: its process was ended by signal 9",))
    assert_that_few_noticed(seen, seconds=2)
    assert [version for version in seen.versions if version != "bad"] in ([live], [live, live])
    state = state_of(host)
    assert (state.current, state.find_untidiness()) == (before, [])


def test_a_release_that_dies_after_the_switch_is_started_again_and_the_next_run_replaces_it(host: Host) -> None:
    ensure_served(host)
    deploy(host, "mortal", "death after start", seconds=4).succeeded()
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
