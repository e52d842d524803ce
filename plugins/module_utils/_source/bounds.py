# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a source. More is a mistake or an attack, and would fill the host's disk or memory."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import IO

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

MOST_FETCHED, MOST_UNPACKED, MOST_MEMBERS, MOST_LEVELS = 1 << 30, 4 << 30, 200_000, 100
"""Bytes of a download; bytes, files and directories, and levels of directories of what comes of it."""

_CHUNK = 1 << 20


class Allowance:
    """How much may still be written."""

    def __init__(self, most: int, message: str) -> None:
        """Allow `most`; the error for more has this message."""
        self._left = most
        self._message = message

    def take(self, amount: int) -> None:
        """Use up a part of it; raise UserError if less is left."""
        self._left -= amount
        if self._left < 0:
            raise UserError(self._message)

    def copy(self, content: IO[bytes], file: IO[bytes]) -> None:
        """Copy no more bytes than are left, whatever size a header claims."""
        while chunk := content.read(_CHUNK):
            self.take(len(chunk))
            file.write(chunk)


class Room:
    """How much may still be added to one source, all its parts together."""

    def __init__(self, what: str) -> None:
        """Begin with the full limits; messages call the source `what`."""
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
    """Return the message for a source whose directories are nested too deep."""
    return f"{what} has directories in more than {MOST_LEVELS} levels, the most that a source may have"
