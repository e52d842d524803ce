# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have a host give metrics, or give none any more."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.facts import find_installed
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, ensure_file
from ansible_collections.webstack.flask.plugins.module_utils._host.installed_program import ensure_program
from ansible_collections.webstack.flask.plugins.module_utils._layout import UNIT_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._metrics import program
from ansible_collections.webstack.flask.plugins.module_utils._metrics.address import check_address
from ansible_collections.webstack.flask.plugins.module_utils._metrics.exporters import (
    ACCOUNT,
    EXPORTERS,
    Exporter,
    format_drop_in,
    list_writer_units,
    show_listen,
)
from ansible_collections.webstack.flask.plugins.module_utils._metrics.monitor_role import end_role, ensure_role
from ansible_collections.webstack.flask.plugins.module_utils._metrics.nginx_status import end_status, ensure_status
from ansible_collections.webstack.flask.plugins.module_utils._metrics.presence import WRITER
from ansible_collections.webstack.flask.plugins.module_utils._metrics.requests import STATE
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import for_each_app
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import list_apps

_OPEN, _DIRECTORY = Access(0, 0, 0o644), Access(0, 0, 0o755)
_FAILED: dict[str, Any] = {"changed": False, "notes": []}
_TIMEOUT = 10.0
_PAUSE = 0.1
_LINES = 5
_TIMER = f"{WRITER}.timer"


@dataclass(frozen=True)
class Kept:
    """What became of each part, the packages that are to be installed, and where each exporter listens."""

    outcomes: dict[str, dict[str, Any]]
    missing: list[str] = field(default_factory=list)
    listens: dict[str, str] = field(default_factory=dict)


def keep_metrics(params: Mapping[str, Any], *, check: bool) -> Kept:
    """Bring the host to its wanted state, as the module describes it; return what became of it.

    A part whose package is missing is made ready, so that it listens where it is to as soon as the package is there.
    """
    address = check_address(params["address"])
    names = _choose(params)
    wanted = [exporter for exporter in EXPORTERS if exporter.name in names]
    installed = find_installed([exporter.package for exporter in wanted])

    def attend(part: Mapping[str, Any]) -> dict[str, Any]:
        exporter: Exporter | None = part["exporter"]
        if exporter is None:
            return _keep_writer(check=check) if params["enabled"] else _end_writer(check=check)
        if exporter not in wanted:
            return _end(exporter, params["port"], check=check)
        return _keep(exporter, address, params["port"], installed=exporter.package in installed, check=check)

    parts: list[dict[str, Any]] = [{"name": f"{exporter.name} exporter", "exporter": exporter} for exporter in EXPORTERS]
    outcomes = for_each_app([{"name": "metrics of apps", "exporter": None}, *parts], attend, _FAILED)
    ready = [exporter for exporter in wanted if "error" not in outcomes[f"{exporter.name} exporter"]]
    return Kept(
        outcomes,
        missing=[exporter.package for exporter in ready if exporter.package not in installed],
        listens={exporter.name: show_listen(address, exporter.port) for exporter in ready},
    )


def _choose(params: Mapping[str, Any]) -> list[str]:
    if not params["enabled"]:
        return []
    if ACCOUNT in list_apps():
        raise UserError(
            f"an app of this host is called {ACCOUNT}, as the account of Debian's exporters is, so they would run with what is the app's; "
            "give the app another name"
        )
    return [name for name in params["exporters"] if name != "postgres" or params["postgresql"]]


