# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the file of an app that says what to install, and identify the environment that results."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment import locks, project_files, projects
from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import (
    KINDS,
    LOCK,
    NO_FILE,
    PACKAGES,
    PIPFILE,
    PROJECT_LOCKS,
    PYLOCK,
    PYPROJECT,
    REQUIREMENTS,
    is_bare_requirements,
    kind_of,
)
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Demand
from ansible_collections.webstack.flask.plugins.module_utils._environment.redirections import (
    INDEX,
    VERSIONS,
    Redirection,
    describe_redirections,
    find_redirections,
    list_constraints,
)
from ansible_collections.webstack.flask.plugins.module_utils._environment.requirements import (
    list_local_directories,
    names_local,
    split_hashed,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import is_within

_RECIPE = 3
"""To be incremented when environments are built differently."""

_INCLUDE = re.compile(r"(?:-[rc]\s*|--(?:requirement|constraint)(?:\s+|\s*=\s*))(?P<name>\S+)")
_LOCAL_IN_PIPFILE = re.compile(r"\b(?:path|editable)\s*=|\bfile\s*=\s*[\"'](?!https?:)")
_MOST_FILES, _LARGEST_FILE = 200, 4 << 20
"""Files that requirements may include, and bytes of a file that says what to install."""

UV_SETTINGS = "uv.toml"

_DEPTH = 3
_HINTS = 5
"""How deep to search for files that the user may have meant, and how many to show."""


@dataclass(frozen=True)
class Outline:
    """What distinguishes the dependencies of one source from those of another, without secrets.

    A check run takes it from a build that does not stay. `digests` are those of the texts that count. `local` says that the files name
    something in the source itself, so that every build needs its own environment. `demand` is what they demand of Python. `lack` is
    what to say if no packages are named either. `redirections` are what pip does not follow.
    """

    kind: str
    file: str = ""
    digests: tuple[tuple[str, str], ...] = ()
    local: bool = False
    demand: Demand | None = None
    lack: str = ""
    redirections: tuple[Redirection, ...] = ()

    def identify(
        self, *, packages: Sequence[str], wheels: str | None, series: str, additions: Sequence[str], build: str, index: str | None = None
    ) -> str:
        """Return the identifier of the environment for a series of Python, and what is added where nothing else brings it.

        `index` is the one that the description names.

        A new patch level of Python is no new environment: it links to the interpreter that Debian has just mended, and compiled
        packages fit every patch level of a series. Raise UserError if there is nothing to install, or if it would come from
        elsewhere than the source says.
        """
        if problems := self.find_problems(packages=packages, wheels=wheels, index=index):
            raise UserError(join_problems(problems))
        source = build if self.local or _is_in_source(wheels) else ""
        return digest_of([_RECIPE, self.kind, self.file, self.digests, list(packages), series, additions, source])

    def find_problems(self, *, packages: Sequence[str], wheels: str | None, index: str | None = None) -> list[str]:
        """Return why nothing can be installed of it as it is described, whichever Python there is."""
        problems = [self.lack] if self.lack and not packages else []
        if passed_over := [one for one in self.redirections if _is_passed_over(one, wheels, index)]:
            problems.append(describe_redirections(self.file, passed_over))
        return problems

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain data, for a module's result or option."""
        demand = [self.demand.text, self.demand.place] if self.demand else None
        redirections = [[one.tool, one.kind, one.phrase, one.package] for one in self.redirections]
        return {**vars(self), "digests": [list(pair) for pair in self.digests], "demand": demand, "redirections": redirections}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Outline:
        """Return the outline from the result of `outline_dependencies`; raise UserError if that is an error."""
        if plain.get("error"):
            raise UserError(plain["error"])
        demand = Demand(*plain["demand"]) if plain["demand"] else None
        digests = tuple((name, digest) for name, digest in plain["digests"])
        redirections = tuple(Redirection(*words) for words in plain["redirections"])
        return cls(plain["kind"], plain["file"], digests, bool(plain["local"]), demand, plain["lack"], redirections)


def _is_passed_over(one: Redirection, wheels: str | None, index: str | None) -> bool:
    """Return whether a redirection still matters: nobody's package comes from a directory of wheels, or from an index that is named."""
    return one.kind == VERSIONS or not (wheels or (index and one.kind == INDEX))


@dataclass(frozen=True)
class Dependencies:
    """What to install: what the source says, in short and in its own words, and the packages named besides.

    `listed` are requirements that a file holds in a form that pip cannot read by itself, and `constraints` what limits all versions.
    `content` is that of a pyproject.toml, and `has_package_info` whether a PKG-INFO lies beside it, as in what was published.
    """

    outline: Outline
    texts: tuple[tuple[str, str], ...] = ()
    packages: tuple[str, ...] = ()
    wheels: str | None = None
    listed: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    content: Mapping[str, Any] = field(default_factory=dict)
    has_package_info: bool = False

    @property
    def kind(self) -> str:
        """What kind of file decides; a word for none."""
        return self.outline.kind

    @property
    def file(self) -> str:
        """The file that decides, by its path within the source."""
        return self.outline.file

    @property
    def needs_source(self) -> bool:
        """Whether something of the source itself is installed, or installed from."""
        return self.outline.local or _is_in_source(self.wheels)

    @property
    def directory(self) -> PurePosixPath:
        """Where in the source paths within the file begin: beside it, or above a directory that is called `requirements`."""
        parent = PurePosixPath(self.file).parent
        return parent.parent if self.kind == REQUIREMENTS and parent.name == "requirements" else parent

    def describe_stale_lock(self) -> str:
        """Return what to say of a lock that lacks what its project names, as far as that shows without the tool that has made it."""
        texts = dict(self.texts)
        if self.kind == LOCK:
            (_pipfile, pipfile), (_lock, lock) = self.texts
            gaps = project_files.find_lock_gaps(pipfile, lock)
            return project_files.describe_lock_mismatch(gaps) if gaps else ""
        if self.kind not in PROJECT_LOCKS:
            return ""
        gaps = locks.find_gaps(texts[self.file], project_files.list_named(self.content))
        return locks.describe_mismatch(self.file, locks.COMMANDS[self.kind], gaps, can_ignore=locks.can_ignore(self.kind)) if gaps else ""

    def name(self, package: str) -> bool:
        """Return whether the app itself names a package, so that it chooses the version."""
        pattern = re.compile(rf"(?<![\w.-]){re.escape(package)}(?![\w-])", re.IGNORECASE)
        return any(pattern.search(text) for _name, text in (*self.texts, *(("", package) for package in self.packages)))


def join_problems(problems: Sequence[str]) -> str:
    """Return what is wrong in one message, so that all of it can be mended before the next run."""
    return ". Besides, ".join(problem.rstrip(".") for problem in problems)


def outline_dependencies(source: Path, file: str | None) -> dict[str, Any]:
    """Return the outline of a source's dependencies, or what is wrong with them, as plain data."""
    try:
        return _read_dependencies(source, file).outline.to_plain()
    except UserError as problem:
        return {"error": str(problem)}


def choose_dependencies(source: Path, *, packages: Sequence[str], file: str | None = None, wheels: str | None = None) -> Dependencies:
    """Return what an app needs: of the file that is asked for, else of the first that it has at its top; and the named packages.

    `wheels` is where packages are taken from; within the source, they are a part of it.
    """
    return replace(_read_dependencies(source, file), packages=tuple(packages), wheels=wheels)


def _read_dependencies(source: Path, file: str | None) -> Dependencies:
    chosen = _choose_file(source, file)
    if chosen is None:
        return Dependencies(Outline(PACKAGES, lack="" if file == NO_FILE else _describe_lack(source)))
    kind = kind_of(chosen)
    if kind == PYPROJECT:
        return _read_project(source, chosen)
    if kind in PROJECT_LOCKS:
        return _read_locked_project(source, chosen, kind)
    texts = _read_texts(source, chosen, kind)
    local = any(names_local_source(kind, text) for _name, text in texts)
    demand = None if kind == REQUIREMENTS else project_files.find_pipfile_demand(*texts[0])
    redirections = _find_redirected_members(source, chosen, texts) if kind == REQUIREMENTS and local else []
    return Dependencies(Outline(kind, chosen, _digest(texts), local, demand, redirections=tuple(redirections)), tuple(texts))


def _choose_file(source: Path, file: str | None) -> str | None:
    if file == NO_FILE:
        return None
    if file:
        if not (source / file).is_file():
            raise UserError(f"`dependencies.file` is {file!r}, which the source does not have{_hint(source, 'it has')}")
        return file
    return next((kind for kind in KINDS if _counts(source, kind)), None)


def _describe_lack(source: Path) -> str:
    return (
        f"the source has no {', '.join(KINDS[:-1])} or {KINDS[-1]} at its top, and no packages are named"
        f"{_hint(source, 'name a file that lies deeper in `dependencies.file`:')}; "
        "add one of the files, name what to install: `dependencies: {packages: [flask]}`, "
        f"or say that the app needs nothing but gunicorn: `dependencies: {{file: {NO_FILE}}}`"
    )


def _digest(texts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, hashlib.sha256(text.encode()).hexdigest()) for name, text in texts)


