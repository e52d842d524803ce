# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the playbook that upgrades Debian's packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils import _patching


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "apps_worse": _patching.find_worse,
            "package_upgrades": _patching.list_upgrades,
            "restart_plan": _patching.plan_restarts,
        }
