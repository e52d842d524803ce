# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interpreters and Debian packages of the host that an environment may need."""

from __future__ import annotations

import os
import re
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
