"""The steps of ./dev test, and their table."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TextIO

import pytest
from harness import steps
from harness.process import HarnessError
from harness.steps import Outcome, Result, Step


@pytest.fixture(autouse=True)
def _logs_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.paths.ROOT", tmp_path)
    monkeypatch.setattr("harness.paths.LOGS", tmp_path / "logs")


def passes(log: TextIO) -> None:
    log.write("fine\n")


def fails(log: TextIO) -> None:
    log.write("the reason\n")
    raise HarnessError("It did not work.")


def outcomes(results: list[Result]) -> list[Outcome]:
    return [result.outcome for result in results]


def test_results_come_in_the_order_of_the_steps() -> None:
    results = steps.run_all([Step(name, passes) for name in "abcdef"])
    assert [result.name for result in results] == list("abcdef")
    assert set(outcomes(results)) == {Outcome.PASSED}


def test_a_failed_step_does_not_keep_others_from_running(capsys: pytest.CaptureFixture[str]) -> None:
    results = steps.run_all([Step("a", fails), Step("b", passes)])
    assert outcomes(results) == [Outcome.FAILED, Outcome.PASSED]
    shown = capsys.readouterr().out
    assert "FAIL  a" in shown
    assert "| the reason" in shown
    assert "| It did not work." in shown


def test_a_step_runs_after_those_it_needs() -> None:
    order: list[str] = []
    late = Step("late", lambda _log: order.append("late"), needs=("early",))
    early = Step("early", lambda _log: order.append("early"))
    assert outcomes(steps.run_all([late, early])) == [Outcome.PASSED, Outcome.PASSED]
    assert order == ["early", "late"]


def test_one_lane_begins_with_what_is_to_be_told_soon_and_the_others_with_the_longest() -> None:
    begun: list[str] = []
    all_at_work = threading.Barrier(3, timeout=30)

    def work(log: TextIO) -> None:
        begun.append(Path(log.name).stem)
        all_at_work.wait()

    steps.run_all([*(Step(name, work, soon=True) for name in "ab"), *(Step(name, work) for name in "cdefghi")], 3)
    assert [set(begun[:3]), set(begun[3:6]), set(begun[6:])] == [{"a", "h", "i"}, {"b", "f", "g"}, {"c", "d", "e"}]


def test_what_needs_a_failed_step_is_not_run_and_counts_as_failed() -> None:
    results = steps.run_all([Step("a", fails), Step("b", passes, needs=("a",)), Step("c", passes, needs=("b",))])
    assert outcomes(results) == [Outcome.FAILED, Outcome.NOT_RUN, Outcome.NOT_RUN]
    assert steps.table(results).endswith("\n0 passed, 3 failed")


def test_a_programming_error_in_a_step_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        steps.run_all([Step("a", lambda _log: 1 / 0), Step("b", passes)])  # type: ignore[arg-type]


def test_an_interrupt_ends_the_run_without_the_steps_that_are_left() -> None:
    begun: list[TextIO] = []

    def interrupted(_log: TextIO) -> None:
        raise KeyboardInterrupt

    def slow(log: TextIO) -> None:
        time.sleep(0.05)
        begun.append(log)

    with pytest.raises(KeyboardInterrupt):
        steps.run_all([Step("a", interrupted, soon=True), *(Step(str(number), slow) for number in range(200))])
    assert len(begun) < 100


def test_the_table() -> None:
    results = [Result("ruff check", Outcome.PASSED, 0.44), Result("molecule site", Outcome.FAILED, 125.6), Result("x", Outcome.NOT_RUN, 0)]
    assert steps.table(results) == (
        "step           result    duration\n"
        "-------------  --------  --------\n"
        "ruff check     passed       0.4 s\n"
        "molecule site  failed    2 m 06 s\n"
        "x              not run      0.0 s\n"
        "\n"
        "1 passed, 2 failed"
    )


@pytest.mark.parametrize(("processors", "gibibytes", "lanes"), [(1, 4, 2), (1, 64, 2), (2, 24, 4), (2, 6, 3), (8, 16, 8), (8, 2, 2)])
def test_as_many_steps_run_at_a_time_as_processors_and_memory_take(
    monkeypatch: pytest.MonkeyPatch, processors: int, gibibytes: int, lanes: int
) -> None:
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": gibibytes * 1024**3 // 4096}
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: set(range(processors)))
    monkeypatch.setattr("os.sysconf", sizes.__getitem__)
    assert steps.count_lanes() == lanes


def test_the_slowest_tests_of_all_steps_are_listed_the_slowest_first() -> None:
    logs = {
        "molecule site": "33.97s call     molecule/site/tests/test_site.py::test_page[ansible://debian12]\n(3 durations hidden.)\n",
        "unit tests": "61.20s setup    tests/unit/test_a.py::test_b\n0.50s call     tests/unit/test_a.py::test_b\n12 passed\n",
        "build": "",
    }
    assert steps.slowest(logs, 2).splitlines() == [
        "1 m 01 s  unit tests: test_a.py::test_b (setup)",
        "  34.0 s  molecule site: test_site.py::test_page[ansible://debian12]",
    ]


def test_the_tests_that_failed_are_told_with_the_beginning_of_their_explanation() -> None:
    log = (
        "\x1b[31m============ FAILURES ============\x1b[0m\n"
        "\x1b[31m___________ test_page[ansible://debian12] ___________\x1b[0m\n\n"
        "    assert 1 == 2\n"
        "\x1b[31mE   assert 1 == 2\x1b[0m\nE    +  first\nE    +  second\n"
        "____ ERROR at setup of test_other ____\nE   OSError: gone\n"
    )
    assert steps.failures({"molecule site": log, "build": "no tests\n"}, lines=2).splitlines() == [
        "molecule site: test_page[ansible://debian12]",
        "E   assert 1 == 2",
        "E    +  first",
        "molecule site: ERROR at setup of test_other",
        "E   OSError: gone",
    ]
