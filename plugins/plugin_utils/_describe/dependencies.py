# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages an app asks for, and the file that says so."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import (
    KINDS,
    LOCK,
    PIPFILE,
    PROJECT_LOCKS,
    PYPROJECT,
    REQUIREMENTS,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import Ambiguous, Findings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import Tree

_REQUIREMENT = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[(?P<extras>[^\]]*)\])?")
_INCLUDE = re.compile(r"\s*(?:-r\s*|--requirement[\s=]+)(?P<path>\S+)")
_OTHER_FILE = re.compile(r"(?:.*/)?(?:requirements?|reqs|deps)(?:[-_.]\w+)*\.(?:txt|in)|requirements/[\w.-]+\.(?:txt|in)", re.IGNORECASE)
_FOR_OTHERS = re.compile(r"dev|develop|test|ci|doc|lint|local|mypy|style|debug|build|tox|optional|gpu|windows|heroku", re.IGNORECASE)
_FOR_PRODUCTION = re.compile(r"prod|deploy|server|live", re.IGNORECASE)
_COMMON = ("base", "main", "common", "default", "requirements", "app", "core", "all")
_DEEPEST = 5
_LONGEST_HEADER = 300
_ITEM = re.compile(r"(?P<comment>#[^\n]*)|\"(?P<first>[^\"\n]*)\"|'(?P<second>[^'\n]*)'|(?P<end>\])")


@dataclass(frozen=True)
class Dependencies:
    """What an app asks for."""

    file: str = ""
    """The file that counts, by its path in the source."""

    names: Mapping[str, str] = field(default_factory=dict)
    """The packages, in lower case with hyphens, and their extras."""

    python: str = ""
    """Which Python is demanded, and where."""

    is_project: bool = False
    """Whether the source is itself a package, which is installed."""

    def __contains__(self, name: str) -> bool:
        """Return whether a package is asked for."""
        return name in self.names

    def any_of(self, *names: str) -> str:
        """Return the first of some packages that is asked for; nothing if none is."""
        return next((name for name in names if name in self.names), "")


def sections(text: str) -> dict[str, str]:
    """Return the tables of a TOML file by their names, as text: enough to see what is in them, and never an error."""
    found: dict[str, list[str]] = {"": []}
    current = found[""]
    for line in text.splitlines():
        if len(line) <= _LONGEST_HEADER and (
            match := re.fullmatch(r"\s*\[\[?\s*([^\[\]\"]+|[^\[\]]*\"[^\"]*\"[^\[\]]*)\s*\]?\]\s*(?:#.*)?", line)
        ):
            current = found.setdefault(match[1].strip().replace('"', ""), [])
        else:
            current.append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def value_of(section: str, key: str) -> str:
    """Return the text of a key in a table of a TOML file; nothing if there is none."""
    found = re.search(rf"(?m)^[ \t]*{re.escape(key)}[ \t]*=[ \t]*[\"']([^\"'\n]*)[\"']", section)
    return found[1] if found else ""


def _array_of(section: str, key: str) -> list[str]:
    start = re.search(rf"(?m)^[ \t]*{re.escape(key)}[ \t]*=[ \t]*\[", section)
    items: list[str] = []
    for found in _ITEM.finditer(section, start.end()) if start else ():
        if found["end"]:
            break
        if found["first"] is not None or found["second"] is not None:
            items.append(found["first"] or found["second"] or "")
    return items


def is_manifest(tree: Tree, path: str) -> bool:
    """Return whether a file says what to install: a pyproject.toml with settings of tools alone does not."""
    if posixpath.basename(path) != PYPROJECT:
        return True
    tables = sections(tree.read(path))
    return "tool.poetry.dependencies" in tables or "project" in tables or "tool.flit.metadata" in tables


def find_file(tree: Tree) -> tuple[str, str]:
    """Return the file at the top of a tree that counts by itself, or else another one that has to be named; and how it was chosen."""
    kinds = [kind for kind in KINDS if tree.has(kind)]
    top = [kind for kind in kinds if is_manifest(tree, kind)]
    if top and (top[0] == kinds[0] or top[0] in (LOCK, PIPFILE, REQUIREMENTS)):
        return top[0], ""
    others = [path for path in tree.files if path.count("/") <= 1 and _OTHER_FILE.fullmatch(path) and path.count("/") == _depth_of(path)]
    if not others:
        return "", ""
    if len(others) == 1:
        return others[0], "the only file of requirements"
    usable = [path for path in others if not _FOR_OTHERS.search(posixpath.basename(path))] or others
    production = [path for path in usable if _FOR_PRODUCTION.search(path)]
    common = [path for path in usable if re.sub(r"^requirements?[-_.]", "", _stem(path)) in _COMMON or _stem(path) == "requirements"]
    chosen = production or (usable if len(usable) == 1 else common)
    texts = [path for path in chosen if path.endswith(".txt")] or chosen
    if len(texts) == 1:
        return texts[
            0
        ], "of the files of requirements, the one that is for production" if production else "the file of requirements for all"
    raise Ambiguous("several files say what to install", [f"flask_dependencies_file={path}" for path in texts or usable])


def is_file(path: str) -> bool:
    """Return whether a file is called like one that says what to install."""
    return posixpath.basename(path) in KINDS or _OTHER_FILE.fullmatch(posixpath.basename(path)) is not None


def find_own_file(tree: Tree) -> str:
    """Return the file that counts at the top of a tree; nothing if there is none. Of several it is any."""
    try:
        return find_file(tree)[0]
    except Ambiguous:
        return REQUIREMENTS


def _depth_of(path: str) -> int:
    return 1 if path.startswith("requirements/") else 0


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0].lower()


