# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a backup: the dump of the database, the app's files, copies of SQLite databases among them, and what tells of all that.

In the repository it lies below /backup: `about.json`, `database.dump`, `shared/`, `sqlite/<number>` for each database among the files, and
`elsewhere/<number>` for what links in them lead to. The files in `shared` are as restic met them, SQLite databases too; what is restored
has the copies in their place.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import STATE_ROOT, Settings, work_directory
from ansible_collections.webstack.flask.plugins.module_utils._backups.sqlite import LEFT_OVER, copy_database, find_databases
from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import choose_cluster, read_clusters
from ansible_collections.webstack.flask.plugins.module_utils._databases.dumps import Dumps
from ansible_collections.webstack.flask.plugins.module_utils._databases.present import find_present
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Server, Shape
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import find_room
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    read_link,
    read_text,
    require_closed_way,
    write_atomically,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.places import find_data, find_elsewhere
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import remove_tree, show_path

TOP = Path("/backup")
DUMP, ABOUT, SHARED, SQLITE, ELSEWHERE = "database.dump", "about.json", "shared", "sqlite", "elsewhere"

_PLAIN = re.compile(r"/[A-Za-z0-9_@+./-]*")
_FORMAT = 1
_MIB = 1 << 20
_PIECE = 1 << 20


@dataclass
class Contents:
    """What is to be put into a backup, and from where restic reads it."""

    about: dict[str, Any]
    views: dict[Path, Path] = field(default_factory=dict)
    """Where restic finds what: by its path in the repository, the directory of the host."""


def collect(settings: Settings) -> Contents:
    """Write the dump and the copies of databases into a directory of root's, and return what belongs to the backup.

    The database comes first: so no row of it tells of a file that was not there yet.
    """
    layout, user = settings.layout, find_user(settings.name)
    if user is None or user.pw_gecos != layout.comment:
        raise UserError(f"the host has no user {settings.name} that runs the app; run site.yml, which makes it")
    stage = make_work(settings.name, "stage")
    for name in (SHARED, ELSEWHERE):
        (stage / name).mkdir(mode=0o700)
    about: dict[str, Any] = {"format": _FORMAT, "app": settings.name, "began": time.time(), "release": _read_release(settings)}
    contents = Contents(about, {TOP: stage})
    if settings.database:
        path = stage / DUMP
        # A rollback may have taken the app to another one than that of its name.
        shape = open_dumps(settings).write(find_present(settings.name), path, timeout=settings.timeout)
        about["database"] = {"shape": shape.to_record(), "digest": digest_of(path), "size": path.stat().st_size}
    data = find_data(layout)
    if not data.is_dir():
        raise UserError(f"{data}, where the app's files are, is not there; if its disk is not mounted, mount it. Else run site.yml")
    contents.views[TOP / SHARED] = _require_plain(data)
    copies: list[dict[str, Any]] = []
    ensure_directory(stage / SQLITE, Access(0, user.pw_gid, 0o710))
    for path_below, size in find_databases(data).items():
        copy, source = stage / SQLITE / str(len(copies)), data / path_below
        if size > find_room(stage):
            raise UserError(f"{stage} has no room for a copy of the SQLite database {show_path(str(source))}; free some space there")
        if copy_database(source, copy, user.pw_uid, user.pw_gid, timeout=settings.timeout):
            copies.append({"path": path_below, "digest": digest_of(copy), "size": copy.stat().st_size})
    about["sqlite"], about["elsewhere"] = copies, []
    for number, each in enumerate(find_elsewhere(data, user.pw_uid)):
        if each.target.is_dir():
            (stage / ELSEWHERE / str(number)).mkdir(mode=0o700)
            contents.views[TOP / ELSEWHERE / str(number)] = _require_plain(each.target)
            about["elsewhere"].append({"link": os.path.relpath(each.link, data), "target": str(each.target)})
    write_atomically(stage / ABOUT, json.dumps(about, indent=2, sort_keys=True) + "\n", Access(0, 0, 0o600))
    return contents


def make_work(name: str, purpose: str) -> Path:
    """Return a new, empty directory of root's in that of an app. Others may pass through, to what is opened to them in it."""
    ensure_directory(STATE_ROOT, Access(0, 0, 0o711))
    require_closed_way(STATE_ROOT)
    ensure_directory(work_directory(name), Access(0, 0, 0o711))
    path = work_directory(name) / purpose
    remove_tree(path)
    ensure_directory(path, Access(0, 0, 0o711))
    return path


def clear_work(name: str, purpose: str) -> None:
    """Delete such a directory."""
    remove_tree(work_directory(name) / purpose)


def open_dumps(settings: Settings) -> Dumps:
    """Return what dumps and restores the database of an app; raise UserError where its server cannot be had."""
    clusters = read_clusters()
    if clusters is None:
        raise UserError("PostgreSQL is not installed on this host; run site.yml, which installs it")
    return Dumps(Server(choose_cluster(clusters, settings.port)), settings.name)


def shape_of(about: Mapping[str, Any]) -> Shape | None:
    """Return what the database in a backup is like; None where there is none."""
    return Shape.of(about["database"]["shape"]) if about.get("database") else None


def read_about(text: str, app: str) -> dict[str, Any]:
    """Return what a backup says of itself; raise UserError if it is none of the app's, or of a later version of this collection."""
    try:
        about = json.loads(text)
        name, version = about["app"], about["format"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{ABOUT} in the backup cannot be read; it is no backup of this collection, or damaged") from None
    if name != app or version != _FORMAT:
        raise UserError(f"the backup is of {name}, in format {version}; {app} in format {_FORMAT} was asked for")
    return dict(about)


def digest_of(path: Path) -> str:
    """Return the SHA-256 digest of a file of root's."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def require_room(directory: Path, size: int, what: str) -> None:
    """Raise UserError unless a directory's disk has room for so many bytes."""
    room = find_room(directory)
    if room < size:
        raise UserError(
            f"{directory} has room for {room // _MIB} MiB, and {what} needs {-(-size // _MIB)} MiB; nothing was restored. Free some space"
        )


def put_copies(restored: Path, about: Mapping[str, Any]) -> None:
    """Put the copies of SQLite databases into their places among restored files, which are root's alone so far."""
    for number, copy in enumerate(about["sqlite"]):
        place = restored / SHARED / copy["path"]
        source = restored / SQLITE / str(number)
        if place.exists():
            shutil.copystat(place, source)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, place)
        for end in LEFT_OVER:
            place.with_name(f"{place.name}{end}").unlink(missing_ok=True)


def _read_release(settings: Settings) -> dict[str, Any]:
    """Return what the release is made of that users reach: its record, and what is installed for it."""
    layout = settings.layout
    if read_link(layout.current) is None:
        return {}
    record: dict[str, Any] = json.loads(read_text(layout.current / "release.json") or "{}")
    installed = json.loads(read_text(layout.environment(str(record.get("environment"))) / "environment.json") or "{}")
    return {"record": record, "environment": installed}


def _require_plain(path: Path) -> Path:
    if not _PLAIN.fullmatch(str(path)):
        raise UserError(
            f"{show_path(str(path))} holds other characters than letters, digits and '_@+./-', and cannot be backed up; rename it"
        )
    return path
