# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Something that is run once with all that a release has: its code, packages, variables and sandbox."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import hold_in_memory, read_text
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.command import list_properties, list_variables
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import format_seconds, list_confinement
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import format_environment
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import pack_command
from ansible_collections.webstack.flask.plugins.module_utils._systemd.shell import BASH, wrap

_PASSED_ON = ("TERM", "LANG", "LC_ALL", "COLUMNS", "LINES")
"""Variables of a terminal, without which a program on it does not know what it can show."""


_INTERRUPTED = 130
"""Exit status after Ctrl-C, as a shell gives it."""


def run_once(layout: AppLayout, record: ReleaseRecord, command: str, *, terminal: bool, timeout: float | None) -> int:
    """Run a shell command in a unit of its own, as the app's user; return its exit status.

    While it runs, its release is not deleted, whatever is deployed meanwhile. An interruption ends it.
    """
    told = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} if terminal else {}
    unit = layout.run_unit(record.id, secrets.token_hex(4))
    with hold_in_memory(format_environment({**list_variables(layout, record.id), **told})) as values:
        properties = [f"EnvironmentFile={values}", *list_limits(layout, record, read_confinement(layout, record), timeout)]
        words = wrap(command, record.context.get("env_files", ()), str(layout.release(record.id)), BASH)
        call = list_call(unit, properties, words, "--pty" if terminal else "--pipe")
        try:
            return subprocess.run(call, check=False).returncode
        except KeyboardInterrupt:
            systemctl.stop(unit)
            return _INTERRUPTED


def list_limits(layout: AppLayout, record: ReleaseRecord, confinement: Sequence[str], timeout: float | None) -> list[str]:
    """Return what the unit of a command says of what it may do and take, as lines `Name=value`."""
    own = list_properties(layout, record.id, confinement, record.context.get("chdir", ""))
    return [*own, *([f"RuntimeMaxSec={format_seconds(timeout)}"] if timeout else [])]


def list_call(unit: str, properties: Sequence[str], words: Sequence[str], way: str) -> list[str]:
    """Return the call of systemd-run; `way` is its option for how the unit gets at the terminal, or at files and pipes."""
    return [
        *("systemd-run", "--quiet", "--wait", "--collect", "--service-type=exec", way),
        *(f"--unit={unit}", "--description=run by hand"),
        *(f"--property={line}" for line in properties),
        *("--", *pack_command(words)),
    ]


def read_confinement(layout: AppLayout, record: ReleaseRecord) -> list[str]:
    """Return what the units of a release say of what it may do."""
    units = [layout.service_template] if record.web else [layout.unit_file(unit) for unit in _list_own_units(layout, record)]
    first = next((text for unit in units if (text := read_text(unit))), None)
    if first is None:
        raise UserError(f"the units of {layout.name} are not on the host; run site.yml, which writes them")
    more = [read_text(path) or "" for path in (layout.places, layout.drop_in(record.id))]
    return list_confinement(first, *more, app=layout.name, release=record.id)


def _list_own_units(layout: AppLayout, record: ReleaseRecord) -> list[str]:
    processes = [layout.process_unit(record.id, str(process["name"])) for process in record.processes]
    return [*processes, *(layout.job_unit(record.id, str(schedule["name"])) for schedule in record.schedules)]


def choose_shell(variables: Sequence[str], app: Path, environment: Path) -> str:
    """Return what opens a shell in which an app's own code can be used: Django's, Flask's, or Python's."""
    if (app / "manage.py").is_file():
        return "python manage.py shell"
    if "FLASK_APP" in variables and (environment / "bin" / "flask").exists():
        return "flask shell"
    return "python"
