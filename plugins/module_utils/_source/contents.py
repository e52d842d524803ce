# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build has to hold: the places that a description names, and what it holds without anybody having said what becomes of it."""

from __future__ import annotations

import os
import posixpath
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import NO_FILE
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import is_within

Places = Mapping[str, Sequence[str]]
"""Paths within a build by the keys that name them."""

FILES = ("env_files", "dependencies.file", "gunicorn.config", "processes", "maintenance.page")
"""Keys that name files. The others name directories."""

TOLD_LATER = ("dependencies.file", "dependencies.wheels")
"""Keys that are looked at again where they are used, with better advice; here they are told only where git is the reason."""

IGNORED = "git ignores it"
EMPTY = "it is empty there, and git and archives keep no empty directories; put a file into it, such as .gitkeep"
LEFT_OUT = "it is there, but virtualenvs and byte code are no part of a source"
"""Why a place is not in a build although the source seems to have it."""

_DATABASE = b"SQLite format 3\0"
_ENDINGS = (".db", ".db3", ".sqlite", ".sqlite3")

_TIMEOUT = 60
"""Seconds that git may take to tell what it ignores."""


def list_lacking(build: Path, places: Places, shared: Iterable[str]) -> list[tuple[str, str]]:
    """Return the keys and paths of the places that a build does not have. What is shared is made when it is missing."""
    tops = tuple(shared)
    return [
        (key, path)
        for key, paths in places.items()
        for path in paths
        if not any(path == top or path.startswith(f"{top}/") for top in tops) and not _has(build, path, is_file=key in FILES)
    ]


def _has(build: Path, path: str, *, is_file: bool) -> bool:
    place = build / path
    return (place.is_file() if is_file else place.is_dir()) and is_within(place, build)


def require_places(build: Path, places: Places, shared: Iterable[str], reasons: Mapping[str, str], *, commands: bool = False) -> None:
    """Raise UserError if a build lacks a place that the description names; `reasons` say why, by the path.

    `commands` is whether commands were run that could have made it.
    """
    lacking = list_lacking(build, places, shared)
    unknown = [path for _key, path in lacking if path not in reasons]
    known = {**(find_ignored(build, unknown) if unknown else {}), **reasons}
    problems = [
        _describe_lack(key, path, known.get(path, ""), commands=commands)
        for key, path in lacking
        if key not in TOLD_LATER or known.get(path, "").startswith(IGNORED)
    ]
    if problems:
        raise UserError("; ".join(problems))


def _describe_lack(key: str, path: str, reason: str, *, commands: bool) -> str:
    owner = "which neither the source has nor `build_commands` made" if commands else "which the source does not have"
    made = "" if commands else ", or let a command make it on the host: `build_commands`"
    if reason.startswith(IGNORED):
        advice = "so it is no part of the source. Take it out of .gitignore and commit it" + (made if key == "static.paths" else "")
        if key == "env_files":
            advice = "so it is no part of the source. Give the variables in `env`, whose secrets a vault can hold"
        return f"`{key}` names {path!r}, {owner}: {reason}, {advice}"
    if key == "processes" and not reason:
        return f"`processes: {path}` takes the processes from the source, and {NO_FILE}"
    advice = f": {reason}" if reason else "; correct the path" + (made if key == "static.paths" else "")
    return f"`{key}` names {path!r}, {owner}{advice}"


def explain_absences(top: Path, files: Sequence[PurePosixPath], places: Places) -> dict[str, str]:
    """Return why places that a directory on the controller has are not among its files that are source, by their paths."""
    reasons = {}
    source = {str(path) for path in files} | {str(parent) for path in files for parent in path.parents}
    for path in {posixpath.normpath(path) for paths in places.values() for path in paths} - source:
        place = top / path
        if not os.path.lexists(place):
            continue
        if place.is_dir() and not any(names for _folder, _folders, names in os.walk(place)):
            reasons[path] = EMPTY
        else:
            ignored = find_ignored(top, [path], repository=True)
            reasons[path] = ignored.get(path, LEFT_OUT)
    return reasons


