"""What somebody is told of the backups of an app."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import DAY
from ansible_collections.webstack.flask.plugins.module_utils._backups.state import (
    describe,
    find_complaints,
    show_size,
    with_error,
    with_good,
)

NOW = 1_800_000_000.0
NEW: dict[str, Any] = {"since": NOW}


def test_nothing_is_wrong_with_what_is_new_or_was_good() -> None:
    assert find_complaints(NEW, "weekly", NOW + DAY) == []
    state = with_good(NEW, "backup", NOW, snapshot="1a2b3c4d", bytes=2048, files=3)
    state = with_good(state, "verify", NOW, snapshot="1a2b3c4d", of=NOW)
    assert find_complaints(state, "daily", NOW + 2 * DAY) == []
    assert describe(state).startswith(
        "the last backup is of 2027-01-15 08:00 UTC (1a2b3c4d, 2.0 KiB); one of 2027-01-15 08:00 UTC was restored"
    )
    assert state["snapshots"]["1a2b3c4d"]["verified"] == NOW


@pytest.mark.parametrize(
    ("state", "verify", "later", "problem"),
    [
        (NEW, "never", 3 * DAY, "there was no backup since 2027-01-15 08:00 UTC, and there should be one each day"),
        (
            with_good(NEW, "backup", NOW, snapshot="a"),
            "never",
            3 * DAY,
            "the last backup is of 2027-01-15 08:00 UTC, and there should be one each day",
        ),
        (
            with_error(NEW, "backup", NOW, "no room"),
            "never",
            60,
            "the backup has failed at 2027-01-15 08:00 UTC, and there is no good one yet: no room",
        ),
        (
            with_error(with_good(NEW, "backup", NOW - DAY, snapshot="a"), "backup", NOW, "no room"),
            "never",
            60,
            "the backup has failed at 2027-01-15 08:00 UTC, and the last good one is of 2027-01-14 08:00 UTC: no room",
        ),
        (with_error(with_good(NEW, "backup", NOW, snapshot="a"), "verify", NOW, "damaged"), "weekly", 60, "the verification has failed at"),
    ],
)
def test_what_has_failed_or_is_missing_or_too_old_is_told(state: dict[str, Any], verify: str, later: float, problem: str) -> None:
    (complaint,) = find_complaints(state, verify, NOW + later)
    assert complaint.startswith(problem)


def test_one_that_is_good_again_is_no_complaint() -> None:
    state = with_good(with_error(NEW, "backup", NOW, "no room"), "backup", NOW, snapshot="a")
    assert find_complaints(state, "never", NOW) == []


def test_of_many_backups_the_last_are_remembered() -> None:
    state = NEW
    for number in range(1200):
        state = with_good(state, "backup", NOW, snapshot=str(number))
    assert next(iter(state["snapshots"])) == "200"


def test_sizes_are_as_people_write_them() -> None:
    assert [show_size(size) for size in (12, 2048, 3 << 20, 5 << 30)] == ["12 bytes", "2.0 KiB", "3.0 MiB", "5.0 GiB"]
