# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter of the role backups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode


def backup_parameters(apps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of the module `backups` for each app, with its environment variables as one secret."""
    return [
        {
            **{key: value for key, value in app.items() if key != "env"},
            "variables": encode({key: str(value) for key, value in app.get("env", {}).items()}),
        }
        for app in apps
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"backup_parameters": backup_parameters}
