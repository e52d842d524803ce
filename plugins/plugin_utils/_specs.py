# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of the roles as data: each option is written down once, in `meta/argument_specs.yml` of its role."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load

_ROLES = Path(__file__).parents[2] / "roles"


def load_options(role: str, entry_point: str = "main") -> dict[str, Any]:
    """Return the options of a role as ArgumentSpecValidator takes them, without what is only for people."""
    specs = yaml_load((_ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return {name: _as_spec(option) for name, option in specs["argument_specs"][entry_point]["options"].items()}


def list_defaults(options: dict[str, Any]) -> dict[str, Any]:
    """Return what each option is that is not required, unless the user says otherwise."""
    return {name: option.get("default") for name, option in options.items() if not option.get("required")}


def find_problems(options: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values of some options. Of one that is or may hold a secret, neither value nor message is shown."""
    return [
        f"{name} is not {describe_type(options[name])}; it is not shown, because it may be secret"
        if _is_secret(options[name])
        else f"{name} is {value!r}: {message}"
        for name, value in values.items()
        for message in ArgumentSpecValidator({name: options[name]}).validate({name: value}).error_messages
    ]


def describe_type(option: Mapping[str, Any]) -> str:
    """Return what an option has to be, in words."""
    inner = f" of {option['elements']}" if "elements" in option else ""
    allowed = f", one of {', '.join(map(str, option['choices']))}" if "choices" in option else ""
    return f"of the type {option.get('type', 'str')}{inner}{allowed}, as its description asks"


def _is_secret(option: Mapping[str, Any]) -> bool:
    return bool(option.get("no_log")) or any(map(_is_secret, option.get("options", {}).values()))


def _as_spec(option: dict[str, Any]) -> dict[str, Any]:
    spec = {key: value for key, value in option.items() if key != "description"}
    if "options" in spec:
        spec["options"] = {name: _as_spec(inner) for name, inner in spec["options"].items()}
        # The validator would fill the defaults of the options into the one `{}` of the spec, for all apps to share.
        if spec.get("default") == {}:
            del spec["default"]
            spec["apply_defaults"] = True
    return spec
