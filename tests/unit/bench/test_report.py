"""What the benchmark writes, and that the documentation shows nothing else."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from bench import report
from bench.defaults import TRIALS, WORKERS
from bench.drawing import draw
from bench.figures import AT_LEAST, Pairs, Question, Row
from bench.measurements import MEASUREMENTS

MET = Question("nothing", "a run <quick>", "a ping", 6).answer(Pairs([4, 4, 5], [1, 1, 1]))
MISSED = Question("serving", "requests & more", "gunicorn", 0.8, AT_LEAST, "requests/s").answer(Pairs([4000.0], [8000.0]), note="0 failed")
FREE = Question("source", "no budget", "rsync").answer(Pairs([2], [1]))


def test_the_table_tells_each_figure() -> None:
    lines = report.markdown_table([MET, MISSED, FREE])[2:]
    assert lines == [
        "| a run <quick> | 4 s | 1 s, a ping | 4 x (4 to 5) | ≤ 6 x | yes |",
        "| requests & more; 0 failed | 4,000 requests/s | 8,000 requests/s, gunicorn | 0.5 x | ≥ 0.8 x | no |",
        "| no budget | 2 s | 1 s, rsync | 2 x | - | - |",
    ]


def test_the_picture_has_a_bar_for_each_budget_in_the_colour_of_its_outcome() -> None:
    picture = draw([MET, MISSED, FREE])
    bars = [element for element in ET.fromstring(picture).iter() if element.get("class") in ("met", "missed")]  # noqa: S314 - it is our own
    assert [one.get("class") for one in bars] == ["met", "missed"]
    (limit,) = [element for element in ET.fromstring(picture).iter() if element.tag.endswith("}line")]  # noqa: S314 - it is our own
    ends = [float(one.get("x", "")) + float(one.get("width", "")) for one in bars]
    assert ends[0] < float(limit.get("x1", "")) < ends[1]
    assert "a run &lt;quick&gt;" in picture


def test_rows_of_another_run_take_the_place_of_the_former_ones_in_the_order_of_the_table() -> None:
    new = Question("nothing", "again", "a ping", 6).answer(Pairs([1], [1]))
    assert report.merge([MET, MISSED, FREE], [new], list(MEASUREMENTS)) == [new, FREE, MISSED]


def test_a_block_of_the_page_is_replaced_and_nothing_else() -> None:
    page = "before\n<!-- one -->\nold\n<!-- end of one -->\nafter\n"
    assert report.replace_block(page, "one", ["new", "lines"]) == "before\n<!-- one -->\nnew\nlines\n<!-- end of one -->\nafter\n"
    with pytest.raises(ValueError, match="two"):
        report.replace_block(page, "two", [])


def kept() -> list[Row]:
    return report.read_rows()


def test_the_kept_results_are_of_measurements_that_there_are_and_were_judged_by_the_same_rule() -> None:
    assert kept()
    assert {row.name for row in kept()} == set(MEASUREMENTS)
    for row in kept():
        question = Question(row.name, row.measure, row.reference, row.budget, row.bound or AT_LEAST, row.unit)
        assert question.answer(Pairs([row.ratio], [1])).met == row.met, row.measure


def test_the_picture_in_the_documentation_is_drawn_from_the_kept_results() -> None:
    assert report.PICTURE.read_text(encoding="utf-8") == draw(kept()), "run ./dev bench --draw"


@pytest.mark.parametrize("name", ["results", "machine", "workers", "settings"])
def test_the_tables_in_the_documentation_are_made_from_the_kept_results(name: str) -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.replace_block(page, name, report.blocks()[name]) == page, "run ./dev bench --draw"


def test_the_table_of_workers_tells_each_figure() -> None:
    figures = {"requests": 4305, "p99": 12.5}
    entries = [{"setting": setting, "quick": figures, "waiting": figures, "memory": 90} for setting in WORKERS]
    lines = report.markdown_workers(entries)
    assert len(lines) == 2 + len(WORKERS)
    assert lines[2] == "| sync 2 | 4,305 | 12.5 ms | 4,305 | 12.5 ms | 90 MB |"


def test_the_table_of_settings_tells_each_figure() -> None:
    figures = {"requests": 4305, "p99": 12.5, "failed": 3, "page": 2000, "traffic": "20 connections"}
    lines = report.markdown_settings([{"setting": trial.setting, "value": trial.value, **figures} for trial in TRIALS])
    assert len(lines) == 2 + len(TRIALS)
    assert lines[2] == "| compression | gzip_comp_level 5 | 2,000 | 20 connections | 4,305 | 12.5 ms | 3 |"


@pytest.mark.parametrize("setting", sorted({trial.setting for trial in TRIALS}))
def test_the_default_of_a_setting_is_tried_first_and_something_else_after_it(setting: str) -> None:
    default, *others = [trial for trial in TRIALS if trial.setting == setting]
    assert (default.edit, default.backlog) == ("", 0)
    assert others
    assert all(other.edit or other.backlog for other in others)
