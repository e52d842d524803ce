"""From the memory of a machine to the settings of its PostgreSQL; the table of the documentation has the same numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.memory import (
    check_memory,
    choose_settings,
    find_budget,
    find_limits,
    measure_machine,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

PAGE = Path(__file__).parents[5] / "docs" / "data.md"
COLUMNS = ("shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem")


def as_mib(size: str) -> int:
    number, unit = size.split()
    return int(number) * {"MB": 1, "GB": 1024}[unit]


def test_the_documentation_has_the_numbers() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ [MG]B \|", line)]
    assert {row[0] for row in rows} >= {"512 MB", "1 GB", "4 GB", "64 GB"}
    for machine, budget, *shown in rows:
        assert find_budget("25%", as_mib(machine)) == as_mib(budget)
        chosen = choose_settings(as_mib(budget), 100)
        assert [f"{as_mib(each)}MB" for each in shown] == [chosen[name] for name in COLUMNS], machine


@pytest.mark.parametrize("machine", [128, 512, 1024, 4096, 65536, 1 << 21])
@pytest.mark.parametrize("connections", [10, 100, 1000])
def test_all_connections_that_sort_at_once_stay_within_the_budget_where_it_gives_each_a_mib(machine: int, connections: int) -> None:
    budget = find_budget("25%", machine)
    sorting = int(choose_settings(budget, connections)["work_mem"][:-2])
    assert sorting * connections <= max(budget, connections)
    assert 1 <= sorting <= 64


@pytest.mark.parametrize(("wanted", "budget"), [("25%", 1024), ("75%", 3072), ("1%", 64), ("512M", 512), ("3G", 3072)])
def test_a_share_and_a_size_are_taken(wanted: str, budget: int) -> None:
    assert find_budget(wanted, 4096) == budget


@pytest.mark.parametrize("wanted", ["", "0%", "76%", "100%", "25", "2 G", "2g", "32M", "0.5G", "-1G", "auto", "Debian", "None"])
def test_all_else_is_refused_with_what_is_allowed(wanted: str) -> None:
    with pytest.raises(UserError, match=r"allowed are a share of the machine's memory up to 75%, such as 25%, a size of 64M or more"):
        check_memory(wanted)


def test_more_than_the_machine_can_give_is_refused_with_what_it_has() -> None:
    with pytest.raises(UserError, match="postgresql_memory is 4G, and the machine has 4096 MiB, of which PostgreSQL may have 75% at most"):
        find_budget("4G", 4096)


@pytest.mark.parametrize(
    ("told", "limits", "machine"),
    [
        (3_914_000, [], 3840),
        (4_028_716, [], 4096),
        (480_000, ["max\n"], 512),
        (24_684_092, ["536870912\n", "max\n", "9223372036854771712\n"], 512),
    ],
)
def test_the_memory_is_the_machine_s_or_that_of_its_container(told: int, limits: list[str], machine: int) -> None:
    assert measure_machine(f"MemTotal:       {told} kB\nMemFree:  1 kB\n", iter(limits)) == machine


def test_limits_of_all_cgroups_above_the_server_are_found_in_both_hierarchies() -> None:
    files = {
        "/sys/fs/cgroup/system.slice/postgresql.slice/memory.max": "max",
        "/sys/fs/cgroup/system.slice/memory.max": "2",
        "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "3",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "4",
    }
    groups = "4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n0::/system.slice/postgresql.slice\n"
    assert sorted(find_limits(groups, lambda path: files.get(str(path)))) == ["2", "3", "4", "max"]
    own = {"/sys/fs/cgroup/memory.max": "7"}
    assert list(find_limits("0::/\n", lambda path: own.get(str(path)))) == ["7"]
