# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role etc_hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.hosts_file import update_text


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"hosts_text": update_text}
