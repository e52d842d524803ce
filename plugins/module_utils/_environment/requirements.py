# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements files of pip, read line by line: what is local, and what cannot have a hash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

_LOCAL_OPTION = re.compile(r"-e|-f|--editable\b|--find-links\b")
_LOCAL_REQUIREMENT = re.compile(r"\.|file:|.*[ @]file:|[^:]*/|[^:]*\.(?:whl|zip|tar\.\w+|tgz)\b")
_COMMENT = re.compile(r"(?:^|\s)#.*|\s;.*")
_EDITABLE = re.compile(r"(?:-e|--editable)\s*=?\s*")
_COMMIT = re.compile(r"(?:.*\s@\s*)?git\+[^\s]+@[0-9a-f]{40}(?:#\S*)?")
_PLACE = re.compile(r"(?:[\w.\[\], -]+\s*@\s*)?(?:file:)?(?P<path>[^\s;\[#]+)")


def names_local(line: str) -> bool:
    """Return whether a line names a part of the source. In doubt it does."""
    line = _COMMENT.sub("", line).strip()
    return (_LOCAL_OPTION if line.startswith("-") else _LOCAL_REQUIREMENT).match(line) is not None


def split_hashed(texts: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return files without the lines that can have no hash, and these lines; no lines if nothing has a hash.

    Such are directories and files of the source, and commits of a repository, which are content by themselves. pip refuses all of a file
    with hashes for one of them. What else lacks its hash stays, so that pip refuses it.
    """
    if not any("--hash" in line for text in texts.values() for line, _raw in _join_lines(text)):
        return dict(texts), []
    alone: list[str] = []
    kept = {}
    for name, text in texts.items():
        rest = []
        for line, raw in _join_lines(text):
            if "--hash" not in line and _can_have_no_hash(line):
                alone.append(_without_comment(line))
            else:
                rest.append(raw)
        kept[name] = "".join(rest)
    return kept, alone


def list_local_directories(texts: Iterable[str]) -> list[str]:
    """Return the paths, as they are written, of what may be directories with a project of the source."""
    lines = [_without_comment(line) for text in texts for line, _raw in _join_lines(text) if names_local(line)]
    plain = [_EDITABLE.sub("", line, count=1) for line in lines]
    matches = [_PLACE.match(line) for line in plain if not line.startswith("-") and "+" not in line.partition("/")[0]]
    return [str(PurePosixPath(match["path"])) for match in matches if match]


def _join_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield each line with those that continue it as one, and as it was."""
    raw = ""
    for line in text.splitlines(keepends=True):
        raw += line
        if not line.rstrip("\r\n").endswith("\\"):
            yield re.sub(r"\\\r?\n", " ", raw).strip(), raw
            raw = ""
    if raw:
        yield raw.rstrip("\\\n ").strip(), raw


def _without_comment(line: str) -> str:
    return re.sub(r"(?:^|\s)#.*", "", line).strip()


def _can_have_no_hash(line: str) -> bool:
    line = _without_comment(line)
    editable = _EDITABLE.match(line)
    if line.startswith("-") and not editable:
        return False
    wish = _EDITABLE.sub("", line, count=1)
    return bool(_COMMIT.match(wish)) or (bool(wish) and "://" not in wish.replace("file://", "") and names_local(wish))
