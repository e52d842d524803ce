from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._systemd.calendar import with_zone
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
