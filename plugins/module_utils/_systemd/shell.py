# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell commands of an app, as programs with arguments."""

from __future__ import annotations

from collections.abc import Sequence

_READ_ENV_FILES = (
    "import os, sys; from dotenv import dotenv_values; "
    "[os.environ.setdefault(name, value or '') for file in sys.argv[2:] for name, value in dotenv_values(file).items()]; "
    "os.execv('/bin/sh', ['sh', '-c', sys.argv[1]])"
)
"""What gunicorn.conf.py does for the server, for a command: the app's own python-dotenv reads the files."""


def wrap(command: str, env_files: Sequence[str], release: str) -> list[str]:
    """Return the program and its arguments that run a command with the variables of files of a release's source.

    dash, Debian's /bin/sh, is replaced by the last program of a command that is no pipe: signals reach that program.
    """
    if not env_files:
        return ["/bin/sh", "-c", command]
    return [f"{release}/venv/bin/python", "-c", _READ_ENV_FILES, command, *(f"{release}/app/{file}" for file in env_files)]
