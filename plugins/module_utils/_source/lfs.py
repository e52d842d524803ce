# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git LFS: files of which a commit holds no more than a pointer, and whose content lies on a server beside."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._source.contents import ask_git

_HEAD = b"version https://git-lfs.github.com/spec/"
_SIZE = re.compile(rb"^size (\d+)$", re.MULTILINE)
_LONGEST = 1024
"""Bytes of a pointer: "The pointer" in the specification of Git LFS."""

_MOST_NAMED = 3


def find_pointers(top: Path, files: Iterable[PurePosixPath] | None = None, *, repository: bool = False) -> dict[str, int]:
    """Return the files of a tree that are pointers, with the sizes in bytes of what they stand for.

    They look like one, and the attributes of git have the filter `lfs` for them: those in the tree, or with `repository` those of the
    repository that it is in.
    """
    found = {}
    for path in _list_files(top) if files is None else map(str, files):
        if (size := _read_pointer(top / path)) is not None:
            found[path] = size
    if not found:
        return {}
    asked = ["check-attr", "-z", "--stdin", "filter"]
    said = ask_git(top, *asked, given="".join(f"{path}\0" for path in found), repository=repository).split("\0")
    return {path: found[path] for path, _filter, value in zip(said[::3], said[1::3], said[2::3]) if value == "lfs" and path in found}


def _list_files(top: Path) -> Iterator[str]:
    for folder, _folders, names in os.walk(top):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), top)


def _read_pointer(file: Path) -> int | None:
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LONGEST:
        return None
    content = file.read_bytes()
    size = _SIZE.search(content)
    return int(size[1]) if size and content.startswith(_HEAD) else None


def describe_pointers(pointers: Mapping[str, int], where: str, advice: str) -> str:
    """Return what is wrong with a source that has pointers and no content."""
    names = sorted(pointers)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return (
        f"{where} has only pointers of Git LFS in the place of {', '.join(names[:_MOST_NAMED])}{more}: {advice}. "
        "An app that does not need them takes the pointers as they are with `source.lfs: false`"
    )
