from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._systemd.calendar import from_cron, with_zone
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import find_next_times


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("*-*-* 04:00", "*-*-* 04:00 UTC"),
        ("  daily ", "daily UTC"),
        ("Mon", "Mon UTC"),
        ("Mon..Fri *-*-* 10:00", "Mon..Fri *-*-* 10:00 UTC"),
        ("Mon,Fri 10:00", "Mon,Fri 10:00 UTC"),
        ("*:0/15", "*:0/15 UTC"),
        ("*-*-* 04:00 UTC", "*-*-* 04:00 UTC"),
        ("*-*-* 04:00 Europe/Prague", "*-*-* 04:00 Europe/Prague"),
        ("daily America/Argentina/Buenos_Aires", "daily America/Argentina/Buenos_Aires"),
        ("hourly CET", "hourly CET"),
    ],
)
def test_a_time_is_utc_unless_it_names_a_zone_and_systemd_reads_it(event: str, told: str) -> None:
    assert with_zone(event) == told
    assert len(find_next_times(told)) == 3


def test_a_time_that_never_comes_is_told() -> None:
    assert find_next_times("2020-01-01 UTC") == ["never"]


@pytest.mark.parametrize("event", ["*-*-* 25:00 UTC", "sometimes UTC", "0 4 * * * UTC", "--help"])
def test_what_systemd_cannot_read_is_an_error_in_its_words(event: str) -> None:
    with pytest.raises(UserError, match=r"calendar specification|cannot read"):
        find_next_times(event)


@pytest.mark.parametrize(
    ("cron", "event"),
    [
        ("0 4 * * *", "*-*-* 04:00"),
        ("* * * * *", "*-*-* *:*"),
        ("*/15 * * * *", "*-*-* *:0/15"),
        ("*/1 * * * *", "*-*-* *:*"),
        ("5,35 9-17/2 * * *", "*-*-* 9..17/2:5,35"),
        ("30 7 * * 1-5", "Mon..Fri *-*-* 07:30"),
        ("0 0 * * 0", "Sun *-*-* 00:00"),
        ("0 0 * * 7", "Sun *-*-* 00:00"),
        ("0 0 * * 5-7", "Fri..Sun *-*-* 00:00"),
        ("0 0 * * sat-mon", "Sat,Sun,Mon *-*-* 00:00"),
        ("0 0 * * 0-2", "Sun,Mon,Tue *-*-* 00:00"),
        ("0 0 * * MON,wed", "Mon,Wed *-*-* 00:00"),
        ("0 0 1 jan,JUL *", "*-1,7-01 00:00"),
        ("0 0 */10 */3 *", "*-1/3-1/10 00:00"),
        ("@hourly", "hourly"),
        ("@weekly", "Sun *-*-* 00:00"),
        ("@annually", "yearly"),
    ],
)
def test_the_times_of_a_crontab_become_a_calendar_event_that_systemd_reads(cron: str, event: str) -> None:
    assert from_cron(cron) == event
    assert len(find_next_times(with_zone(event))) == 3


@pytest.mark.parametrize(
    "cron",
    [
        *("@reboot", "0 4 1 * 1", "60 4 * * *", "0 24 * * *", "0 4 0 * *", "5/10 * * * *", "*/0 * * * *", "9-5 * * * *", "0 4 L * *"),
        *("0 4 * * 8", "0 4 * * mon-", "0 4 * foo *", "0 4 * *", "0 4 * * * *", "H * * * *", "", "0 4 * * 1-3-5"),
    ],
)
def test_times_for_which_there_is_no_calendar_event_are_known(cron: str) -> None:
    assert from_cron(cron) is None
