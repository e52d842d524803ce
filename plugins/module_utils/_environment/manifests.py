# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dependency files of an app, recognised by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems

LOCK, PIPFILE, REQUIREMENTS, PYPROJECT, PACKAGES = "Pipfile.lock", "Pipfile", "requirements.txt", "pyproject.toml", "packages"

KINDS = (LOCK, PIPFILE, REQUIREMENTS, PYPROJECT)
"""The files that count; the first one that exists decides."""

NO_FILE = "none"
"""The word in place of a file's name if no file is to count."""

_OLDEST = 6
"""The minor version of Python 3 below which nothing runs that gunicorn runs on, and nobody means it."""


def kind_of(file: str) -> str:
    """Return the kind of a dependency file, by the name in its path; raise UserError for an unknown one."""
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or not path.name:
        raise UserError(f"file is {file!r}; it must be a path within the source, such as services/web/requirements.txt")
    if path.name in KINDS:
        return path.name
    if path.suffix in (".txt", ".in") or is_bare_requirements(path):
        return REQUIREMENTS
    raise UserError(
        f"file is {file!r}; its name must be {', '.join(KINDS)} or end in .txt or .in, which makes it requirements "
        f"for pip (without an extension where it is called requirements, or lies in a directory of that name), or else be {NO_FILE!r}"
    )


def is_bare_requirements(path: PurePosixPath) -> bool:
    """Return whether a file without an extension is requirements for pip: by its own name, or by that of its directory."""
    has_none = re.fullmatch(r"(?:\.\d+)?", path.suffix) is not None and not path.name.startswith(".")
    return has_none and (path.name.startswith("requirements") or path.parent.name == "requirements")


def find_dependency_problems(wishes: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """Find what is wrong with the dependency options of an app. Values that may contain credentials are not shown."""
    for find in (_find_package_problems, _find_python_problems, _find_index_problems):
        yield from (f"{where}{problem}" for problem in find(wishes))


def _find_package_problems(wishes: Mapping[str, Any]) -> Iterator[str]:
    if wishes["file"] not in (None, NO_FILE):
        try:
            kind_of(wishes["file"])
        except UserError as problem:
            yield str(problem)
    for number, package in enumerate(wishes["packages"]):
        if not re.fullmatch(r"[^\s#-][^\r\n]*", package):
            yield f"packages[{number}] must be a package as pip takes it, such as flask or flask==3.1.3, and no option"
    version = wishes["gunicorn_version"]
    if version is not None and not re.fullmatch(r"\d[\w.]*", version):
        yield f"gunicorn_version is {version!r}; it must be a version such as 27.0.1"
    for name in wishes["build_packages"]:
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name):
            yield f"build_packages has {name!r}; name Debian packages alone, as in [libpq-dev, build-essential]"


def _find_python_problems(wishes: Mapping[str, Any]) -> Iterator[str]:
    python = wishes["python"]
    if python is None or re.fullmatch(r"(/[\w@+.-]+)+", python):
        return
    series = re.fullmatch(r"3\.(\d+)", python)
    if series is None or int(series[1]) < _OLDEST:
        yield (
            f"python is {python!r}; it must be a version in quotes, such as '3.12' (without them YAML makes 3.1 of 3.10), "
            "or the path of an interpreter, such as /usr/bin/python3"
        )


def _find_index_problems(wishes: Mapping[str, Any]) -> Iterator[str]:
    wheels, index = wishes["wheels"], wishes["index_url"]
    if wheels is not None and (not wheels or re.search(r"\s", wheels) or ".." in PurePosixPath(wheels).parts):
        yield f"wheels is {wheels!r}; it must be a directory within the source, or one of the host such as /srv/wheels, without blanks"
    if index is not None and not re.fullmatch(r"(?:https?|file)://\S+", index):
        yield "index_url must be a URL such as https://user:password@pypi.example.com/simple"
    for key, value in wishes.get("environment", {}).items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            yield f"environment.{key} is {type(value).__name__}, and a variable holds text; put the value in quotes"
        else:
            yield from (f"environment: {problem}" for problem in find_environment_problems({str(key): str(value)}))
