"""A job or a backup that does not run is found, though nothing says so."""

from __future__ import annotations

import time

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState
from ansible_collections.webstack.flask.plugins.module_utils._webstack.silence import find_missed, find_silent_backups, find_silent_jobs

LAYOUT = AppLayout.of("shop")
AT = "*-*-* 04:00 UTC"
DUE = 1_767_585_600.0
LAST = f"{AT}, before Mon 2026-01-05 04:00:00 UTC;3d 2h"
TIMER, STARTER, JOB = "shop.tidy.job.timer", "shop.tidy.job.service", "shop.tidy.job@0123456789ab.service"
ACTIVE, FAILED, RUNS, STOPPED = (UnitState(active, "") for active in ("active", "failed", "activating", "inactive"))


@pytest.mark.parametrize(
    ("last", "since", "now", "missed"),
    [
        (LAST, DUE - 60, DUE + 299, None),
        (LAST, DUE - 60, DUE + 301, DUE),
        (LAST.replace("00 UTC;", "00.500000 UTC;"), DUE - 60, DUE + 301, DUE),
        # A timer that was started after that time runs for none before.
        (LAST, DUE + 1, DUE + 301, None),
        # Times that it had before.
        (LAST.replace("04:00 UTC,", "05:00 UTC,"), DUE - 60, DUE + 301, None),
        ("", DUE - 60, DUE + 301, None),
        ("nonsense", DUE - 60, DUE + 301, None),
    ],
)
def test_a_run_is_missed_that_was_due_while_its_timer_ran(last: str, since: float, now: float, missed: float | None) -> None:
    assert find_missed(last, AT, since, now) == missed


@pytest.mark.parametrize(
    ("units", "suspended", "why"),
    [
        ({TIMER: ACTIVE}, [], None),
        ({}, [], "its timer does not run"),
        ({TIMER: STOPPED}, [], "its timer does not run"),
        ({TIMER: STOPPED}, ["tidy"], None),
        # While it runs, its timer waits.
        ({TIMER: STOPPED, STARTER: RUNS}, [], None),
        ({TIMER: ACTIVE, STARTER: FAILED}, [], "it could not be started"),
        # Of its own failure it tells itself.
        ({TIMER: ACTIVE, STARTER: FAILED, JOB: FAILED}, [], None),
    ],
)
def test_a_job_is_silent_that_nothing_starts(units: dict[str, UnitState], suspended: list[str], why: str | None) -> None:
    found = find_silent_jobs(LAYOUT, [Schedule("tidy", AT)], units, suspended, lambda _job: "", time.time())
    assert [text.partition(";")[0] for text in found.values()] == ([why] if why else [])


def test_a_job_is_silent_whose_time_has_passed() -> None:
    units = {TIMER: UnitState("active", "waiting", active_since=time.monotonic())}
    for started, expected in ((DUE - 60, True), (DUE + 60, False)):
        now = started + 600
        units[TIMER] = UnitState("active", "waiting", active_since=time.monotonic() - 600)
        found = find_silent_jobs(LAYOUT, [Schedule("tidy", AT)], units, [], lambda _job: LAST, now)
        assert (found == {"tidy": f"it should have run at 2026-01-05 04:00:00 UTC; see `systemctl status {TIMER}`"}) == expected


@pytest.mark.parametrize(
    ("units", "verify", "state", "silent"),
    [
        ({"shop.backup.timer": ACTIVE, "shop.verify.timer": ACTIVE}, "weekly", {}, []),
        ({"shop.backup.timer": ACTIVE}, "never", {}, []),
        ({"shop.backup.timer": ACTIVE}, "weekly", {}, ["the timer of the verification does not run"]),
        ({}, "never", {}, ["the timer of the backup does not run"]),
        (
            {"shop.backup.timer": ACTIVE, "shop.backup.service": FAILED},
            "never",
            {},
            ["the backup has ended too early: it has stopped"],
        ),
        ({"shop.backup.timer": ACTIVE, "shop.backup.service": FAILED}, "never", {"backup_error": {"text": "x"}}, []),
    ],
)
def test_a_backup_is_silent_that_nothing_makes(
    units: dict[str, UnitState], verify: str, state: dict[str, object], silent: list[str]
) -> None:
    found = find_silent_backups("shop", verify, state, units)
    assert [text.partition(";")[0] for text in found.values()] == silent
