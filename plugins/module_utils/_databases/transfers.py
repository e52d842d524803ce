# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps on their way from one app to another, or to the computer that runs Ansible and back, and what is made of them."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._databases.archive import HEAD, require_readable
from ansible_collections.webstack.flask.plugins.module_utils._databases.dumps import Dumps
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Shape
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import find_room
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory

TRANSFER_ROOT = Path("/var/lib/webstack-flask/transfers")
"""Directory for dumps on their way. Whoever connects may pass through to the one that is given to him, and nobody looks around."""

GROWTH = 4
"""A database is expected to take no more than the size of its dump by this: the dump is compressed, and has no indexes."""

_ABANDONED = 2 * 86400
"""Seconds after which a dump on its way belongs to a run that was killed."""

_MIB = 1 << 20


def name_transfer(app: str, now: float) -> Path:
    """Return the place of a dump that is to come, in a directory that is there; what runs that were killed have left goes."""
    ensure_directory(TRANSFER_ROOT, Access(0, 0, 0o711))
    for path in TRANSFER_ROOT.iterdir():
        if is_abandoned(path.lstat().st_mtime, now):
            path.unlink()
    return TRANSFER_ROOT / f"{app}-{time.strftime('%Y%m%dt%H%M%S', time.gmtime(now))}-{secrets.token_hex(4)}.dump"


def is_abandoned(changed: float, now: float) -> bool:
    """Return whether a dump on its way that was last written to at a moment belongs to no run any more."""
    return changed < now - _ABANDONED


def require_transfer(path: Path) -> None:
    """Raise UserError unless a path is that of a dump on its way."""
    if path.parent != TRANSFER_ROOT or path.suffix != ".dump":
        raise UserError(f"{path} is no dump on its way; such ones are in {TRANSFER_ROOT}")


def require_room(directory: Path, size: int, what: str) -> None:
    """Raise UserError where a disk has not room enough for what is to come."""
    present = next(each for each in (directory, *directory.parents) if each.is_dir())
    room = find_room(present)
    if room < size:
        raise UserError(
            f"{directory} has room for {room // _MIB} MiB, and {what} may need {-(-size // _MIB)} MiB; nothing was changed. Free some "
            "space there"
        )


def write_transfer(dumps: Dumps, database: str, path: Path, reader: int, timeout: float) -> Shape:
    """Dump a database to where the account with the number `reader`, and root, can read it, and nobody else."""
    shape = dumps.write(database, path, timeout=timeout)
    os.chown(path, reader, -1)
    return shape


def load(dumps: Dumps, path: Path, present: str, database: str, size: int | None, *, timeout: float, warn: Callable[[str], object]) -> None:
    """Restore a dump into a new database, made as the app's present one is; nothing is left of it if that fails.

    `size` is how many bytes it is going to take, as far as that is known.
    """
    server = dumps.server
    own = server.read_shape(present)
    # The programs that read it go on where the descriptor is, and a buffer would leave that behind what was read.
    with path.open("rb", buffering=0) as file:
        require_readable(file.read(HEAD), "the dump", server.cluster.version)
        file.seek(0)
        extensions = dumps.read_extensions(file)
        missing = find_untrusted(extensions, own.extensions, server.list_trusted())
        if missing:
            raise UserError(
                f"the dump has {' and '.join(missing)}, which the database {present} of {dumps.app} does not have, and which only the "
                f"administrator of PostgreSQL makes: add to the entry of {dumps.app} `database: {{extensions: [{', '.join(missing)}]}}`, "
                "run site.yml, and run this again"
            )
        needed = path.stat().st_size * GROWTH if size is None else size
        dumps.restore(file, database, Shape(own.form, extensions, needed), timeout=timeout, warn=warn)


def find_untrusted(wanted: Mapping[str, str], present: Collection[str], trusted: Collection[str]) -> list[str]:
    """Return the extensions of a dump that an app does not get by it: those that are not in its database, and that no owner may make."""
    return sorted(extension for extension in wanted if extension not in present and extension not in trusted)
