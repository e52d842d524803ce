# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See that the newest backup is good by restoring it, into a database beside and a directory of root's, which both go again."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.contents import (
    ABOUT,
    DUMP,
    SHARED,
    SQLITE,
    TOP,
    clear_work,
    digest_of,
    make_work,
    open_dumps,
    read_about,
    require_room,
)
from ansible_collections.webstack.flask.plugins.module_utils._backups.repository import Repository, Snapshot
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import DAY, Settings
from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import name_beside
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Shape
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._host.places import find_data
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Step, open_directory, show_path, walk

PARTS = 4
"""So many verifications read all data of the repository once."""

_COUNT = """
SELECT count(*), coalesce(sum((xpath('/row/c/text()', query_to_xml(format('SELECT count(*) AS c FROM %I.%I', schemaname, tablename),
false, true, '')))[1]::text::bigint), 0) FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""


def verify_newest(settings: Settings, repository: Repository, say: Callable[[str], object]) -> dict[str, Any]:
    """Restore the newest backup of this host, compare what can be compared, and take it away; return what was found.

    Raise UserError where anything is not as it was when the backup was made.
    """
    own = [each for each in repository.list_snapshots() if each.host == repository.host]
    if not own:
        raise UserError(f"there is no backup of {settings.name} from this host to be verified")
    repository.unlock()
    repository.check(f"{int(time.time() // (7 * DAY)) % PARTS + 1}/{PARTS}")
    say("the repository is complete, and a part of its data was read")
    return {"of": own[-1].at, "snapshot": own[-1].short, **try_snapshot(settings, repository, own[-1], say)}


def try_snapshot(settings: Settings, repository: Repository, snapshot: Snapshot, say: Callable[[str], object]) -> dict[str, Any]:
    """Restore one backup to try it."""
    scratch = make_work(settings.name, "scratch")
    scratch.chmod(0o700)
    try:
        restored = restore_tree(settings, repository, snapshot, scratch)
        about = read_about(read_text(restored / ABOUT) or "", settings.name)
        _compare_own(restored, about)
        known: dict[str, Any] = {"files": compare_files(restored / SHARED, find_data(settings.layout))}
        say("{same} of {all} files are the same as those of the app, which has changed {changed} since".format(**known["files"]))
        if about.get("database"):
            known["tables"], known["rows"] = _try_database(settings, restored / DUMP, about)
            say(f"the database has {known['tables']} tables with {known['rows']} rows")
        return known
    finally:
        clear_work(settings.name, "scratch")


def restore_tree(settings: Settings, repository: Repository, snapshot: Snapshot, target: Path) -> Path:
    """Restore all of a backup below a directory of root's, if there is room for it; return where it is."""
    told = repository.run("stats", "--json", "--mode=restore-size", "--no-lock", snapshot.id, timeout=settings.timeout).output
    require_room(target, int(json.loads(told)["total_size"]), f"the backup {snapshot.short}")
    repository.restore(snapshot.id, target, timeout=settings.timeout)
    return target / TOP.relative_to("/")


def _compare_own(restored: Path, about: Mapping[str, Any]) -> None:
    wanted = {restored / SQLITE / str(number): copy["digest"] for number, copy in enumerate(about["sqlite"])}
    if about.get("database"):
        wanted[restored / DUMP] = about["database"]["digest"]
    for path, digest in wanted.items():
        if not path.is_file() or digest_of(path) != digest:
            raise UserError(f"{path.relative_to(restored)} in the backup is not what was written into it")


def compare_files(restored: Path, live: Path) -> dict[str, int]:
    """Compare restored files with those of the app that have not changed since; raise UserError where one is another.

    Return how many there are in all, how many are the same, and how many the app has changed or deleted. The app's tree is the app's: each
    file is opened in its directory, and no link is followed.
    """
    counts = {"all": 0, "same": 0, "changed": 0}
    differing: list[str] = []
    with open_directory(restored) as top, closing(walk(top)) as visits:
        wanted = {
            visit.path: (visit.status.st_size, int(visit.status.st_mtime))
            for visit in visits
            if visit.step is Step.ITEM and stat.S_ISREG(visit.status.st_mode)
        }
    counts["all"] = counts["changed"] = len(wanted)
    if live.is_dir():
        with open_directory(live) as top, closing(walk(top)) as visits:
            for visit in visits:
                if visit.step is not Step.ITEM or visit.path not in wanted or not stat.S_ISREG(visit.status.st_mode):
                    continue
                if wanted[visit.path] != (visit.status.st_size, int(visit.status.st_mtime)):
                    continue
                same = _has_same_content(restored / visit.path, visit.name, visit.descriptor)
                if same is None:
                    continue
                counts["changed"] -= 1
                counts["same"] += same
                if not same:
                    differing.append(visit.path)
    if differing:
        shown = ", ".join(map(show_path, differing[:5]))
        raise UserError(f"{len(differing)} files in the backup are other ones than those of the app, which have not changed since: {shown}")
    return counts


def _has_same_content(restored: Path, name: str, directory: int) -> bool | None:
    """Return whether a file of the app has the content of a restored one; None if it has changed while it was read."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as theirs, restored.open("rb") as ours:
        before = os.fstat(descriptor)
        while True:
            one, other = ours.read(1 << 20), theirs.read(1 << 20)
            if one != other:
                after = os.fstat(descriptor)
                unchanged = (before.st_mtime_ns, before.st_ctime_ns, before.st_size) == (
                    after.st_mtime_ns,
                    after.st_ctime_ns,
                    after.st_size,
                )
                # SQLite writes to a file that is mapped, and its time follows later.
                return False if unchanged and time.time() - after.st_mtime > 60 else None
            if not one:
                return True


def _try_database(settings: Settings, dump: Path, about: Mapping[str, Any]) -> tuple[int, int]:
    dumps, database, shape = open_dumps(settings), name_beside(settings.name, "verify"), Shape.of(about["database"]["shape"])
    dumps.drop(database, warn=lambda _words: None)
    with dump.open("rb") as file:
        expected = sum(" TABLE DATA " in line for line in dumps.list_content(file))
        dumps.restore(file, database, shape, timeout=settings.timeout, warn=lambda _words: None)
    try:
        tables, rows = map(int, dumps.ask(_COUNT, database, timeout=settings.timeout).strip().split("|"))
    finally:
        dumps.drop(database, warn=lambda _words: None)
    if tables < expected:
        raise UserError(f"the dump has the rows of {expected} tables, and the restored database has {tables} tables")
    return tables, rows
