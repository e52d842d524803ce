"""The arithmetic of the benchmark."""

from __future__ import annotations

import json

import pytest
from bench.figures import AT_LEAST, AT_MOST, Pairs, Question, Row, alternate, growth, is_met, percentile, tidy, use_of_budget
from hypothesis import given
from hypothesis import strategies as st


def test_sides_take_turns_in_going_first() -> None:
    order: list[str] = []
    clock = iter(range(100))

    def side(name: str) -> float:
        order.append(name)
        return float(next(clock))

    pairs = alternate(3, lambda: side("ours"), lambda: side("theirs"))
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert (pairs.ours, pairs.against) == ([0, 3, 4], [1, 2, 5])


def test_the_ratio_is_that_of_what_ran_side_by_side() -> None:
    """A machine that becomes three times slower in the middle changes both sides, and no ratio."""
    row = Question("x", "x", "y", 2.5).answer(Pairs([2, 2, 6, 6, 6], [1, 1, 3, 3, 3]))
    assert (row.ratio, row.spread["ratio"]) == (2, [2, 2])
    assert (row.ours, row.against, row.rounds) == (6, 3, 5)


@pytest.mark.parametrize(
    ("ratio", "bound", "budget", "met", "use"),
    [
        (1.5, AT_MOST, 1.5, True, 1),
        (1.51, AT_MOST, 1.5, False, 1.51 / 1.5),
        (0.8, AT_LEAST, 0.8, True, 1),
        (0.4, AT_LEAST, 0.8, False, 2),
        (9.0, AT_MOST, None, None, None),
    ],
)
def test_a_budget_is_kept_or_missed(ratio: float, bound: str, budget: float | None, met: bool | None, use: float | None) -> None:  # noqa: FBT001
    row = Question("x", "x", "y", budget, bound).answer(Pairs([ratio], [1]))
    assert is_met(ratio, bound, budget) is met
    assert row.met is met
    assert use_of_budget(row) == (None if use is None else pytest.approx(use))


def test_what_is_shown_is_what_is_judged() -> None:
    row = Question("x", "x", "y", 1.5).answer(Pairs([1.504], [1]))
    assert (row.ratio, row.met) == (1.5, True)


def test_growth_is_the_cost_of_each_further_one_beside_the_first() -> None:
    pairs = growth({1: [4, 8], 5: [5, 10], 20: [13.5, 27]})
    assert pairs.against == [4, 8]
    assert pairs.ours == [0.5, 1]
    assert pairs.ratios == [0.125, 0.125]


def test_a_percentile_is_a_value_that_was_seen() -> None:
    assert percentile([5, 1, 4, 2, 3], 0.5) == 3
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7], 0.99) == 7


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_share_of_all_values_does_not_exceed_the_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9


@pytest.mark.parametrize(("value", "tidied"), [(1.23456, 1.23), (4321.0, 4320.0), (0.00123456, 0.00123), (0, 0)])
def test_no_more_digits_than_were_measured(value: float, tidied: float) -> None:
    assert tidy(value) == tidied


def test_a_row_survives_being_kept() -> None:
    row = Question("x", "x", "y", 2).answer(Pairs([1, 2], [1, 1]), note="none failed", points={"1": 1.0})
    assert Row.from_json(json.loads(json.dumps(row.as_json()))) == row
    assert {"measure", "ours", "against", "ratio", "budget", "met"} <= row.as_json().keys()
