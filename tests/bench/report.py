"""What the benchmark has found: kept as JSON, shown as a table, and put into the documentation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import paths

from bench.drawing import draw
from bench.figures import AT_LEAST, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

DIRECTORY = paths.ROOT / "docs" / "benchmark"
PAGE = paths.ROOT / "docs" / "benchmark.md"
RESULTS, MACHINE, PICTURE = (DIRECTORY / name for name in ("results.json", "machine.json", "results.svg"))

_COLUMNS = ("measure", "ours", "against", "ratio", "budget", "met")


def read_rows() -> list[Row]:
    """Return the rows of results.json, none where it is not there."""
    return [Row.from_json(entry) for entry in json.loads(RESULTS.read_text(encoding="utf-8"))] if RESULTS.exists() else []


def merge(kept: Iterable[Row], new: Sequence[Row], order: Sequence[str]) -> list[Row]:
    """Return the rows with new ones in the place of those of the same name, in the order of the names."""
    names = {row.name for row in new}
    return sorted([*(row for row in kept if row.name not in names), *new], key=lambda row: order.index(row.name))


def write(rows: Sequence[Row], machine: Mapping[str, str]) -> None:
    """Keep the rows and the machine, and bring the picture and the page in line with them."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(_as_json([row.as_json() for row in rows]), encoding="utf-8")
    MACHINE.write_text(_as_json(machine), encoding="utf-8")
    document()


def write_table(table: Table, found: Sequence[Mapping[str, Any]]) -> None:
    """Keep what settings were worth, and bring the page in line with it."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    table.file.write_text(_as_json(found), encoding="utf-8")
    document()


def document() -> None:
    """Draw the picture, and put the tables into the page, from what is kept."""
    PICTURE.write_text(draw(read_rows()), encoding="utf-8")
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in blocks().items():
        text = replace_block(text, name, lines)
    PAGE.write_text(text, encoding="utf-8")


def blocks() -> dict[str, list[str]]:
    """Return what the page shows of the kept files, by the names of its blocks."""
    machine: dict[str, str] = _read(MACHINE) or {}
    return {
        "results": markdown_table(read_rows()),
        "machine": ["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in machine.items())],
        **{table.file.stem: table.show(_read(table.file) or []) for table in (WORKERS, SETTINGS)},
    }


def replace_block(text: str, name: str, lines: Sequence[str]) -> str:
    """Return the page with other lines between the two marks of a block."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _former, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no block {name!r}")
    return "".join([before, begin, *(f"{line}\n" for line in lines), end, after])


def markdown_table(rows: Iterable[Row]) -> list[str]:
    """Return the table as the documentation shows it, with the spread of the ratio, and notes below the measure."""
    lines = [
        "| measure | ours | against | ratio (lowest to highest) | budget | met |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        low, high = row.spread["ratio"]
        note = f"; {row.note}" if row.note else ""
        against = f"{show(row.against, row.unit)}, {row.reference}"
        ratio = f"{row.ratio:g} x ({low:g} to {high:g})" if row.rounds > 1 else f"{row.ratio:g} x"
        lines.append(f"| {row.measure}{note} | {show(row.ours, row.unit)} | {against} | {ratio} | {show_budget(row)} | {show_met(row)} |")
    return lines


def markdown_workers(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the table of worker settings as the documentation shows it."""
    lines = [
        "| workers | trivial page: requests/s | p99 | page that waits 50 ms: requests/s | p99 | memory |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for entry in found:
        quick, waiting = entry["quick"], entry["waiting"]
        lines.append(
            f"| {entry['setting']} | {quick['requests']:,.0f} | {quick['p99']:g} ms "
            f"| {waiting['requests']:,.0f} | {waiting['p99']:g} ms | {entry['memory']:g} MB |"
        )
    return lines


def markdown_settings(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the table of other settings as the documentation shows it."""
    return [
        "| setting | value | bytes of a page | traffic | requests/s | p99 | failed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {entry['setting']} | {entry['value']} | {entry['page']:,} | {entry['traffic']} "
            f"| {entry['requests']:,.0f} | {entry['p99']:g} ms | {entry['failed']:,} |"
            for entry in found
        ),
    ]


@dataclass(frozen=True)
class Table:
    """What settings were worth: where it is kept, and how the page shows it. The block of the page has the file's name."""

    file: Path
    show: Callable[[Iterable[Mapping[str, Any]]], list[str]]


WORKERS = Table(DIRECTORY / "workers.json", markdown_workers)
SETTINGS = Table(DIRECTORY / "settings.json", markdown_settings)


def terminal_head() -> str:
    """Return the head of the table on the terminal."""
    return _line(*_COLUMNS)


def terminal_line(row: Row) -> str:
    """Return a row of the table on the terminal."""
    ratio = f"{row.ratio:g} x"
    return _line(row.measure, show(row.ours, row.unit), show(row.against, row.unit), ratio, show_budget(row), show_met(row))


def show(value: float, unit: str) -> str:
    """Return a figure with its unit, in full digits."""
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:g} {unit}"


def show_budget(row: Row) -> str:
    """Return the budget in words."""
    if row.budget is None:
        return "-"
    return f"{'≥' if row.bound == AT_LEAST else '≤'} {row.budget:g} x"


def show_met(row: Row) -> str:
    """Return whether the budget is met, in a word."""
    return {True: "yes", False: "no", None: "-"}[row.met]


def _line(*cells: str) -> str:
    widths = (62, 16, 16, 8, 8, 4)
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _read(file: Any) -> Any:  # noqa: ANN401 - it is JSON
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
