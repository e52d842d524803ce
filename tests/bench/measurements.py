"""All measurements by name, and how they are run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.process import say

from bench import defaults, deploys, fleet, machine, report, serving
from bench.place import Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.figures import Row

MEASUREMENTS: dict[str, Callable[[Bench], list[Row]]] = {
    "first": deploys.first_deploy,
    "nothing": deploys.nothing_to_do,
    "version": deploys.new_version,
    "variable": deploys.changed_variable,
    "rollback": deploys.rollback,
    "apps": deploys.further_apps,
    "hosts": deploys.further_hosts,
    "source": deploys.local_source,
    "serving": serving.throughput,
    "switch": serving.switch,
    "memory": serving.memory,
    "disk": deploys.disk,
}
"""In the order of the table."""

DEFAULTS: dict[str, tuple[Callable[[Bench], list[dict[str, Any]]], report.Table]] = {
    "workers": (defaults.try_workers, report.WORKERS),
    "settings": (defaults.try_settings, report.SETTINGS),
}
"""What tries settings: a table of its own each, not a row."""


def run(names: Sequence[str], *, quick: bool, keep: bool) -> int:
    """Make measurements, and show the table as it grows; keep the results if asked to. Return 1 if a budget was missed."""
    bench, rows = Bench(quick=quick), []
    try:
        say(report.terminal_head())
        for name in names:
            if name in DEFAULTS:
                _try_defaults(bench, name, keep=keep)
                continue
            found = MEASUREMENTS[name](bench)
            for row in found:
                say(report.terminal_line(row))
                for what in (*([row.note] if row.note else []), *(f"{key}: {value:g} {row.unit}" for key, value in row.points.items())):
                    say(f"      {what}")
            rows += found
            if keep:
                report.write(report.merge(report.read_rows(), found, list(MEASUREMENTS)), machine.describe(bench.served.fleet))
    finally:
        fleet.stop_all()
    missed = [row for row in rows if row.met is False]
    say(f"{len(missed)} of {sum(row.met is not None for row in rows)} budgets are missed.")
    return 1 if missed else 0


def _try_defaults(bench: Bench, name: str, *, keep: bool) -> None:
    attempt, table = DEFAULTS[name]
    found = attempt(bench)
    for line in table.show(found):
        say(line)
    if keep:
        report.write_table(table, found)
