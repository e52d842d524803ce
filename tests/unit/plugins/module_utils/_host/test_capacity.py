"""A host does as much at a time as it has processors and memory for."""

from __future__ import annotations

import os

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.capacity import choose_workers, count_workers

MEMINFO = "MemTotal:       24571912 kB\nMemFree:         123456 kB\nMemAvailable:   {} kB\nBuffers:  1 kB\n"


@pytest.mark.parametrize(
    ("processors", "mebibytes", "workers"),
    [(8, 8192, 8), (8, 2048, 4), (2, 8192, 2), (4, 100, 1), (1, 8192, 1)],
)
def test_processors_and_memory_say_how_many_jobs_run_side_by_side(processors: int, mebibytes: int, workers: int) -> None:
    assert choose_workers(processors, MEMINFO.format(mebibytes * 1024), 512) == workers


def test_where_nothing_is_known_of_the_memory_it_is_one() -> None:
    assert choose_workers(8, "", 512) == 1


def test_this_host_can_do_one_at_least() -> None:
    assert 1 <= count_workers(1) <= (os.cpu_count() or 1)
