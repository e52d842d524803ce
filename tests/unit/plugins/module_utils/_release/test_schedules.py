"""A time of the calendar has one run, however often it comes: the condition of a job's starter."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import KEPT_TIMES, claim_time

if TYPE_CHECKING:
    from pathlib import Path

# Nothing lies between now and these, so that two starts belong to one time.
AT, OTHER = "2090-01-01 04:00 UTC", "2090-01-01 05:00 UTC"


def starts(app: Path, at: str = AT, job: str = "digest", *, by_hand: bool = False) -> bool:
    """Return whether the job would start now."""
    trigger = {} if by_hand else {"TRIGGER_UNIT": "shop.digest.job.timer"}
    return subprocess.run(claim_time(at, job), cwd=app, env={**os.environ, **trigger}, check=False).returncode == 0


def test_a_time_that_comes_again_is_passed_over_and_another_is_not(tmp_path: Path) -> None:
    assert [starts(tmp_path), starts(tmp_path), starts(tmp_path, OTHER), starts(tmp_path, OTHER)] == [True, False, True, False]
    assert starts(tmp_path, job="import")


def test_a_start_by_hand_is_none_of_a_times(tmp_path: Path) -> None:
    assert [starts(tmp_path, by_hand=True), starts(tmp_path), starts(tmp_path, by_hand=True)] == [True, True, True]


def test_so_many_times_are_remembered(tmp_path: Path) -> None:
    starts(tmp_path)
    times = tmp_path / "started/digest"
    (line,) = times.read_text().splitlines()
    times.write_text("".join([f"{line}\n", *(f"{number}\n" for number in range(KEPT_TIMES - 1))]))
    assert not starts(tmp_path)
    assert starts(tmp_path, OTHER)
    assert len(times.read_text().splitlines()) == KEPT_TIMES
    assert starts(tmp_path)


def test_a_job_runs_where_it_cannot_be_known_or_written_which_time_it_is(tmp_path: Path) -> None:
    assert [starts(tmp_path, "no calendar"), starts(tmp_path, "no calendar")] == [True, True]
    (tmp_path / "started").write_text("no directory")
    assert [starts(tmp_path), starts(tmp_path)] == [True, True]
