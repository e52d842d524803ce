"""What systemd writes in the journal of a job is read as its runs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.job_runs import choose_units, describe_run
from ansible_collections.webstack.flask.plugins.module_utils._systemd.journal import Run, parse_runs

UNIT = "shop.digest.job@0123456789ab.service"

# What systemd 252 and 257 write: that a unit starts, that its process has ended otherwise than by exit status 0, the result, and the end.
STARTING = {"MESSAGE_ID": "7d4958e842da4a758f6c1cdc7b36dcc5", "UNIT": UNIT}
EXITED = {"MESSAGE_ID": "98e322203f7a4ed290d09fe03c09fe15", "EXIT_CODE": "exited", "EXIT_STATUS": "3"}
KILLED = {"MESSAGE_ID": "98e322203f7a4ed290d09fe03c09fe15", "EXIT_CODE": "killed", "EXIT_STATUS": "9"}
DONE = {"MESSAGE_ID": "39f53479d3a045ac8e11786248231fbf", "UNIT": UNIT}
NOT_DONE = {"MESSAGE_ID": "be02cf6855d2428ba40df7e9d022f03d", "UNIT": UNIT}


def result(kind: str) -> dict[str, str]:
    return {"MESSAGE_ID": "d9b373ed55a64feb8242e02dbe79a49c", "UNIT_RESULT": kind}


def write(*runs: list[dict[str, str]]) -> list[str]:
    """Return the journal of runs one after another, each entry half a second after the one before."""
    entries = [{**entry, "INVOCATION_ID": f"run{number}"} for number, run in enumerate(runs) for entry in run]
    return [json.dumps({**entry, "__REALTIME_TIMESTAMP": str(1_000_000 + 500_000 * at)}) for at, entry in enumerate(entries)]


def test_the_last_run_is_the_first_and_each_has_its_time_and_its_end() -> None:
    runs = parse_runs(write([STARTING, DONE], [STARTING, EXITED, result("exit-code"), NOT_DONE]))
    assert [(one.invocation, one.began, one.ended, one.failed) for one in runs] == [("run1", 2.0, 3.5, True), ("run0", 1.0, 1.5, False)]


@pytest.mark.parametrize(
    ("end", "reason", "status"),
    [
        ([DONE], "", 0),
        ([EXITED, result("exit-code"), NOT_DONE], "its process ended with exit status 3", 3),
        ([KILLED, result("signal"), NOT_DONE], "its process ended with signal 9", 137),
        ([KILLED, result("signal")], "its process ended with signal 9", 137),
        ([KILLED, result("timeout"), NOT_DONE], "it took longer than its timeout", 137),
        ([KILLED, result("oom-kill"), NOT_DONE], "it took more memory than it may", 137),
        ([result("resources"), NOT_DONE], "systemd gives the result 'resources'", 1),
    ],
)
def test_why_a_run_has_failed_is_told(end: list[dict[str, str]], reason: str, status: int) -> None:
    (run,) = parse_runs(write([STARTING, *end]))
    described = describe_run(run)
    assert (described["result"], described["reason"], run.status) == ("failed" if reason else "success", reason, status)
    assert described["release"] == "0123456789ab"
    assert described["began"] == "1970-01-01 00:00:01 UTC"
    assert described["seconds"] == len(end) / 2


def test_a_run_without_an_end_goes_on_or_was_interrupted() -> None:
    (run,) = parse_runs(write([STARTING]))
    assert run == Run(UNIT, "run0", 1.0)
    assert [describe_run(run, goes_on=goes_on)["result"] for goes_on in (True, False)] == ["running", "interrupted"]
    assert describe_run(run)["seconds"] is None
    assert describe_run(replace(run, ended=2.0))["result"] == "success"


def test_a_run_whose_beginning_is_no_longer_in_the_journal_is_left_out_and_so_is_what_else_systemd_says() -> None:
    other = {"MESSAGE_ID": "7ad2d189f7e94e70a38c781354912448", "UNIT": UNIT}
    runs = parse_runs(write([EXITED, result("exit-code"), NOT_DONE], [STARTING, other, DONE]))
    assert [(one.invocation, one.failed) for one in runs] == [("run1", False)]


def test_units_that_somebody_has_made_up_in_the_journal_neither_are_without_end_nor_hide_those_on_the_host() -> None:
    made_up = [f"shop.digest.job@{number:012x}.service" for number in range(100_000)]
    others = ["shop.other.job@0123456789ab.service", "blog.digest.job@0123456789ab.service", "shop.digest.job@x;y.service", ""]
    chosen = choose_units(AppLayout.of("shop"), "digest", ["0123456789ab"], [*others, *made_up])
    assert chosen == [UNIT, *made_up[:199]]
    assert choose_units(AppLayout.of("shop"), "digest", [], [UNIT, *others]) == [UNIT]
