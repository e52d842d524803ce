# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters by which the playbooks turn the user's `flask_apps` into the roles' variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps import checks, inputs, summary


def checked_apps(apps: object) -> list[dict[str, Any]]:
    """Return the entries of `flask_apps` with their defaults."""
    try:
        return checks.check_apps(_as_plain(apps))
    except UserError as problem:
        raise AnsibleFilterError(str(problem)) from problem


def checked_serial(serial: object) -> object:
    """Return how many hosts to take at a time, as it was given."""
    try:
        return checks.check_serial(_as_plain(serial))
    except UserError as problem:
        raise AnsibleFilterError(str(problem)) from problem


def _as_plain(value: object) -> object:
    """Return a value with dictionaries and lists of Python's own: those of Ansible carry all variables along whenever they are copied."""
    if isinstance(value, Mapping):
        return {key: _as_plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_plain(inner) for inner in value]
    return value


def switch_inputs(apps: list[dict[str, Any]], only: str = "") -> list[dict[str, Any]]:
    """Return what the module `rollback` needs of each app, or of the one that is named."""
    try:
        return inputs.switch_inputs(apps, only)
    except UserError as problem:
        raise AnsibleFilterError(str(problem)) from problem


def without_app(apps: list[dict[str, Any]], name: str, *, remove_data: bool = False) -> list[Any]:
    """Return the apps with one of them, which need not be among them, to be absent."""
    try:
        return list(inputs.without_app(apps, name, remove_data=remove_data))
    except UserError as problem:
        raise AnsibleFilterError(str(problem)) from problem


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "checked_apps": checked_apps,
            "checked_serial": checked_serial,
            "source_inputs": inputs.source_inputs,
            "environment_inputs": inputs.environment_inputs,
            "release_inputs": inputs.release_inputs,
            "switch_inputs": switch_inputs,
            "certificate_inputs": inputs.certificate_inputs,
            "site_inputs": inputs.site_inputs,
            "hosts_inputs": inputs.hosts_inputs,
            "removal_inputs": inputs.removal_inputs,
            "without_app": without_app,
            "without_failed": inputs.without_failed,
            "failures": inputs.list_failures,
            "summary": summary.summarise,
            "removal_summary": summary.summarise_removal,
        }