def _is_in_source(wheels: str | None) -> bool:
    return bool(wheels) and not str(wheels).startswith("/")


def _counts(source: Path, kind: str) -> bool:
    if not (source / kind).is_file():
        return False
    return kind != PYPROJECT or project_files.describes_a_project(project_files.read_toml(kind, _read(source, kind)))


def _hint(source: Path, words: str) -> str:
    found = sorted(_find_files(source, _DEPTH), key=lambda path: (path.count("/"), path))[:_HINTS]
    return f"; {words} {', '.join(found)}" if found else ""


def _find_files(directory: Path, depth: int, prefix: str = "") -> Iterator[str]:
    for path in directory.iterdir():
        if path.is_symlink() or path.name.startswith(".") or path.name == "node_modules":
            continue
        if path.is_dir() and depth:
            yield from _find_files(path, depth - 1, f"{prefix}{path.name}/")
        elif path.name in KINDS or _may_be_requirements(PurePosixPath(prefix + path.name)):
            yield prefix + path.name


def _may_be_requirements(path: PurePosixPath) -> bool:
    return is_bare_requirements(path) or (path.suffix == ".txt" and "requirements" in str(path))


def _read_texts(source: Path, file: str, kind: str) -> list[tuple[str, str]]:
    if kind == REQUIREMENTS:
        return read_requirements(source, file)
    pipfile = str(PurePosixPath(file).with_name(PIPFILE))
    if kind == LOCK and not (source / pipfile).is_file():
        raise UserError("the source has a Pipfile.lock and no Pipfile; pipenv needs both, so commit the Pipfile too")
    return [(name, _read(source, name)) for name in dict.fromkeys((pipfile, file))]


