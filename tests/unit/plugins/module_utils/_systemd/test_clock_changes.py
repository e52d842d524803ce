"""Runs that systemd passes over when clocks change, as systemd itself works out the times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._systemd.clock_changes import describe_loss, find_clock_changes
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import find_next_times

NOW = datetime(2026, 1, 10, 12, 0, 5, tzinfo=UTC).timestamp()


def test_the_changes_of_a_year_are_found_to_the_second() -> None:
    shown = [(f"{change.before:%F %T}", f"{change.after:%F %T}") for change in find_clock_changes("Europe/Prague", NOW)]
    assert shown == [("2026-03-29 02:00:00", "2026-03-29 03:00:00"), ("2026-10-25 03:00:00", "2026-10-25 02:00:00")]
    half = [change.step.total_seconds() for change in find_clock_changes("Australia/Lord_Howe", NOW)]
    assert half == [1800, 1800]
    assert [list(find_clock_changes(zone, NOW)) for zone in ("UTC", "Asia/Tokyo", "no/zone", "../etc", "")] == [[]] * 5


@pytest.mark.parametrize("event", ["*-*-* 02:30 Europe/Prague", "Sun 02:00 Europe/Prague", "*-03-* 02:59:59 Europe/Prague"])
def test_a_time_that_the_clocks_pass_over_is_told(event: str) -> None:
    loss = describe_loss(event, NOW, find_next_times) or ""
    assert "on 2026-03-29 the clocks of Europe/Prague go from 02:00 to 03:00, and 02:" in loss
    assert "leave out the zone" in loss


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("hourly Europe/Prague", "from 03:00 to 02:00"),
        ("*:0/15 Europe/Prague", "from 03:00 to 02:00"),
        ("Sun *:59 Europe/Prague", "from 03:00 to 02:00"),
        ("*-*-* *:*:00 America/New_York", "from 02:00 to 01:00"),
    ],
)
def test_what_is_due_each_hour_and_not_in_the_one_that_comes_again_is_told(event: str, told: str) -> None:
    assert f"{told}, and it is not due when that hour comes again" in (describe_loss(event, NOW, find_next_times) or "")


@pytest.mark.parametrize(
    "event",
    [
        *("*-*-* 04:00 Europe/Prague", "*-*-* 01:59:59 Europe/Prague", "*-*-* 03:00 Europe/Prague", "Mon..Sat 02:30 Europe/Prague"),
        *("daily America/Argentina/Buenos_Aires", "*:0/15 UTC", "hourly Asia/Tokyo", "2026-06-01 02:30 Europe/Prague"),
        *("Mon..Fri *:0/15 Europe/Prague", "*-*-* 8..18:00 Europe/Prague", "weekly Europe/Prague", "*-10-* 02:30 Europe/Prague"),
    ],
)
def test_of_what_loses_no_run_nothing_is_told_and_systemd_lets_none_out(event: str) -> None:
    assert describe_loss(event, NOW, find_next_times) is None


def test_systemd_does_what_is_said_here_of_it() -> None:
    """Were it otherwise one day, what is refused need not be."""
    spring, autumn = (datetime(2026, *day, tzinfo=UTC).timestamp() for day in ((3, 28, 12), (10, 25, 0)))
    assert find_next_times("*-*-* 02:30 Europe/Prague", spring)[0] == "Mon 2026-03-30 00:30:00 UTC"
    assert find_next_times("*-*-* 02:30 Europe/Prague", autumn)[:2] == ["Sun 2026-10-25 00:30:00 UTC", "Mon 2026-10-26 01:30:00 UTC"]
    times = [one[4:] for one in find_next_times("hourly Europe/Prague", autumn - 1)]
    assert times == ["2026-10-25 00:00:00 UTC", "2026-10-25 02:00:00 UTC", "2026-10-25 03:00:00 UTC"]
