# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a host can do at a time."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text

_MIB = 1024  # KiB


def count_workers(needed: int) -> int:
    """Return how many jobs of `needed` MiB of memory each the host can do side by side: no more than it has processors."""
    return choose_workers(len(os.sched_getaffinity(0)), read_text(Path("/proc/meminfo")) or "", needed)


def choose_workers(processors: int, meminfo: str, needed: int) -> int:
    """Return that number for so many processors, and what /proc/meminfo says of the memory (proc_meminfo(5)); one at least."""
    available = re.search(r"^MemAvailable: +([0-9]+) kB$", meminfo, re.MULTILINE)
    room = int(available[1]) // (needed * _MIB) if available else 1
    return max(1, min(processors, room))
