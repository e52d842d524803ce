"""The arithmetic of the benchmark: medians, spreads, ratios, and whether a budget is met. Nothing here measures anything."""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

AT_MOST, AT_LEAST = "at most", "at least"


@dataclass(frozen=True)
class Pairs:
    """What was measured of two sides, in pairs: the n-th of one ran right beside the n-th of the other."""

    ours: Sequence[float]
    against: Sequence[float]

    @property
    def ratios(self) -> list[float]:
        """How many times the other side each of ours was."""
        return [one / other for one, other in zip(self.ours, self.against, strict=True)]


@dataclass(frozen=True)
class Row:
    """A line of the table. ``ours`` and ``against`` are medians, in ``unit``; ``ratio`` is the median of the pairs' ratios."""

    name: str
    """By it `./dev bench NAME` runs the measurement; several rows may come of one."""
    measure: str
    reference: str
    """What it is compared with, in words."""
    unit: str
    ours: float
    against: float
    ratio: float
    bound: str | None
    """Whether the ratio may be AT_MOST or must be AT_LEAST the budget; None where there is no budget."""
    budget: float | None
    met: bool | None
    rounds: int
    spread: Mapping[str, Sequence[float]]
    """The lowest and the highest of ``ours``, ``against`` and ``ratio``."""
    note: str = ""
    points: Mapping[str, float] = field(default_factory=dict)
    """Where something grows: how many there were -> the median."""

    def as_json(self) -> dict[str, Any]:
        """Return the row as it stands in results.json."""
        return {key: value for key, value in asdict(self).items() if value not in ("", {})}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Row:
        """Read what `as_json` has written."""
        return cls(**entry)


@dataclass(frozen=True)
class Question:
    """What a row asks: what is measured, beside what, and how much it may be."""

    name: str
    measure: str
    reference: str
    budget: float | None = None
    bound: str | None = AT_MOST
    unit: str = "s"

    def answer(self, pairs: Pairs, note: str = "", points: Mapping[str, float] | None = None) -> Row:
        """Return the row that the measurements make."""
        ratio = statistics.median(pairs.ratios)
        return Row(
            name=self.name,
            measure=self.measure,
            reference=self.reference,
            unit=self.unit,
            ours=tidy(statistics.median(pairs.ours)),
            against=tidy(statistics.median(pairs.against)),
            ratio=tidy(ratio),
            bound=self.bound if self.budget is not None else None,
            budget=self.budget,
            met=is_met(tidy(ratio), self.bound, self.budget),
            rounds=len(pairs.ours),
            spread={
                "ours": span(pairs.ours),
                "against": span(pairs.against),
                "ratio": span(pairs.ratios),
            },
            note=note,
            points={key: tidy(value) for key, value in (points or {}).items()},
        )


def is_met(ratio: float, bound: str | None, budget: float | None) -> bool | None:
    """Return whether a ratio keeps within its budget, None where there is none."""
    if budget is None:
        return None
    return ratio >= budget if bound == AT_LEAST else ratio <= budget


def use_of_budget(row: Row) -> float | None:
    """Return which share of its budget a row takes; up to 1 it is met, whichever way the budget is meant."""
    if row.budget is None:
        return None
    if row.bound == AT_LEAST:
        return row.budget / row.ratio if row.ratio else math.inf
    return row.ratio / row.budget


def alternate(rounds: int, ours: Callable[[], float], against: Callable[[], float]) -> Pairs:
    """Measure both sides in turns, every other time the other one first, so that what slows the machine slows both."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds):
        first = number % 2 == 0
        for is_ours in (first, not first):
            found[is_ours].append(ours() if is_ours else against())
    return Pairs(found[True], found[False])


def growth(points: Mapping[int, Sequence[float]]) -> Pairs:
    """Return the cost of each further one beside that of the first, from what different numbers of them cost, round by round."""
    few, many = min(points), max(points)
    first = [value / few for value in points[few]]
    further = [(high - low) / (many - few) for low, high in zip(points[few], points[many], strict=True)]
    return Pairs(further, first)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed (the nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def span(values: Sequence[float]) -> list[float]:
    """Return the lowest and the highest of the values."""
    return [tidy(min(values)), tidy(max(values))]


def tidy(value: float) -> float:
    """Round to three significant digits: more would be noise."""
    return float(f"{value:.3g}")
