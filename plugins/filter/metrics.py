# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the playbooks for the metrics of a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._metrics.address import check_address
from ansible_collections.webstack.flask.plugins.plugin_utils._filters import as_filter


@as_filter
def metrics_problems(address: object) -> list[str]:
    """Return what is wrong with `metrics_address`."""
    try:
        check_address(str(address))
    except UserError as problem:
        return [str(problem)]
    return []


@as_filter
def metrics_summary(result: Mapping[str, Any]) -> list[str]:
    """Return a line that says where a host gives metrics, and one for each part of them that was changed."""
    listens: Mapping[str, str] = result.get("listens", {})
    outcomes: Mapping[str, Mapping[str, Any]] = result.get("exporters", {})
    told = ", ".join(f"{name} at {place}" for name, place in listens.items())
    return [
        *([f"metrics for Prometheus: {told}"] if told else []),
        *(f"{name}: {', '.join(outcome['notes'])}" for name, outcome in outcomes.items() if outcome.get("notes")),
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"metrics_problems": metrics_problems, "metrics_summary": metrics_summary}
