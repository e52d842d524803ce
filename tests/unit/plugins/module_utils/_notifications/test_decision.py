"""Who is told what, and when: once of what lasts, once when it is over, not of what passes, and never too often."""

from __future__ import annotations

from collections import Counter

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._notifications.decision import (
    DAY,
    HOUR,
    LASTS,
    MOST_AN_HOUR,
    Found,
    Memory,
    News,
    decide,
)
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = 1_000_000_000.0
JOB, PROCESS, OTHER = Found("job tidy", "the job has failed"), Found("process bot", "it has stopped", passing=True), Found("health", "502")


class Watcher:
    """Looks once a minute, and keeps what was told."""

    def __init__(self) -> None:
        self.memory, self.now = Memory(), NOW
        self.told: list[News] = []

    def look(self, *found: Found, undecided: tuple[str, ...] = (), after: float = 60) -> str:
        """Look once more; return what was told."""
        self.now += after
        news, self.memory = decide(self.memory, found, undecided, self.now)
        if news:
            self.told.append(news)
        parts = {"failed": news.failed, "still": news.still, "recovered": news.recovered}
        return ", ".join(
            [*(f"{part} {one.found.key}" for part, ones in parts.items() for one in ones), *(f"passed {one}" for one in news.passed)]
        )


def test_what_lasts_is_told_once_and_once_that_it_is_over() -> None:
    watcher = Watcher()
    assert [watcher.look(JOB) for _look in range(5)] == ["failed job tidy", "", "", "", ""]
    assert [watcher.look() for _look in range(4)] == ["", "recovered job tidy", "", ""]
    assert watcher.look(JOB) == "failed job tidy"


def test_what_passes_by_itself_is_not_told() -> None:
    watcher = Watcher()
    assert [watcher.look(*found) for found in ([PROCESS], [], [PROCESS], [], [])] == [""] * 5
    assert [watcher.look(PROCESS) for _look in range(3)] == ["", "failed process bot", ""]
    assert [watcher.look(*found) for found in ([], [PROCESS], [], [])] == ["", "", "", "recovered process bot"]


def test_of_a_job_that_runs_anew_nothing_is_said_before_its_end() -> None:
    watcher = Watcher()
    assert watcher.look(JOB) == "failed job tidy"
    assert [watcher.look(undecided=(JOB.key,)) for _look in range(5)] == [""] * 5
    assert watcher.look(JOB) == ""
    assert [watcher.look() for _look in range(2)] == ["", "recovered job tidy"]


def test_what_a_deploy_has_yet_to_start_is_told_after_it_if_it_has_not_started() -> None:
    watcher = Watcher()
    assert [watcher.look(PROCESS, undecided=(PROCESS.key,)) for _look in range(5)] == [""] * 5
    assert [watcher.look(PROCESS) for _look in range(2)] == ["", "failed process bot"]


def test_other_words_are_the_same_trouble_and_another_occurrence_is_another() -> None:
    watcher = Watcher()
    assert watcher.look(Found("deploy", "release a", mark="a")) == "failed deploy"
    assert watcher.look(Found("deploy", "release a, as before", mark="a")) == ""
    assert watcher.look(Found("deploy", "release b", mark="b")) == "failed deploy"
    assert [watcher.look() for _look in range(2)] == ["", "recovered deploy"]


def test_what_is_not_mended_is_told_again_after_a_day() -> None:
    watcher = Watcher()
    assert watcher.look(JOB) == "failed job tidy"
    assert watcher.look(JOB, after=DAY - 1) == ""
    assert watcher.look(JOB, after=1) == "still job tidy"
    assert watcher.look(JOB) == ""


def test_flapping_is_told_so_often_in_an_hour_and_then_in_one() -> None:
    watcher = Watcher()
    for _time in range(10):
        for found in ([JOB], [], []):
            watcher.look(*found)
    assert len(watcher.told) == MOST_AN_HOUR
    assert [news.is_last for news in watcher.told] == [False] * (MOST_AN_HOUR - 1) + [True]
    assert watcher.look(after=HOUR) == f"passed {JOB.text}"
    assert watcher.look(after=HOUR) == ""


def test_what_is_held_back_is_told_when_it_may_if_it_is_still_so() -> None:
    watcher = Watcher()
    for _time in range(MOST_AN_HOUR // 2):
        for found in ([JOB], [], []):
            watcher.look(*found)
    assert watcher.look(OTHER) == ""
    assert watcher.look(OTHER, after=HOUR) == "failed health"


LOOKS = st.lists(st.tuples(st.sets(st.sampled_from([JOB, PROCESS, OTHER])), st.sampled_from([60, 600, HOUR])), max_size=60)


@settings(max_examples=200, deadline=None)
@given(LOOKS)
def test_whatever_comes_in_the_end_the_truth_was_told(looks: list[tuple[set[Found], int]]) -> None:
    watcher = Watcher()
    for found, pause in looks:
        watcher.look(*found, after=pause)
    last = looks[-1][0] if looks else set()
    for _look in range(LASTS):
        watcher.look(*last, after=HOUR)
    told: Counter[str] = Counter()
    for news in watcher.told:
        told.update(one.found.key for one in news.failed)
        told.subtract(one.found.key for one in news.recovered)
        assert all(count in (0, 1) for count in told.values()), "each recovery follows its failure, and none is told twice"
    assert {key for key, count in told.items() if count} == {one.key for one in last}
    moments = [news.at for news in watcher.told]
    assert all(sum(moment - HOUR < other <= moment for other in moments) <= MOST_AN_HOUR for moment in moments)


@pytest.mark.parametrize("back", [60, DAY])
def test_a_clock_that_is_set_back_stops_nothing(back: float) -> None:
    watcher = Watcher()
    for _time in range(MOST_AN_HOUR):
        for found in ([JOB], [], []):
            watcher.look(*found)
    told = [watcher.look(OTHER, after=-back), *(watcher.look(OTHER, after=HOUR) for _look in range(2))]
    assert "failed health" in ", ".join(told)
