# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter of the role python_pipenv."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import encode


def environment_parameters(apps: Sequence[Mapping[str, Any]], common: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of the module `environments` for each app, given the variables of all installations."""
    return [
        {
            **_without_variables(app),
            **_shape_step(app),
            **_shape_access(app),
            "variables": _encode({**common, **app.get("environment", {})}),
        }
        for app in apps
    ]


def _shape_step(app: Mapping[str, Any]) -> dict[str, Any]:
    step = app.get("step")
    return {"step": {**_without_variables(step), "variables": _encode(step.get("environment", {}))}} if step else {}


def _without_variables(app: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in app.items() if key not in ("environment", "git_credentials")}


def _shape_access(app: Mapping[str, Any]) -> dict[str, str]:
    access = app.get("git_credentials")
    return {"git_credentials": _encode({key: value for key, value in access.items() if value is not None})} if access else {}


def _encode(variables: Mapping[str, Any]) -> str:
    return encode({key: str(value) for key, value in variables.items()})


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"environment_parameters": environment_parameters}
