# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a source may be: more is a mistake or an attack, and would fill the host's disk or memory."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import IO

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

MOST_FETCHED, MOST_UNPACKED, MOST_MEMBERS, MOST_LEVELS = 1 << 30, 4 << 30, 200_000, 100
"""Bytes of a download; bytes, files and directories, and levels of directories of what comes of it."""

_CHUNK = 1 << 20


class Allowance:
    """How much may yet be written."""

    def __init__(self, most: int, message: str) -> None:
        """Allow `most` of what is counted, and say `message` when it is more."""
        self._left = most
        self._message = message

    def take(self, amount: int) -> None:
        """Take a part of it; raise UserError if there is not so much left."""
        self._left -= amount
        if self._left < 0:
            raise UserError(self._message)

    def copy(self, content: IO[bytes], file: IO[bytes]) -> None:
        """Copy bytes, no more than there are left. What a header says of their number does not count: it may lie."""
        while chunk := content.read(_CHUNK):
            self.take(len(chunk))
            file.write(chunk)


class Room:
    """How much may yet come into one source, whatever its parts."""

    def __init__(self, what: str) -> None:
        """Begin with all that a source may have; messages call it `what`."""
        advice = "the most that a source may have; leave out what is no source"
        self.content = Allowance(MOST_UNPACKED, f"{what} comes to more than {MOST_UNPACKED} bytes, {advice}")
        self.members = Allowance(MOST_MEMBERS, f"{what} has more than {MOST_MEMBERS} members, {advice}")
        self._what = what

    def enter(self, path: PurePosixPath, *, above: int = 0) -> None:
        """Count a file, a link or a directory at a relative path, `above` levels down; raise UserError if it is too deep or too many."""
        self.members.take(1)
        if above + len(path.parts) > MOST_LEVELS + 1:
            raise UserError(describe_depth(self._what))


def describe_depth(what: str) -> str:
    """Return what to say of a source with directories that lie too deep."""
    return f"{what} has directories in more than {MOST_LEVELS} levels, the most that a source may have"