def read_dependencies(tree: Tree, chosen: str = "") -> tuple[Dependencies, str]:
    """Return what an app asks for, and why this file counts if it is not the first one at the top."""
    file, why = (chosen, "chosen by `flask_dependencies_file`") if chosen else find_file(tree)
    tables = sections(tree.read(PYPROJECT)) if tree.has(PYPROJECT) else {}
    names: dict[str, str] = {}
    for path in dict.fromkeys((file, *(_beside(file) if file else ()))):
        if path and tree.has(path):
            for name, extras in _list_names(tree, path):
                key = normalise(name)
                names[key] = ",".join(filter(None, (names.get(key, ""), extras)))
    is_project = file in (PYPROJECT, *PROJECT_LOCKS) and "build-system" in tables and not _says_no_package(tables)
    return Dependencies(file, names, _find_python(tree, file, tables), is_project or _names_itself(tree, file)), why


def normalise(name: str) -> str:
    """Return the name of a package as indexes have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _names_itself(tree: Tree, file: str) -> bool:
    return bool(file.endswith((".txt", ".in")) and re.search(r"(?m)^[ \t]*(?:-e[ \t]+)?\.(?:\[[^\]\n]*\])?[ \t]*$", tree.read(file)))


def _says_no_package(tables: Mapping[str, str]) -> bool:
    said = {"tool.poetry": "package-mode", "tool.uv": "package", "tool.pdm": "distribution"}
    return any(re.search(rf"(?m)^[ \t]*{key}[ \t]*=[ \t]*false", tables.get(table, "")) for table, key in said.items())


def _beside(file: str) -> tuple[str, ...]:
    """Return the files that belong to a lock: what the app itself asks for stands there."""
    if file == LOCK:
        return (PIPFILE,)
    return (PYPROJECT,) if file in PROJECT_LOCKS or file.startswith("pylock.") else ()


def _list_names(tree: Tree, path: str) -> Iterator[tuple[str, str]]:
    name, text = posixpath.basename(path), tree.read(path)
    if name == LOCK:
        yield from ((package, "") for package in _read_pipfile_lock(text))
    elif name == PIPFILE:
        for line in sections(text).get("packages", "").splitlines():
            if found := re.match(r"\s*\"?(?P<name>[A-Za-z0-9][\w.-]*)\"?\s*=", line):
                extras = re.search(r"extras\s*=\s*\[([^\]]*)\]", line)
                yield found["name"], re.sub(r"[\"'\s]", "", extras[1]) if extras else ""
    elif name == PYPROJECT:
        yield from _list_names_of_project(sections(text))
    elif name.endswith((".lock", ".toml")):
        yield from ((found, "") for found in re.findall(r"(?m)^name = \"([^\"]+)\"", text))
    else:
        yield from _list_requirements(tree, path, 0)


def _list_names_of_project(tables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for line in _array_of(tables.get("project", ""), "dependencies"):
        if found := _REQUIREMENT.match(line):
            yield found["name"], found["extras"] or ""
    for line in tables.get("tool.poetry.dependencies", "").splitlines():
        if found := re.match(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*=", line):
            extras = re.search(r"extras\s*=\s*\[([^\]]*)\]", line)
            yield found["name"], re.sub(r"[\"'\s]", "", extras[1]) if extras else ""


def _list_requirements(tree: Tree, path: str, depth: int) -> Iterator[tuple[str, str]]:
    for line in tree.read(path).splitlines():
        if found := _INCLUDE.match(line):
            if depth < _DEEPEST:
                yield from _list_requirements(tree, posixpath.normpath(posixpath.join(posixpath.dirname(path), found["path"])), depth + 1)
        elif not line.lstrip().startswith(("#", "-")) and (found := _REQUIREMENT.match(line)):
            yield found["name"], found["extras"] or ""


def _read_pipfile_lock(text: str) -> list[str]:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return []
    default = said.get("default") if isinstance(said, dict) else None
    return [str(name) for name in default] if isinstance(default, dict) else []


def _find_python(tree: Tree, file: str, tables: Mapping[str, str]) -> str:
    """Return which Python the app asks for, and where."""
    if file in (PIPFILE, LOCK):
        for key in ("python_full_version", "python_version"):
            if found := value_of(sections(tree.read(PIPFILE)).get("requires", ""), key):
                return f"{found} ({PIPFILE})"
    if found := value_of(tables.get("project", ""), "requires-python") or value_of(tables.get("tool.poetry.dependencies", ""), "python"):
        return f"{found} ({PYPROJECT})"
    for path in ("runtime.txt", ".python-version", ".tool-versions"):
        if match := re.search(r"(?m)^[ \t]*(?:python[- ])?(\d\S*)", tree.read(path)):
            return f"{match[1]} ({path})"
    return ""


def describe(found: Dependencies, why: str, directory: str, tree: Tree, findings: Findings) -> None:
    """Add what an entry has to say of the dependencies."""
    if why:
        findings.add("dependencies.file", found.file, why)
    elif found.file:
        findings.remarks.append(f"what to install is in {posixpath.join(directory, found.file)}, which is found by itself")
    if found.python:
        findings.remarks.append(
            f"Python {found.python} is asked for; one that the machine has is found by itself, and nothing installs another one"
        )
    text = tree.read(PYPROJECT)
    if found.file == PYPROJECT and re.search(r"(?m)^\[tool\.uv\.sources", text):
        findings.remarks.append(
            "pyproject.toml sends a dependency elsewhere (tool.uv.sources); that takes a lock: commit what `uv lock` writes"
        )
    if any("git+ssh://" in tree.read(path) for path in dict.fromkeys((found.file, PYPROJECT, PIPFILE)) if path):
        findings.remarks.append(
            "a dependency is in a private repository (git+ssh); the installation needs a key: `dependencies: {ssh_key: …, known_hosts: …}`"
        )
