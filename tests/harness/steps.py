"""Running many steps, some at a time, and tables of results at the end."""

from __future__ import annotations

import os
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from harness import paths, process
from harness.process import HarnessError, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_TAIL = 40  # lines
_COLORS = re.compile(r"\x1b\[[0-9;]*m")
_MEMORY = 2 * 1024**3
"""Bytes that a step may need at its worst, with all its hosts."""


class Outcome(StrEnum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    """A step that it needs has failed. Counts as failed."""


@dataclass(frozen=True)
class Step:
    """Something to do, with all it says in a log of its own."""

    name: str
    act: Callable[[TextIO], None]
    needs: tuple[str, ...] = ()
    """Names of steps that must have passed before."""
    soon: bool = False
    """Whether one of the lanes sees to it first."""


@dataclass(frozen=True)
class Result:
    """What became of a step."""

    name: str
    outcome: Outcome
    seconds: float


def count_lanes() -> int:
    """Return how many steps to run at a time: scenarios wait for half of their time, so two processors take four."""
    processors = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(2, min(2 * processors, memory // _MEMORY))


def run_all(steps: Sequence[Step], lanes: int | None = None) -> list[Result]:
    """Run all steps, `lanes` at a time (default: what this machine takes), and return their results in the same order.

    Each lane takes them from the end of the list, where the long steps are, to its beginning: what is left to the last is short, and no
    processor waits for long. One lane begins with the steps that are to be told soon.
    """
    board = _Board(steps)
    lanes = lanes or count_lanes()
    with ThreadPoolExecutor(lanes) as pool:
        workers = [pool.submit(board.work, soon=lane == 0) for lane in range(lanes)]
        try:
            for worker in workers:
                worker.result()
        except BaseException:  # an interrupt above all: let the other worker end at once, too
            board.abandon()
            process.stop_children()
            raise
    return [board.results[step.name] for step in steps]


def table(results: Sequence[Result]) -> str:
    """Return the results as a table, and the line ``N passed, N failed``."""
    width = max([len(result.name) for result in results] + [len("step")])
    lines = [f"{'step':<{width}}  {'result':<8}  {'duration':>8}", f"{'-' * width}  {'-' * 8}  {'-' * 8}"]
    lines += [f"{result.name:<{width}}  {result.outcome:<8}  {duration(result.seconds):>8}" for result in results]
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    return "\n".join([*lines, "", f"{passed} passed, {len(results) - passed} failed"])


def slowest(logs: Mapping[str, str], count: int = 10) -> str:
    """Return the tests that took longest, from the logs of steps by name, in which pytest lists them: seconds, part, test and host."""
    found = [
        (float(seconds), f"{name}: {test}{'' if part == 'call' else f' ({part})'}")
        for name, log in logs.items()
        for seconds, part, test in re.findall(r"^(\d+\.\d+)s (call|setup|teardown) +(?:\S*/)?(test_\w+\.py\S+)", log, re.MULTILINE)
    ]
    return "\n".join(f"{duration(seconds):>8}  {test}" for seconds, test in sorted(found, reverse=True)[:count])


def failures(logs: Mapping[str, str], lines: int = 12) -> str:
    """Return the tests that failed, from the logs of steps by name, each with the first `lines` lines of pytest's explanation."""
    found = []
    for name, log in logs.items():
        for part in re.split(r"^_{3,} (?=\S.* _{3,}$)", _COLORS.sub("", log), flags=re.MULTILINE)[1:]:
            explanation = re.findall(r"^E .*", part, re.MULTILINE)[:lines]
            if explanation:
                found += [f"{name}: {part.splitlines()[0].rstrip('_ ')}", *explanation]
    return "\n".join(found)


def duration(seconds: float) -> str:
    """Return a duration as people write it: ``4.2 s``, ``3 m 05 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s"


class _Board:
    """Which steps are left, and what became of the others."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.results: dict[str, Result] = {}
        self._left = list(steps)
        self._changed = threading.Condition()

    def work(self, *, soon: bool) -> None:
        """Do one step after the other until none is left, first those of `soon`, or first the others."""
        while step := self._take(soon=soon):
            result = _run(step) if self._may_run(step) else Result(step.name, Outcome.NOT_RUN, 0)
            with self._changed:
                self.results[step.name] = result
                self._changed.notify_all()

    def abandon(self) -> None:
        """Leave all that has not begun."""
        with self._changed:
            self._left.clear()
            self._changed.notify_all()

    def _take(self, *, soon: bool) -> Step | None:
        """Return the next step whose needs are settled; wait for one where there is none yet."""
        with self._changed:
            while self._left:
                late = [step for step in reversed(self._left) if not step.soon]
                early = [step for step in self._left if step.soon]
                order = [*early, *late] if soon else [*late, *early]
                ready = next((step for step in order if all(need in self.results for need in step.needs)), None)
                if ready:
                    self._left.remove(ready)
                    return ready
                self._changed.wait()
        return None

    def _may_run(self, step: Step) -> bool:
        return all(self.results[need].outcome is Outcome.PASSED for need in step.needs)


def _run(step: Step) -> Result:
    say(f"      {step.name} ...")
    file = log_file(step.name)
    started = time.monotonic()
    outcome = Outcome.PASSED
    with file.open("w", encoding="utf-8") as log:
        try:
            step.act(log)
        except HarnessError as error:
            outcome = Outcome.FAILED
            log.write(f"{error}\n")
    seconds = time.monotonic() - started
    if outcome is Outcome.FAILED:
        tail = "\n".join(f"      | {line}" for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:])
        say(f"FAIL  {step.name} ({duration(seconds)}); the end of {file.relative_to(paths.ROOT)}:\n{tail}")
    else:
        say(f"ok    {step.name} ({duration(seconds)})")
    return Result(step.name, outcome, seconds)


def log_file(name: str) -> Path:
    """Return the path of a step's log."""
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    return paths.LOGS / f"{name.replace(' ', '-')}.log"