def find_ignored(top: Path, paths: Sequence[str], *, repository: bool = False) -> dict[str, str]:
    """Return which of these paths are left out by the .gitignore files in a tree, or in the `repository` that it is in.

    Each comes with the line that does it; git is asked.
    """
    found = {}
    for path in paths:
        # Of a directory, its name may be ignored, or all that is in it.
        asked = (path, f"{path}/", posixpath.join(path, "x"))
        said = ask_git(top, "check-ignore", "--no-index", "--verbose", "--", *asked, repository=repository).splitlines()
        lines = [line.partition("\t")[0].split(":", 2) for line in said]
        if line := next((line for line in lines if len(line) == 3 and not line[2].startswith("!")), None):
            found[path] = f"{IGNORED} (line {line[1]} of {line[0]}: `{line[2]}`)"
    return found


def ask_git(top: Path, *arguments: str, given: str = "", repository: bool = False) -> str:
    """Return what git says of a tree; nothing where git is missing.

    The tree counts as one that is in no repository, or with `repository` as a part of the one that it is in.
    """
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    if repository:
        command = ["git", "-c", "safe.directory=*", "-C", str(top), *arguments]
        try:
            ended = subprocess.run(command, env=variables, input=os.fsencode(given), check=False, capture_output=True, timeout=_TIMEOUT)
        except FileNotFoundError:
            return ""
        if ended.returncode == 0:
            return os.fsdecode(ended.stdout)
    variables |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    try:
        with tempfile.TemporaryDirectory() as empty:
            subprocess.run(["git", "init", "--quiet", "--bare", empty], env=variables, check=True, capture_output=True)
            called = ["git", "-c", "core.quotePath=false", f"--git-dir={empty}", f"--work-tree={top}", *arguments]
            return subprocess.run(
                called, cwd=top, env=variables, input=os.fsencode(given), check=False, capture_output=True, timeout=_TIMEOUT
            ).stdout.decode(errors="surrogateescape")
    except (FileNotFoundError, subprocess.SubprocessError):
        return ""


def find_passed_over(build: Path, places: Places) -> str:
    """Return the configuration file of gunicorn that a build has where gunicorn starts, and that the description says nothing of."""
    (directory,) = places.get("chdir", ["."])
    path = posixpath.normpath(f"{directory}/gunicorn.conf.py")
    return path if "gunicorn.config" not in places and (build / path).is_file() else ""


def describe_passed_over(path: str) -> str:
    """Return what somebody has to know of such a file."""
    return (
        f"the source has {path}, which gunicorn would read by itself; here it does not count. Take its settings and hooks with "
        f"`gunicorn: {{config: {path}}}`, or say that it is meant for elsewhere: `gunicorn: {{config: none}}`"
    )


def find_databases(build: Path) -> list[str]:
    """Return the SQLite databases in a build, which the app could not write to; links to shared data are none."""
    found = []
    for folder, folders, files in os.walk(build):
        if folder == str(build):
            folders[:] = [name for name in folders if name != ".shared"]
        found += [os.path.join(folder, name) for name in files if name.endswith(_ENDINGS) and _is_database(os.path.join(folder, name))]
    return sorted(os.path.relpath(file, build) for file in found)


def _is_database(path: str) -> bool:
    if os.path.islink(path) or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(len(_DATABASE)) == _DATABASE


def describe_databases(paths: Sequence[str]) -> str:
    """Return what somebody has to know of databases that come with the source."""
    shown = ", ".join(paths)
    return (
        f"the source has a SQLite database, {shown}, which is read-only there: a request that writes to it fails. If the app writes to it, "
        f"declare it: `shared: {{files: [{shown}]}}`. It then begins with what the source has in it, and each release keeps what the app "
        "has written since"
    )