def _keep(exporter: Exporter, address: str, port: int, *, installed: bool, check: bool) -> dict[str, Any]:
    state = systemctl.show([exporter.unit])[exporter.unit]
    if state.enabled and not exporter.drop_in.exists():
        raise UserError(
            f"{exporter.unit} of this host is somebody else's. Leave it as it is by taking {exporter.name} out of metrics_exporters, or "
            f"give it up by `systemctl disable --now {exporter.unit}`, and run again"
        )
    notes = []
    if exporter.name == "nginx" and ensure_status(check=check):
        notes.append("nginx tells how many connections it has")
    if exporter.name == "postgres" and ensure_role(port, check=check):
        notes.append(f"role {ACCOUNT} made in PostgreSQL")
    ensure_directory(exporter.drop_in.parent, _DIRECTORY, check=check)
    written = ensure_file(exporter.drop_in, format_drop_in(exporter, address, port), _OPEN, check=check)
    # What a run that was cut off has written, the exporter may not have read.
    if written or not installed or notes or not state.enabled or not _answers(address, exporter.port):
        notes.append(f"listens at {show_listen(address, exporter.port)}" if installed else "is to be installed")
        if installed and not check:
            _start(exporter, address)
    return {"changed": bool(notes), "notes": notes}


def _start(exporter: Exporter, address: str) -> None:
    """Start an exporter anew, at boot too, and see that it is there; raise UserError with what it says if it is not."""
    systemctl.daemon_reload()
    systemctl.enable(exporter.unit)
    systemctl.restart(exporter.unit)
    deadline = time.monotonic() + _TIMEOUT
    # Where another program has the port, that one answers.
    while not _answers(address, exporter.port) or systemctl.show([exporter.unit])[exporter.unit].active != "active":
        if time.monotonic() > deadline:
            said = systemctl.read_journal(exporter.unit, _LINES)
            raise UserError(f"{exporter.unit} does not listen at {show_listen(address, exporter.port)}: {said or 'it says nothing'}")
        time.sleep(_PAUSE)


def _answers(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False


def _end(exporter: Exporter, port: int, *, check: bool) -> dict[str, Any]:
    """Stop an exporter of ours. It is stopped before its drop-in goes: without that it would listen at all addresses."""
    changed = exporter.drop_in.exists()
    if changed and not check:
        if systemctl.show([exporter.unit])[exporter.unit].enablement:
            systemctl.disable(exporter.unit)
            systemctl.stop(exporter.unit)
        exporter.drop_in.unlink()
        with suppress(OSError):  # somebody else has another one there
            exporter.drop_in.parent.rmdir()
        systemctl.daemon_reload()
        if exporter.name == "postgres":
            end_role(port)
    if exporter.name == "nginx":
        changed |= end_status(check=check)
    return {"changed": changed, "notes": ["stopped; its package stays"] if changed else []}


def _keep_writer(*, check: bool) -> dict[str, Any]:
    lacking = [path for path in (program.DIRECTORY, STATE.parent) if not path.is_dir()]
    for path in lacking:
        ensure_directory(path, _DIRECTORY, check=check)
    changed = bool(lacking)
    changed |= ensure_program(program.LAUNCHER, program.__name__, check=check)
    written = [unit for unit, text in list_writer_units().items() if ensure_file(UNIT_ROOT / unit, text, _OPEN, check=check)]
    changed |= bool(written)
    state = systemctl.show([_TIMER])[_TIMER]
    if changed or not state.enabled or state.active != "active":
        if not check:
            systemctl.daemon_reload()
            systemctl.enable(_TIMER)
            systemctl.restart(_TIMER)
        return {"changed": True, "notes": [f"written each minute to {program.TEXTFILE}"]}
    return {"changed": False, "notes": []}


def _end_writer(*, check: bool) -> dict[str, Any]:
    units = [UNIT_ROOT / unit for unit in list_writer_units()]
    places = [path for path in (*units, program.LAUNCHER, program.TEXTFILE, STATE) if path.exists()]
    if places and not check:
        if (UNIT_ROOT / _TIMER).exists():
            systemctl.disable(_TIMER)
            systemctl.stop(_TIMER, f"{WRITER}.service")
        for path in places:
            path.unlink()
        systemctl.daemon_reload()
    return {"changed": bool(places), "notes": ["taken away"] if places else []}
