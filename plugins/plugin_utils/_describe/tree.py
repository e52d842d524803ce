# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository as `describe` sees it: the paths of its files, and their texts. Nothing of it is imported or run."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._source.contents import ask_git
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import is_within

MOST_FILES, DEEPEST, LARGEST_CODE, LARGEST = 20_000, 20, 512 * 1024, 4 << 20
"""Files that are looked at, directories above one of them, and bytes of one of Python, and of another one, that is read."""

_NOT_SOURCE = frozenset(
    (
        *(".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".idea", ".vscode"),
        *("node_modules", "bower_components", "__pycache__", "site-packages", "venv", ".eggs"),
    )
)
"""Directories that tools have made."""


@dataclass(frozen=True)
class Tree:
    """The files of a repository, by their paths, and how one is read. A file that cannot be read is empty."""

    files: tuple[str, ...]
    read: Callable[[str], str]
    remarks: tuple[str, ...] = ()
    """What was passed over, and why."""

    known: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Tree:
        """Return the tree of some texts."""
        return cls(tuple(sorted(texts)), lambda path: texts.get(path, ""), (), frozenset(texts))

    def has(self, path: str) -> bool:
        """Return whether there is a file with this path."""
        return path in self.known

    def has_directory(self, path: str) -> bool:
        """Return whether a file lies below this path."""
        start = f"{path}/" if path else ""
        return any(file.startswith(start) for file in self.files)

    def below(self, directory: str) -> Tree:
        """Return the tree of one of its directories."""
        if not directory:
            return self
        start = f"{directory}/"
        files = tuple(path[len(start) :] for path in self.files if path.startswith(start))
        return Tree(files, lambda path: self.read(start + path), self.remarks, frozenset(files))

    def named(self, *names: str) -> list[str]:
        """Return the paths of files with one of these names, the nearest first."""
        found = [path for path in self.files if posixpath.basename(path) in names]
        return sorted(found, key=lambda path: (path.count("/"), path))


def read_tree(top: Path) -> Tree:
    """Return the tree of a directory. Links out of it, what git ignores, and what tools have made are no part of it."""
    if not top.is_dir():
        raise UserError(f"the source {top} is not a directory on this computer")
    files, remarks = _walk(top)
    if any(posixpath.basename(path) == ".gitignore" for path in files):
        # Asked from an empty repository: the settings of this one, which may name programs, do not count.
        listed = ask_git(top, "ls-files", "-z", "--others", "--exclude-standard")
        kept = set(listed.split("\0"))
        files = [path for path in files if path in kept] if listed else files

    @cache
    def read(path: str) -> str:
        return _read(top / path)

    return Tree(tuple(sorted(files)), read, tuple(remarks), frozenset(files))


def _walk(top: Path) -> tuple[list[str], list[str]]:
    files: list[str] = []
    remarks: list[str] = []
    folders = [""]
    while folders:
        folder = folders.pop(0)
        try:
            entries = sorted(os.scandir(top / folder), key=lambda entry: entry.name)
        except OSError:
            remarks.append(f"{folder!r} cannot be read, and was passed over")
            continue
        for entry in entries:
            path = posixpath.join(folder, entry.name)
            if len(files) == MOST_FILES:
                remarks.append(f"there are more than {MOST_FILES} files; the rest was passed over")
                return files, remarks
            if entry.is_symlink() and not is_within(top / path, top):
                remarks.append(f"{path!r} is a link out of the repository; a deploy refuses it")
            elif (top / path).is_file():
                files.append(path)
            elif entry.is_dir(follow_symlinks=False) and not _is_made(entry):
                folders.append(path)
                if path.count("/") >= DEEPEST:
                    folders.pop()
                    remarks.append(f"{path[:80]!r} is more than {DEEPEST} directories deep, and was passed over")
    return files, remarks


def _is_made(entry: os.DirEntry[str]) -> bool:
    return entry.name in _NOT_SOURCE or entry.name.endswith(".egg-info") or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def _read(path: Path) -> str:
    """Return the text of a file; nothing of one that is too large, binary, or no file any more."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with open(number, "rb") as file:
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode) or status.st_size > (LARGEST_CODE if path.suffix == ".py" else LARGEST):
                return ""
            content = file.read(LARGEST + 1)
    except OSError:
        return ""
    if b"\0" in content:
        return ""
    return content.decode("utf-8-sig", "replace")
