# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of roles, as their argument specs describe them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROLES = Path(__file__).parents[3] / "roles"


def read_role_options(roles: Iterable[str], directory: Path = ROLES) -> dict[str, Any]:
    """Return the argument spec of all variables of some roles of the collection, none of which has to be given."""
    options: dict[str, Any] = {}
    for role in roles:
        text = (directory / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8")
        options |= yaml.load(text, Loader=_LOADER)["argument_specs"]["main"]["options"]  # noqa: S506 - a safe loader either way
    return {name: {key: value for key, value in option.items() if key != "required"} for name, option in options.items()}


def find_option_problems(options: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values of some variables."""
    return [
        f"{name} is {'not shown' if options[name].get('no_log') else repr(value)}: {message}"
        for name, value in values.items()
        for message in ArgumentSpecValidator({name: options[name]}).validate({name: value}).error_messages
    ]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