def _read_project(source: Path, file: str) -> Dependencies:
    texts = [(file, _read(source, file))]
    content = project_files.read_toml(*texts[0])
    demand = project_files.find_project_demand(file, content)
    installable = project_files.is_installable(content) and not projects.is_no_package(content)
    listed = () if installable else tuple(project_files.list_project_dependencies(content))
    local = installable or projects.names_paths(content)
    root_file, root = _find_workspace(source, file)
    settings = str(PurePosixPath(root_file or file).with_name(UV_SETTINGS))
    uv = [project_files.read_toml(settings, _read(source, settings))] if (source / settings).is_file() else []
    redirections = find_redirections(content, uv, root)
    constraints = list_constraints(root or content, uv)
    digests = _digest([*texts, ("constraints", "\n".join(constraints))] if constraints else texts)
    outline = Outline(PYPROJECT, file, digests, local, demand, redirections=tuple(redirections))
    published = (source / file).with_name("PKG-INFO").is_file()
    return Dependencies(outline, tuple(texts), listed=listed, constraints=tuple(constraints), content=content, has_package_info=published)


def _find_redirected_members(source: Path, file: str, texts: Sequence[tuple[str, str]]) -> list[Redirection]:
    """Return what redirects dependencies of projects of the source that requirements name, where pip would resolve them."""
    if split_hashed(dict(texts))[1]:
        return []  # they are installed without their dependencies, which have hashes
    directory = Dependencies(Outline(REQUIREMENTS, file)).directory
    found: dict[Redirection, None] = {}
    for path in list_local_directories(text for _name, text in texts):
        name = str(_normalise(directory / path / PYPROJECT))
        if not PurePosixPath(name).is_absolute() and is_within(source / name, source) and (source / name).is_file():
            project = _read_project(source, name).outline.redirections
            found.update(dict.fromkeys(one for one in project if not _is_named(one, texts)))
    return list(found)


