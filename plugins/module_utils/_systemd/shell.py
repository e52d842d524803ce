# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell commands of an app, as programs with arguments."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_READ_ENV_FILES = (
    "import os, sys; from dotenv import dotenv_values; "
    "[os.environ.setdefault(name, value or '') for file in sys.argv[3:] for name, value in dotenv_values(file).items()]; "
    "os.execv(sys.argv[1], [sys.argv[1], '-c', sys.argv[2]])"
)
"""What gunicorn.conf.py does for the server, for a command: the app's own python-dotenv reads the files."""

BASH = "/bin/bash"
"""It is replaced by the last program of a command, so that signals reach that program; Debian's /bin/sh is not. In a pipe, and where output
goes elsewhere, it stays: `stays` tells."""


def wrap(command: str, env_files: Sequence[str], release: str, shell: str = "/bin/sh") -> list[str]:
    """Return the program and its arguments that run a command with the variables of files of a release's source."""
    if not env_files:
        return [shell, "-c", command]
    return [f"{release}/venv/bin/python", "-c", _READ_ENV_FILES, shell, command, *(f"{release}/app/{file}" for file in env_files)]


def stays(pid: int) -> bool:
    """Return whether a process is a shell that has not been replaced by the last program of its command. One that is gone is not.

    What it says of itself may be long, and no text: no more of it is read than has to be known.
    """
    start = f"{BASH}\0-c\0".encode()
    with suppress(OSError), Path(f"/proc/{pid}/cmdline").open("rb") as file:
        return file.read(len(start)) == start
    return False
