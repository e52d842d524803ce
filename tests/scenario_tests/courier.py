"""Deploying the app of tests/apps/courier, which is nothing but a worker."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from testinfra.host import Host

NAME, LOG = "courier", "/var/www/courier/shared/log.txt"


def describe(host: Host, version: str, fault: str = "") -> dict[str, Any]:
    """Return `flask_apps` with the app in one version."""
    app = next(copy.deepcopy(app) for app in host.ansible.get_variables()["flask_apps"] if app["name"] == NAME)
    app["env"] = {"VERSION": version, **({"FAULT": fault} if fault else {})}
    return {"flask_apps": [app]}


def beside(others: dict[str, Any], host: Host, version: str, fault: str = "") -> dict[str, Any]:
    """Return `flask_apps` with the app in one version besides others."""
    return {"flask_apps": [*others["flask_apps"], *describe(host, version, fault)["flask_apps"]]}


def at_work(host: Host) -> list[str]:
    """Return the units of the app that are up."""
    lines = host.check_output("systemctl list-units --plain --no-legend 'courier*'").splitlines()
    return [line.split()[0] for line in lines if line.split()[2] == "active"]


def at_boot(host: Host) -> list[str]:
    """Return the units of the app that start at boot."""
    wanted = str(host.check_output("ls /etc/systemd/system/multi-user.target.wants")).split()
    return [unit for unit in wanted if unit.startswith(NAME)]


def said(host: Host) -> list[str]:
    """Return what its releases have written down of their beginnings and ends."""
    return str(host.check_output(f"cat {LOG}")).splitlines()


def version(host: Host) -> str:
    """Return the version that has written the last line of these."""
    return said(host)[-1].split()[-1]


def current(host: Host) -> str:
    return read_app(host, NAME).current or ""
