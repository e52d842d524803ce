# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters by which the playbooks turn the user's `flask_apps` into the roles' variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._filters import as_filter
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps import (
    backups,
    checks,
    database_care,
    databases,
    inputs,
    notifications,
    redis,
    services,
    sharing,
    summary,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.plain import as_plain


@as_filter
def checked_apps(apps: object) -> list[dict[str, Any]]:
    """Return the entries of `flask_apps` with their defaults."""
    return checks.check_apps(as_plain(apps))


@as_filter
def checked_serial(serial: object) -> object:
    """Return how many hosts to take at a time, as it was given."""
    return checks.check_serial(as_plain(serial))


@as_filter
def switch_inputs(apps: list[dict[str, Any]], only: str = "") -> list[dict[str, Any]]:
    """Return what the module `rollback` needs of each app, or of the one that is named."""
    return inputs.switch_inputs(apps, only)


@as_filter
def without_app(apps: list[dict[str, Any]], name: str, *, remove_data: bool = False) -> list[Any]:
    """Return the apps with one of them, which need not be among them, to be absent."""
    return list(inputs.without_app(apps, name, remove_data=remove_data))


def apps_beside(apps: list[dict[str, Any]], gone: str) -> list[dict[str, Any]]:
    """Return the apps whose sites are others without one: those that have names in common with it, and the services that it calls."""
    return [*sharing.leave_names(apps, gone), *services.leave_services(apps, gone)]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "checked_apps": checked_apps,
            "checked_serial": checked_serial,
            "source_inputs": inputs.source_inputs,
            "environment_inputs": inputs.environment_inputs,
            "database_inputs": databases.database_inputs,
            "database_packages": databases.database_packages,
            "memory_problems": databases.memory_problems,
            "redis_inputs": redis.redis_inputs,
            "backup_inputs": backups.backup_inputs,
            "notification_inputs": notifications.notification_inputs,
            "release_inputs": inputs.release_inputs,
            "switch_inputs": switch_inputs,
            "certificate_inputs": inputs.certificate_inputs,
            "site_inputs": inputs.site_inputs,
            "hosts_inputs": inputs.hosts_inputs,
            "listen_ports": inputs.listen_ports,
            "last_sites": inputs.list_last_sites,
            "left_certificates": inputs.list_left_certificates,
            "port_problems": inputs.port_problems,
            "host_summary": summary.summarise_host,
            "jobs_summary": summary.summarise_jobs,
            "removal_inputs": inputs.removal_inputs,
            "without_app": without_app,
            "apps_beside": apps_beside,
            "withdrawn_sites": inputs.withdrawn_sites,
            "without_failed": inputs.without_failed,
            "failures": inputs.list_failures,
            "summary": summary.summarise,
            "database_problem": database_care.find_problem,
            "database_file_problem": database_care.find_file_problem,
            "database_shell": database_care.describe_shell,
            "database_summary": summary.summarise_databases,
            "redis_summary": redis.summarise_redis,
            "backup_summary": backups.summarise_backups,
            "notification_summary": notifications.summarise_notifications,
            "removal_summary": summary.summarise_removal,
        }
