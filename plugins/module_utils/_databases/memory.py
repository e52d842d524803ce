# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which settings of a PostgreSQL server follow from the memory that it may count on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

DEBIANS = "debian"
"""What `postgresql_memory` says where the server's settings are to be Debian's."""

_FORM = re.compile(r"(?P<number>[1-9][0-9]{0,5})(?P<unit>[MG%])")

_LEAST, _MOST_PERCENT = 64, 75
_MACHINE_STEP = 256
"""MiB. The kernel keeps a part of a machine's memory for itself, another part with each version: so what it tells is rounded up."""


def check_memory(wanted: str) -> None:
    """Raise UserError unless this is a share of the machine's memory, a size, or Debian's word."""
    found = _FORM.fullmatch(wanted)
    is_good = wanted == DEBIANS
    if found:
        number = int(found["number"])
        is_good = number <= _MOST_PERCENT if found["unit"] == "%" else _in_mib(number, found["unit"]) >= _LEAST
    if not is_good:
        raise UserError(
            f"postgresql_memory is {wanted!r}; allowed are a share of the machine's memory up to {_MOST_PERCENT}%, such as 25%, a size of "
            f"{_LEAST}M or more, such as 512M or 2G, and {DEBIANS}, with which the server keeps Debian's settings"
        )


def find_budget(wanted: str, machine: int) -> int:
    """Return the MiB that PostgreSQL may count on, of the `machine`'s; raise UserError if it has fewer."""
    check_memory(wanted)
    found = _FORM.fullmatch(wanted)
    if not found:
        raise ValueError(wanted)
    if found["unit"] == "%":
        return max(_LEAST, machine * int(found["number"]) // 100)
    budget = _in_mib(int(found["number"]), found["unit"])
    if budget > machine * _MOST_PERCENT // 100:
        raise UserError(
            f"postgresql_memory is {wanted}, and the machine has {machine} MiB, of which PostgreSQL may have {_MOST_PERCENT}% at most; set "
            "it to less, or to a share such as 25%"
        )
    return budget


def choose_settings(budget: int, connections: int) -> dict[str, str]:
    """Return the settings for so many MiB, where the server takes so many connections.

    Half is for pages that all connections share; a sort of each connection at the same time takes the whole. So in the worst case, which
    hardly comes, it is one and a half times what was said. What the kernel keeps of files the planner is told, and nothing takes it.
    """
    return {
        "shared_buffers": _show(budget // 2, 32, 16384),
        "effective_cache_size": _show(budget * 2, 128, 1 << 20),
        "work_mem": _show(budget // max(1, connections), 1, 64),
        "maintenance_work_mem": _show(budget // 8, 16, 1024),
    }


def measure_machine(meminfo: str, limits: Iterator[str]) -> int:
    """Return the MiB of memory that a machine has, by /proc/meminfo (proc_meminfo(5)), or less where a limit of a cgroup is lower."""
    found = re.search(r"^MemTotal: +([0-9]+) kB$", meminfo, re.MULTILINE)
    if not found:
        raise UserError("/proc/meminfo does not tell how much memory the machine has; set postgresql_memory to debian")
    whole = -(-int(found[1]) // 1024 // _MACHINE_STEP) * _MACHINE_STEP
    return min([whole, *(int(limit) >> 20 for limit in limits if limit.strip().isdecimal())])


def find_limits(groups: str, read: Callable[[Path], str | None]) -> Iterator[str]:
    """Return what limits the memory of a process, given its /proc/PID/cgroup: of its cgroup and of all above it (cgroups(7))."""
    for line in groups.splitlines():
        number, controllers, path = line.split(":", 2)
        roots = [(Path("/sys/fs/cgroup"), "memory.max")] if number == "0" else []
        roots += [(Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes")] if "memory" in controllers.split(",") else []
        for root, name in roots:
            inner = PurePosixPath(path.lstrip("/"))
            for each in (inner, *inner.parents):
                limit = read(root / each / name)
                if limit is not None:
                    yield limit


def _in_mib(number: int, unit: str) -> int:
    return number * (1024 if unit == "G" else 1)


def _show(size: int, least: int, most: int) -> str:
    return f"{max(least, min(most, size))}MB"
