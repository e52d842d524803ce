"""A time of the calendar has one run, however often it comes: what a job's starter does before a run and after it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import claim_time, close_time

if TYPE_CHECKING:
    from pathlib import Path

AT, YEARLY = "*:00/10 UTC", "*-01-01 00:00 UTC"


@dataclass
class Starter:
    """The starter of jobs, and a systemctl that tells when their timer has elapsed, in the zone that it is told; `molecule/vm` has one."""

    app: Path
    starts: int = 0
    elapsed: str = ""

    def __post_init__(self) -> None:
        systemctl = self.app / "systemctl"
        systemctl.write_text('#!/bin/sh\ncase "$*" in *Monotonic*) echo "$MONOTONIC" ;; *) echo "$ELAPSED $TZ" ;; esac\n')
        systemctl.chmod(0o755)

    def elapse(self, time: str, at: str = AT, job: str = "digest") -> bool:
        """Let the timer elapse at a time of a day; return whether the job starts."""
        self.starts += 1
        self.elapsed = time if "-" in time else f"2026-11-27 {time}"
        return self.start(at, job)

    def start(self, at: str = AT, job: str = "digest") -> bool:
        """Start the starter; return whether the job starts."""
        return self._run(claim_time(job, "timer", at)) == 0

    def end(self, at: str = AT) -> None:
        """Let the job end now."""
        assert self._run(close_time("digest", "timer", at)) == 0

    def _run(self, command: list[str]) -> int:
        told = {
            "PATH": f"{self.app}:{os.environ['PATH']}",
            "MONOTONIC": f"{self.starts}h 1.5s" if self.starts else "0",
            "ELAPSED": self.elapsed,
        }
        return subprocess.run(command, cwd=self.app, env={**os.environ, "TZ": "Asia/Tokyo", **told}, check=False).returncode


@pytest.fixture
def starter(tmp_path: Path) -> Starter:
    return Starter(tmp_path)


def test_each_time_has_one_run_however_the_clock_is_set(starter: Starter) -> None:
    moments = [
        ("04:00:00", True),
        ("04:00:00", False),  # back by less than a second
        ("04:10:00", True),
        ("04:00:09", False),
        ("04:09:59", False),
        ("07:25:00", True),  # ahead: what was passed over has one run at once, which is that of 07:20
        ("04:20:00", True),
        ("07:10:00", True),
        ("07:20:00", False),
        ("07:30:00", True),
    ]
    assert [(time, starter.elapse(time)) for time, _starts in moments] == moments


def test_another_job_and_other_times_of_the_same_one_have_their_own(starter: Starter) -> None:
    assert starter.elapse("04:00")
    assert starter.elapse("04:00", job="import")
    assert starter.elapse("04:00", at="*:00/5 UTC")
    assert not starter.elapse("04:00")


def test_a_start_by_hand_is_none_of_a_times(starter: Starter) -> None:
    assert starter.start(), "the timer has not elapsed since the host was started"
    assert starter.elapse("04:00")
    starter.end()
    assert [starter.start(), starter.start()] == [True, True]
    assert not starter.elapse("04:00")
    assert starter.start()


def test_a_time_that_came_while_a_run_went_on_is_passed_over(starter: Starter) -> None:
    now = datetime.now(UTC)
    assert starter.elapse(f"{now.year - 1}-01-01 00:00:00", YEARLY)
    starter.end(YEARLY)
    assert not starter.elapse(f"{now:%Y-%m-%d %H:%M:%S}", YEARLY)
    assert starter.elapse(f"{now.year + 1}-01-01 00:00:00", YEARLY)


def test_so_many_times_are_remembered(starter: Starter) -> None:
    starter.elapse("04:00")
    times = starter.app / "started/digest"
    (line,) = times.read_text().splitlines()
    times.write_text("".join([f"{line}\n", *(f"{number};{number}\n" for number in range(1499))]))
    assert not starter.elapse("04:00")
    times.write_text("".join([f"{line}\n", *(f"{number};{number}\n" for number in range(1499))]))
    assert starter.elapse("05:00")
    assert len(times.read_text().splitlines()) == 1500
    assert starter.elapse("04:00")


def test_a_job_runs_where_it_cannot_be_known_or_written_which_time_it_is(starter: Starter) -> None:
    assert [starter.elapse("04:00", "no calendar"), starter.elapse("04:00", "no calendar")] == [True, True]
    (starter.app / "started").write_text("no directory")
    assert [starter.elapse("04:00"), starter.elapse("04:00")] == [True, True]
