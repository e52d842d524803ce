# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter of the role notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode


def notification_parameters(apps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of the module `notifications` for each app, with its URLs as one secret."""
    return [
        {
            **{key: value for key, value in app.items() if key != "notify"},
            "targets": encode([{"url": str(each["url"]), "on": list(each["on"])} for each in app.get("notify", ())]),
        }
        for app in apps
    ]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"notification_parameters": notification_parameters}
