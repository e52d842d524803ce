# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first bytes of a dump tell: whether it is one in pg_dump's custom format, and which PostgreSQL can read it.

The bytes are `PGDMP` and the version of the format, one byte for each part (pg_backup_archiver.h of PostgreSQL). A pg_restore reads its own
version of the format and all older ones.
"""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

HEAD = 8
"""Bytes that have to be known."""

_MAGIC = b"PGDMP"

_FORMATS = {13: (1, 14), 14: (1, 14), 15: (1, 14), 16: (1, 15), 17: (1, 16), 18: (1, 16)}
"""The newest version of the format that each major version of PostgreSQL writes and reads."""


def require_readable(head: bytes, name: str, version: str) -> None:
    """Raise UserError unless a file that begins so is a dump that this version of PostgreSQL can read."""
    if not head.startswith(_MAGIC) or len(head) < HEAD:
        raise UserError(
            f"{name} is no dump in the custom format of pg_dump; `pg_dump --format=custom` writes such a one, and so does "
            "`database.yml -e flask_do=dump`. One of plain SQL is read by psql alone: see `-e flask_do=shell`"
        )
    known = _FORMATS.get(int(version)) if version.isdigit() else None
    if known and (head[5], head[6]) > known:
        newer = min((major for major, format_ in _FORMATS.items() if format_ >= (head[5], head[6])), default=max(_FORMATS) + 1)
        raise UserError(f"{name} was written by PostgreSQL {newer} or a later one, {_BECAUSE.format(version=version)}")


def require_not_older(version: str, source: str) -> None:
    """Raise UserError where the PostgreSQL that is to get data is older than the one that they come from."""
    if version.isdigit() and source.isdigit() and int(version) < int(source):
        raise UserError(f"the data are in PostgreSQL {source}, {_BECAUSE.format(version=version)}")


_BECAUSE = "and this host has PostgreSQL {version}, which reads no dump of a newer one. From an older one to a newer one it works"
