# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of an app's files says what to install, and what identifies the environment that comes of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem

_RECIPE = 1
"""Raised when the way in which environments are built changes what is in them."""

LOCK, PIPFILE, REQUIREMENTS, PACKAGES = "Pipfile.lock", "Pipfile", "requirements.txt", "packages"

_INCLUDE = re.compile(r"(?:-[rc]\s*|--(?:requirement|constraint)(?:\s+|\s*=\s*))(?P<name>\S+)")
_LOCAL_OPTION = re.compile(r"-e|-f|--editable\b|--find-links\b")
_LOCAL_REQUIREMENT = re.compile(r"\.|file:|.*[ @]file:|[^:]*/|[^:]*\.(?:whl|zip|tar\.\w+|tgz)\b")
_LOCAL_IN_PIPFILE = re.compile(r"\b(?:path|editable)\s*=|\bfile\s*=\s*[\"'](?!https?:)")


@dataclass(frozen=True)
class Dependencies:
    """What to install: the file that decides, the texts that count, and the packages named besides.

    `local` says that the files name something in the source itself, so that every build needs its own environment.
    """

    kind: str
    texts: tuple[tuple[str, str], ...]
    packages: tuple[str, ...]
    local: bool = False

    def identify(self, *, python: str, gunicorn: str, build: str) -> str:
        """Return the identifier of the environment for a version of Python and of gunicorn."""
        source = build if self.local else ""
        return digest_of([_RECIPE, self.kind, self.texts, self.packages, python, gunicorn, source])


def choose_dependencies(source: Path, packages: Sequence[str]) -> Dependencies:
    """Return what an app needs: of the first of Pipfile.lock, Pipfile and requirements.txt that it has, and the named packages."""
    for kind, names in ((LOCK, (PIPFILE, LOCK)), (PIPFILE, (PIPFILE,)), (REQUIREMENTS, (REQUIREMENTS,))):
        if not (source / kind).is_file():
            continue
        if kind == LOCK and not (source / PIPFILE).is_file():
            raise Problem("the source has a Pipfile.lock and no Pipfile; pipenv needs both, so commit the Pipfile too")
        texts = read_requirements(source, REQUIREMENTS) if kind == REQUIREMENTS else [(name, _read(source, name)) for name in names]
        local = any(names_local_source(name, text) for name, text in texts)
        return Dependencies(kind, tuple(texts), tuple(packages), local)
    if not packages:
        raise Problem(
            "the source has no Pipfile.lock, Pipfile or requirements.txt, and no packages are named; "
            "add one of the files, or name what to install: `dependencies: {packages: [flask]}`"
        )
    return Dependencies(PACKAGES, (), tuple(packages))


def read_requirements(source: Path, name: str, seen: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
    """Return a requirements file and all that it includes, each with its text, in the order of inclusion."""
    if name in seen:
        return []
    text = _read(source, name)
    texts = [(name, text)]
    for line in text.splitlines():
        match = _INCLUDE.match(line.strip())
        if match and "://" not in match["name"]:
            included = str(_normalise(PurePosixPath(name).parent / match["name"]))
            texts += read_requirements(source, included, seen | {name})
    return texts


def names_local_source(name: str, text: str) -> bool:
    """Return whether a dependency file names a part of the source, such as `-e .` or `./vendor/thing.whl`.

    In doubt it does: that costs an environment of its own for each build, while the opposite mistake would leave old code in use.
    """
    if name == LOCK:
        return False  # its Pipfile says it
    if name == PIPFILE:
        return _LOCAL_IN_PIPFILE.search(text) is not None
    return any(map(_is_local_requirement, text.splitlines()))


def _is_local_requirement(line: str) -> bool:
    line = re.sub(r"(?:^|\s)#.*|\s;.*", "", line).strip()
    return (_LOCAL_OPTION if line.startswith("-") else _LOCAL_REQUIREMENT).match(line) is not None


def _read(source: Path, name: str) -> str:
    path = source / name
    if not path.resolve().is_relative_to(source.resolve()):
        raise Problem(f"{name} leads out of the source")
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise Problem(f"the requirements include {name}, which the source does not have") from None
    except UnicodeDecodeError:
        raise Problem(f"{name} is not UTF-8 text") from None


def _normalise(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
