# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of SQLite databases that are consistent though an app is writing to them.

A file that is copied while it is written to is no database any more. SQLite's own backup interface takes one moment of it. The app's user
does that, because SQLite makes files beside a database and follows links; root gives it the file into which it writes.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Step, open_directory, show_path, walk

HEADER = b"SQLite format 3\0"
"""The first bytes of each of its files: https://www.sqlite.org/fileformat.html."""

LEFT_OVER = ("-wal", "-shm", "-journal")
"""Ends of the names of files beside a database, which belong to the moment at which they were written."""

_SMALLEST = 512
"""Bytes of the smallest page. A database has a whole number of them."""

_GONE = 3
"""Exit status where the app has deleted the database."""

_COPY = f"""
import os, sqlite3, sys
from urllib.parse import quote
try:
    source = sqlite3.connect(f"file:{{quote(sys.argv[1])}}?mode=rw", uri=True, timeout=120)
except sqlite3.OperationalError:
    if os.path.lexists(sys.argv[1]):
        raise
    sys.exit({_GONE})
target = sqlite3.connect(sys.argv[2])
target.execute("PRAGMA journal_mode=OFF").fetchall()
source.backup(target)
target.close()
source.close()
copy = sqlite3.connect(f"file:{{quote(sys.argv[2])}}?immutable=1", uri=True)
problems = [row[0] for row in copy.execute("PRAGMA quick_check(3)")]
if problems != ["ok"]:
    sys.exit("; ".join(problems))
"""


def find_databases(top: Path) -> dict[str, int]:
    """Return the SQLite databases in a tree, by their paths below it, and the bytes of each.

    The tree may be another account's, and change meanwhile.
    """
    with open_directory(top) as descriptor:
        return dict(sorted(_find(descriptor)))


def _find(top: int) -> Iterator[tuple[str, int]]:
    with closing(walk(top)) as visits:
        for visit in visits:
            size = visit.status.st_size
            if visit.step is not Step.ITEM or not stat.S_ISREG(visit.status.st_mode) or size < _SMALLEST or size % _SMALLEST:
                continue
            try:
                opened = os.open(visit.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=visit.descriptor)
            except OSError:  # it has gone, or is a link by now
                continue
            try:
                if os.read(opened, len(HEADER)) == HEADER:
                    yield visit.path, size
            finally:
                os.close(opened)


def copy_database(source: Path, target: Path, uid: int, gid: int, *, timeout: float) -> bool:
    """Copy a database of an account's into a file of root's, in a directory through which that account may pass.

    Return whether there is a copy: none is made where the database has been deleted meanwhile.
    Raise UserError with what SQLite has said, also where the copy is damaged, as the database is then.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchown(descriptor, uid, gid)
        command = [sys.executable or "/usr/bin/python3", "-I", "-c", _COPY, os.fspath(source), os.fspath(target)]
        try:
            ended = commands.run(
                command, timeout=timeout, cwd=Path("/"), env={"PATH": "/usr/bin:/bin"}, user=uid, group=gid, extra_groups=[]
            )
        except commands.TimedOut:
            raise UserError(f"copying the SQLite database {show_path(str(source))} took more than {timeout:g} s and was stopped") from None
        if ended.status == _GONE:
            target.unlink()
            return False
        if ended.status:
            said = (ended.errors.strip().splitlines() or ["it gave no reason"])[-1]
            raise UserError(f"the SQLite database {show_path(str(source))} could not be copied: {show_path(said)}")
        os.fsync(descriptor)
        return True
    finally:
        os.fchown(descriptor, 0, 0)
        os.close(descriptor)
