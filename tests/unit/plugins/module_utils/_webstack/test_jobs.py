"""What is told of jobs, and which run of a unit is the one that was waited for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._systemd.journal import Run
from ansible_collections.webstack.flask.plugins.module_utils._webstack.jobs import as_row, is_bad
from ansible_collections.webstack.flask.plugins.module_utils._webstack.one_run import choose_new


def run(result: str, seconds: float | None = 2.0, reason: str = "") -> dict[str, Any]:
    began = "2026-01-04 04:00:00 UTC"
    return {"release": "0123456789ab", "began": began, "seconds": seconds, "result": result, "reason": reason, "lines": []}


def job(*runs: dict[str, Any], suspended: bool = False, following: str = "Mon 2026-01-05 04:00:00 UTC") -> dict[str, Any]:
    return {"app": "shop", "name": "digest", "suspended": suspended, "next": "" if suspended else following, "runs": list(runs)}


@pytest.mark.parametrize(
    ("told", "row"),
    [
        (job(), ["digest", "Mon 2026-01-05 04:00:00 UTC", "", "", "", ""]),
        (job(suspended=True), ["digest", "suspended", "", "", "", ""]),
        (job(following=""), ["digest", "never again", "", "", "", ""]),
        (
            job(run("failed", reason="its process ended with exit status 3"), following=""),
            ["digest", "never again", "2026-01-04 04:00:00 UTC", "2 s", "failed: its process ended with exit status 3", "0123456789ab"],
        ),
        (job(run("running", None), suspended=True), ["digest", "suspended", "2026-01-04 04:00:00 UTC", "", "running", "0123456789ab"]),
    ],
)
def test_a_row_tells_when_it_runs_and_how_it_went(told: dict[str, Any], row: list[str]) -> None:
    assert as_row(told) == row


@pytest.mark.parametrize(
    ("results", "bad"),
    [
        ([], False),
        (["success", "failed"], False),
        (["failed", "success"], True),
        (["interrupted"], True),
        (["running"], False),
        (["running", "failed"], True),
    ],
)
def test_a_job_is_bad_if_its_last_run_that_has_ended_was(results: list[str], *, bad: bool) -> None:
    assert is_bad(job(*map(run, results))) is bad


OLD, GOING, NEW = Run("u", "one", 1.0, 2.0), Run("u", "one", 1.0), Run("u", "two", 3.0, 4.0)


@pytest.mark.parametrize(
    ("before", "after", "chosen"),
    [(None, None, None), (None, NEW, NEW), (OLD, NEW, NEW), (OLD, OLD, None), (GOING, OLD, OLD), (OLD, None, None)],
)
def test_what_was_waited_for_is_a_new_run_or_the_one_that_was_going_on(before: Run | None, after: Run | None, chosen: Run | None) -> None:
    assert choose_new(before, after) == chosen
