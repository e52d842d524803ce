# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the settings of a PostgreSQL server that follow from the memory of the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.memory import (
    DEBIANS,
    choose_settings,
    find_budget,
    find_limits,
    measure_machine,
)
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Server
from ansible_collections.webstack.flask.plugins.module_utils._databases.settings_file import NAME, SettingsFile, format_settings
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text

_DEBIANS_OWN = ("shared_buffers", "128MB")
"""What initdb(1) writes into each postgresql.conf, so that nobody has chosen it."""

_STATE = """
SELECT pg_catalog.json_build_object(
    'config_file', pg_catalog.current_setting('config_file'),
    'loaded', extract(epoch FROM pg_catalog.pg_conf_load_time()),
    'connections', pg_catalog.current_setting('max_connections')::int,
    'process', (SELECT pid FROM pg_catalog.pg_stat_activity WHERE backend_type = 'checkpointer'),
    'is_idle', NOT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1'))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity
                        WHERE backend_type IN ('client backend', 'walsender') AND pid <> pg_catalog.pg_backend_pid()),
    'in_force', (SELECT pg_catalog.json_agg(sourcefile) FROM pg_catalog.pg_settings WHERE NOT pending_restart),
    'waiting', (SELECT pg_catalog.json_agg(name ORDER BY name) FROM pg_catalog.pg_settings WHERE pending_restart),
    'lines', (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                  'file', f.sourcefile, 'number', f.sourceline, 'name', f.name, 'value', f.setting,
                  -- What waits for a restart is told as an error, too.
                  'error', CASE WHEN s.context IS DISTINCT FROM 'postmaster' THEN f.error END))
              FROM pg_catalog.pg_file_settings f LEFT JOIN pg_catalog.pg_settings s ON s.name = pg_catalog.lower(f.name)))
"""


@dataclass
class Tuned:
    """What became of the settings: what was done, what somebody has to know, and the file before and after."""

    path: str = ""
    changed: bool = False
    notes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    before: str = ""
    after: str = ""

    def to_result(self) -> dict[str, Any]:
        """Return it as a module hands it on."""
        return {"changed": self.changed, "notes": self.notes, "complaints": self.complaints}


def find_elsewhere(lines: Sequence[Mapping[str, Any]], names: Sequence[str], ours: str, config_file: str) -> dict[str, str]:
    """Return which settings of these names somebody has set himself, and in which file, given the lines of pg_file_settings."""
    found = {}
    for line in lines:
        is_debians = line["file"] == config_file and (line["name"], line["value"]) == _DEBIANS_OWN
        if line["name"] in names and line["file"] != ours and not is_debians:
            found[line["name"]] = line["file"]
    return found


def find_errors(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what the server does not understand in its files of settings."""
    return [f"{line['file']}, line {line['number']}: {line['error']}" for line in lines if line["error"]]


def tune(server: Server, wanted: str, *, check: bool) -> Tuned:
    """Bring the server's settings to those for the memory that is wanted. It is restarted only where it serves nobody yet.

    Raise UserError where that memory cannot be had, before anything is changed. All else is told, and keeps nobody from a database.
    """
    state = _read(server)
    file = SettingsFile(Path(state["config_file"]).parent / "conf.d" / NAME, server.cluster.uid, server.cluster.gid)
    before = file.read()
    after = None if wanted == DEBIANS else _describe(state, wanted, str(file.path))
    # What a run that was cut off has written, or taken away, the server may not have read.
    is_loaded = file.changed_at() <= state["loaded"] and (after is not None or str(file.path) not in state["in_force"])
    if before == after and is_loaded:
        return Tuned(complaints=_list_waiting(server, state))
    if problems := find_errors([line for line in state["lines"] if line["file"] != str(file.path)]):
        return Tuned(complaints=[f"its settings were left as they are, for it does not understand some of them ({'; '.join(problems)})"])
    note = "Debian's settings are in force again" if after is None else f"settings for {wanted} of the memory written"
    tuned = Tuned(str(file.path), changed=True, notes=[note], before=before or "", after=after or "")
    if check:
        return tuned
    if before != after and (refusal := _write(server, file, before, after)):
        return Tuned(complaints=[refusal])
    server.reload(state["loaded"])
    state = _read(server)
    if state["waiting"] and state["is_idle"]:
        try:
            server.restart()
        except UserError as problem:
            file.replace(before)
            server.restart()
            return Tuned(complaints=[f"{file.path} was taken back, for with it the server does not start: {problem}"])
        tuned.notes.append("restarted, while it served nobody")
        state = _read(server)
    tuned.complaints = _list_waiting(server, state)
    return tuned


def _read(server: Server) -> dict[str, Any]:
    state: dict[str, Any] = server.ask(_STATE)
    return {**state, **{key: state[key] or [] for key in ("in_force", "waiting", "lines")}}


def _describe(state: Mapping[str, Any], wanted: str, ours: str) -> str:
    groups = read_text(Path(f"/proc/{state['process']}/cgroup")) or ""
    machine = measure_machine(read_text(Path("/proc/meminfo")) or "", find_limits(groups, read_text))
    settings = choose_settings(find_budget(wanted, machine), state["connections"])
    return format_settings(settings, find_elsewhere(state["lines"], list(settings), ours, state["config_file"]))


def _write(server: Server, file: SettingsFile, before: str | None, after: str | None) -> str | None:
    """Write the file, and have the server look at it before it loads it; return why it would not take it, and that it was taken back."""
    try:
        file.replace(after)
    except (UserError, OSError) as error:
        return f"its settings were left as they are: {error}"
    lines = [line for line in _read(server)["lines"] if line["file"] == str(file.path)]
    problem = "; ".join(find_errors(lines))
    has_settings = any(not line.startswith("#") for line in (after or "").splitlines())
    if has_settings and not lines:
        problem = "postgresql.conf does not include the directory conf.d"
    if problem:
        file.replace(before)
        return f"the settings that were written to {file.path} were taken back: {problem}"
    return None


def _list_waiting(server: Server, state: Mapping[str, Any]) -> list[str]:
    if not state["waiting"]:
        return []
    told = f"{' and '.join(state['waiting'])} will be as written after a restart, which no run does: apps lose their connections and get no"
    return [f"{told} new ones for some seconds. When that suits: `systemctl restart {server.cluster.unit}`"]
