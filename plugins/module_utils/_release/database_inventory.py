# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which databases and dumps of apps are on a host, what uses each, and what may go. Nothing here touches the host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.webstack.flask.plugins.module_utils._backups.state import show_size, show_time
from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import is_beside
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._release.dumps import Dump
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord


@dataclass(frozen=True)
class Database:
    """One of them. `size` is in bytes, `made` in seconds since the epoch, None where that is not known."""

    name: str
    size: int
    made: float | None


@dataclass(frozen=True)
class Inventory:
    """What there is of one app."""

    app: str
    is_there: bool
    """Whether the app itself is on the host; it may have been removed."""

    present: str
    """The database that its users have, or had last."""

    live: str | None
    """The release that they reach."""

    databases: Sequence[Database] = ()
    uses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The releases to which users can come, by their databases."""

    dumps: Sequence[tuple[Dump, int]] = ()
    """With the bytes that each takes."""

    @property
    def names(self) -> list[str]:
        """The names of the databases."""
        return [database.name for database in self.databases]


def find_uses(records: Iterable[ReleaseRecord], live: str | None) -> dict[str, list[str]]:
    """Return the releases to which users can come, by their databases, given those that are on the host.

    A release that was never seen to serve is none of these: a rollback that was killed leaves one, with a database that nobody needs.
    """
    uses: dict[str, list[str]] = {}
    for record in records:
        if record.database and (record.verified is not None or record.id == live):
            uses.setdefault(record.database, []).append(record.id)
    return uses


def find_obstacle(inventory: Inventory, database: str) -> str | None:
    """Return why a database cannot be dropped; None where nothing is in the way."""
    app = inventory.app
    if database != app and not is_beside(database, app):
        return f"{database!r} is no database of {app}; those are called {app}, or {app}, a dot, and a word"
    if not inventory.is_there:
        return None
    if database == inventory.present:
        where = f"in release {inventory.live}" if inventory.live else "and no release is live just now"
        return f"users have the database {database}, {where}; it was not dropped. Take them to another one first: rollback.yml"
    using = inventory.uses.get(database)
    if using:
        return (
            f"the database {database} is that of {_name_releases(using)}, to which rollback.yml can go back; it was not dropped. It can be "
            "when that release is gone, after some more deploys (`keep_releases`)"
        )
    if database == app:
        return (
            f"{database} is the app's own database, and stays as long as the app is there; it was not dropped. remove.yml takes the app "
            "away"
        )
    return None


def describe(inventory: Inventory) -> list[str]:
    """Return some lines on an app: its databases, its dumps, and by which command goes what nothing uses."""
    app = inventory.app
    gone = "" if inventory.is_there else " (the app is not on this host any more)"
    lines = [f"{app}{gone}:" if inventory.databases or inventory.dumps else f"{app}{gone}: it has no database"]
    for database in inventory.databases:
        since = f", since {show_time(database.made)}" if database.made is not None else ""
        lines.append(f"    {database.name}: {show_size(database.size)}{since}; {_describe_use(inventory, database.name)}")
        lines += (
            [f"        {_command(app, f'-e flask_database={database.name}')}"] if find_obstacle(inventory, database.name) is None else []
        )
    for dump, size in inventory.dumps:
        of = f"of {dump.place.database}, before a release after {dump.live} ran its commands"
        lines.append(f"    dump {dump.name}: {dump.moment}, {show_size(size)}, {of}")
    if inventory.dumps and not inventory.is_there:
        lines += ["    the dumps go by", f"        {_command(app, '-e flask_dumps=true')}"]
    return lines


def _describe_use(inventory: Inventory, database: str) -> str:
    using = list(inventory.uses.get(database, ()))
    if inventory.is_there and database == inventory.present:
        return f"users have it, in release {inventory.live}" if inventory.live else "users have it with the next release"
    if using:
        return f"used by {_name_releases(using)}, to which rollback.yml can go back"
    if inventory.is_there and database == inventory.app:
        return "no release uses it; it is the app's own, and stays as long as the app"
    if not inventory.is_there and database == inventory.present:
        return "users had it last, and have it again if the app comes back; it goes by"
    return "nothing uses it any more; it goes by"


def _name_releases(releases: Sequence[str]) -> str:
    return f"release{'' if len(releases) == 1 else 's'} {' and '.join(releases)}"


def _command(app: str, words: str) -> str:
    return f"ansible-playbook … database.yml -e flask_app={app} -e flask_do=drop {words}"


def choose(inventories: Sequence[Inventory], app: str) -> Inventory:
    """Return what there is of the app that is named; raise UserError where there is nothing of it."""
    found = [each for each in inventories if each.app == app]
    if not found:
        there = ", ".join(each.app for each in inventories if each.databases) or "none"
        raise UserError(f"no app {app!r} has a database or a dump on this host; those that have are {there}")
    return found[0]


def require_own(inventory: Inventory) -> None:
    """Raise UserError unless an app is on the host, with a database."""
    if not inventory.is_there:
        raise UserError(
            f"the app {inventory.app} is not on this host any more; run site.yml with its entry in flask_apps, which brings it back"
        )
    if inventory.present not in inventory.names:
        raise UserError(f"the app {inventory.app} has no database here; write `database: postgresql` into its entry, and run site.yml")


def describe_way(app: str, live: str | None, database: str) -> list[str]:
    """Return how users come to a new database that is beside the one that they have."""
    look = ["to look at it, on the host:", f"    sudo -u postgres psql {database}"]
    if live is None:
        return [*look, f"users come to it by a release, and {app} has none yet: deploy it, and see docs/data.md"]
    return [
        *look,
        "to take users to it, while the one that they have is kept:",
        f"    ansible-playbook … rollback.yml -e flask_app={app} -e flask_release={live} -e flask_data={database}",
        "to drop it:",
        f"    {_command(app, f'-e flask_database={database}')}",
    ]
