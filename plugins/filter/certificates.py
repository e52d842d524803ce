# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.acme import find_acme_problems


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"certificate_problems": find_acme_problems}
