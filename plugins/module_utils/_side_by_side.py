# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on several things at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Thing = TypeVar("Thing")
Outcome = TypeVar("Outcome")

App = Mapping[str, Any]

Done = Callable[[App, Mapping[str, Any], float], object]
"""Is told an app, what became of it, and how many seconds that took."""


def side_by_side(attend: Callable[[Thing], Outcome], things: Sequence[Thing], workers: int) -> list[Outcome]:
    """Return what `attend` returns of each of some things, for so many of them at a time as there are `workers`."""
    if min(workers, len(things)) <= 1:
        return list(map(attend, things))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(attend, things))