def _is_named(one: Redirection, texts: Sequence[tuple[str, str]]) -> bool:
    """Return whether requirements name a redirected package by themselves, so that they say where it comes from."""
    return bool(one.package) and Dependencies(Outline(REQUIREMENTS), tuple(texts)).name(one.package)


def _find_workspace(source: Path, file: str) -> tuple[str, dict[str, Any] | None]:
    """Return the pyproject.toml above a project's that makes it a member of uv's workspace, and its content; nothing if none does."""
    for parent in list(PurePosixPath(file).parents)[1:]:
        name = str(parent / PYPROJECT)
        if (source / name).is_file():
            content = project_files.read_toml(name, _read(source, name))
            if "workspace" in project_files.get_table(project_files.get_table(content, "tool"), "uv"):
                return name, content
    return "", None


def _read_locked_project(source: Path, file: str, kind: str) -> Dependencies:
    """Return what the lock of a pyproject.toml says, which lies beside it; a pylock.toml may be alone."""
    project = str(PurePosixPath(file).with_name(PYPROJECT))
    lock = (file, _read(source, file))
    if not (source / project).is_file():
        if kind != PYLOCK:
            raise UserError(f"the source has {file} and no {project} beside it; a lock is of use with its project only, so commit both")
        texts: tuple[tuple[str, str], ...] = (lock,)
        content: dict[str, Any] = {}
    else:
        texts = ((project, _read(source, project)), lock)
        content = project_files.read_toml(*texts[0])
    demand = project_files.find_project_demand(project, content)
    if demand is None and kind == PYLOCK and (demanded := locks.find_lock_demand(lock[1])):
        demand = Demand(demanded, f"requires-python in {file}")
    itself = locks.installs_itself(kind, content, installable=project_files.is_installable(content))
    return Dependencies(Outline(kind, file, _digest(texts), itself or locks.names_local_lock(lock[1]), demand), texts, content=content)


def read_requirements(source: Path, name: str) -> list[tuple[str, str]]:
    """Return a requirements file and all that it includes, each once with its text, in the order of inclusion."""
    texts: dict[str, str] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name in texts:
            continue
        if len(texts) == _MOST_FILES:
            raise UserError(f"the requirements include more than {_MOST_FILES} files; put what they name into fewer")
        texts[name] = _read(source, name)
        waiting += reversed(_list_included(name, texts[name]))
    return list(texts.items())


def _list_included(name: str, text: str) -> list[str]:
    matches = (_INCLUDE.match(line.strip()) for line in text.splitlines())
    return [str(_normalise(PurePosixPath(name).parent / match["name"])) for match in matches if match and "://" not in match["name"]]


def names_local_source(kind: str, text: str) -> bool:
    """Return whether a dependency file names a part of the source, such as `-e .` or `./vendor/thing.whl`.

    In doubt it does: that costs an environment of its own for each build, while the opposite mistake would leave old code in use.
    """
    if kind in (LOCK, PIPFILE):
        return _LOCAL_IN_PIPFILE.search(text) is not None
    return any(map(names_local, text.splitlines()))


def _read(source: Path, name: str) -> str:
    if "\0" in name:
        raise UserError(f"the requirements include {name!r}, which no file can be called")
    path = source / name
    if not is_within(path, source):
        raise UserError(f"{name} leads out of the source")
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UserError(f"{name} is no file")
            content = file.read(_LARGEST_FILE + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise UserError(f"the requirements include {name}, which the source does not have") from None
    if len(content) > _LARGEST_FILE:
        raise UserError(f"{name} has more than {_LARGEST_FILE} bytes, the most that a file of dependencies may have")
    try:
        return content.decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise UserError(f"{name} is not UTF-8 text") from None


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for a writer, in case it is a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _normalise(path: PurePosixPath) -> PurePosixPath:
    parts: list[str] = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
