# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that a release runs once before it takes traffic, such as a migration of its database."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils import systemd
from ansible_collections.webstack.flask.plugins.module_utils.hints import find_hints
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils.switch import ReleaseFailed

_OUTPUT_LINES = 40
_PAUSE = 0.2

_NOT_EVEN_STARTED = 200
"""From here on an exit status is systemd's own, and the reason is in the journal: "Process Exit Codes" in systemd.exec(5)."""

_LAST_LINES = 4

_READ_ENV_FILES = """\
import os, sys
from dotenv import dotenv_values
for file in sys.argv[2:]:
    for name, value in dotenv_values(file).items():
        os.environ.setdefault(name, value or "")
os.execv("/bin/sh", ["sh", "-c", sys.argv[1]])
"""
"""What gunicorn.conf.py does for the server, for a command: the app's own python-dotenv reads the files."""


def run_release_command(
    layout: AppLayout, release: str, command: str, confinement: Sequence[str], *, chdir: str, env_files: Sequence[str], timeout: float
) -> None:
    """Run a shell command as the app's user, with the code, the environment and the variables of a release.

    The command runs in a transient systemd service of a fixed name: it ends after `timeout` seconds even if this process
    does not live that long, it can do no more than the app itself (`confinement` is what the app's unit says of that), and it
    never runs twice at the same time.
    """
    _wait_for_earlier(layout, timeout)
    started = time.monotonic()
    result = subprocess.run(
        format_command(layout, release, command, confinement, chdir=chdir, env_files=env_files, timeout=timeout),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode == 0:
        return
    seconds = time.monotonic() - started
    reason = f"took more than {timeout:g} s and was stopped" if seconds >= timeout else f"failed with exit status {result.returncode}"
    said = result.stdout + result.stderr
    if result.returncode >= _NOT_EVEN_STARTED:
        said += systemd.read_journal(f"{_unit_name(layout)}.service", _LAST_LINES)
    lines = said.splitlines()[-_OUTPUT_LINES:]
    output = [f"  {line}" for line in lines or ["(nothing)"]]
    hints = [f"Hint: {hint}." for hint in find_hints(lines, str(layout.root))]
    raise ReleaseFailed("\n".join([f"the release command `{command}` of release {release} {reason}. Its output:", *output, *hints]))


def _wait_for_earlier(layout: AppLayout, timeout: float) -> None:
    """Wait for the command of a run that was cut off: to end it halfway could leave half a migration."""
    unit = f"{_unit_name(layout)}.service"
    deadline = time.monotonic() + timeout
    while systemd.show([unit])[unit].active in ("active", "activating", "deactivating"):
        if time.monotonic() > deadline:
            raise ReleaseFailed(
                f"a release command of an earlier run has not ended within {timeout:g} s; `systemctl status {unit}` tells more"
            )
        time.sleep(_PAUSE)


def _unit_name(layout: AppLayout) -> str:
    return f"{layout.name}-release-command"


def format_command(
    layout: AppLayout, release: str, command: str, confinement: Sequence[str], *, chdir: str, env_files: Sequence[str], timeout: float
) -> Sequence[str]:
    """Return the call of systemd-run(1) for a command."""
    directory = layout.release(release)
    properties = {
        "User": layout.name,
        "Group": layout.name,
        "WorkingDirectory": str(directory / "app" / chdir),
        "EnvironmentFile": str(directory / "env"),
        "RuntimeMaxSec": f"{timeout:g}",
        "SyslogIdentifier": layout.name,
    }
    variables = {
        "PATH": f"{directory}/venv/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(layout.shared),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "FLASK_SKIP_DOTENV": "1",  # which files count is told by `env_files`, for the server as for the commands
    }
    return [
        *("systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={_unit_name(layout)}"),
        *(f"--property={key}={value}" for key, value in properties.items()),
        *(f"--property={line}" for line in confinement),
        *(f"--setenv={key}={value}" for key, value in variables.items()),
        *("--", *_wrap(command, env_files, directory)),
    ]


def _wrap(command: str, env_files: Sequence[str], directory: Path) -> list[str]:
    if not env_files:
        return ["/bin/sh", "-c", command]
    return [f"{directory}/venv/bin/python", "-c", _READ_ENV_FILES, command, *(f"{directory}/app/{file}" for file in env_files)]
