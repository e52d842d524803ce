# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters by which the playbooks tell task files of the user what goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps import hooks


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "hook_failure": hooks.describe_hook_failure,
            "hook_failures": hooks.list_hook_failures,
            "switches": hooks.list_switches,
        }
