# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interpreters and Debian packages of the host that an environment may need."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Python
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.facts import find_installed

_PYTHON_DIRECTORIES = (Path("/usr/local/bin"), Path("/usr/bin"))


@cache
def read_python(path: str) -> Python:
    """Return an interpreter with its version; raise UserError if it does not run."""
    try:
        result = subprocess.run(
            [path, "-I", "-c", "import platform; print(platform.python_version(), platform.python_implementation())"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"the interpreter {path} does not run: {error}") from error
    return Python(path, *result.stdout.split())


_HOMES = ("/root", "/home", "/run/user")
"""Directories that ProtectHome closes to installations and apps: systemd.exec(5)."""

_ACCESS_LIST = "system.posix_acl_access"


def require_reachable(python: Python) -> None:
    """Raise UserError if an interpreter lies where the accounts that install and run the app cannot go."""
    path = Path(os.path.realpath(python.path))
    closed = next((home for home in _HOMES if path.is_relative_to(home)), None) or find_closed(path)
    if closed:
        raise UserError(
            f"the interpreter {path} lies in {closed}, where the accounts that install and run the app cannot go: put it where everybody "
            "may, such as with `UV_PYTHON_INSTALL_DIR=/opt/python uv python install` or `PYENV_ROOT=/opt/pyenv`, and name that path in "
            "`dependencies.python`, or take the host's own by leaving it out"
        )


def find_closed(path: Path) -> str | None:
    """Return what on the way to a program is closed to other accounts, the program itself included; None if nothing is."""
    for place in (*reversed(path.parents), path):
        if place.exists() and not place.stat().st_mode & stat.S_IXOTH and not _has_access_list(place):
            return str(place)
    return None


def _has_access_list(path: Path) -> bool:
    try:
        return _ACCESS_LIST in os.listxattr(path)
    except OSError:  # a file system without such attributes
        return False


def list_pythons() -> list[Python]:
    """Return the interpreters in the host's program directories, those in /usr/local before Debian's."""
    found = (path for directory in _PYTHON_DIRECTORIES for path in sorted(directory.glob("python3.*")))
    return [read_python(str(path)) for path in found if re.fullmatch(r"python3\.\d+", path.name) and os.access(path, os.X_OK)]


def find_missing_packages(packages: Sequence[str]) -> list[str]:
    """Return the Debian packages that are not installed."""
    present = find_installed(packages)
    return [name for name in packages if name not in present]


def require_debian_packages(packages: Sequence[str]) -> None:
    """Raise UserError unless the Debian packages that a build needs are installed."""
    if missing := find_missing_packages(packages):
        raise UserError(
            f"the Debian packages {' '.join(missing)} of `dependencies.build_packages` are not installed; "
            "run site.yml, which installs them (deploy.yml installs no Debian packages)"
        )
