# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people do with the databases of apps between deploys: list, dump, load and drop them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.state import show_size
from ansible_collections.webstack.flask.plugins.module_utils._databases.archive import require_not_older
from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import name_beside
from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import choose_cluster, read_clusters
from ansible_collections.webstack.flask.plugins.module_utils._databases.disposal import drop_database
from ansible_collections.webstack.flask.plugins.module_utils._databases.dumps import Dumps
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Server
from ansible_collections.webstack.flask.plugins.module_utils._databases.transfers import (
    GROWTH,
    TRANSFER_ROOT,
    load,
    name_transfer,
    require_room,
    require_transfer,
    write_transfer,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import remove_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import DUMP_ROOT, NAME_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.data import find_database
from ansible_collections.webstack.flask.plugins.module_utils._release.database_inventory import (
    Database,
    Inventory,
    choose,
    describe,
    describe_way,
    find_obstacle,
    find_uses,
    require_own,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.dumps import list_dumps
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import read_current

_LOCK_TIMEOUT = 300

_HALF = 2
"""A dump takes no more than the database by this, as dumps.py expects it, too."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Care:
    """What is done on one host, given the parameters of the module."""

    params: Mapping[str, Any]
    server: Server
    inventories: list[Inventory]
    host: Host
    check: bool
    warn: Callable[[str], object]

    @classmethod
    def open(cls, params: Mapping[str, Any], host: Host, warn: Callable[[str], object], *, check: bool) -> Care:
        """Look at the host; raise UserError where PostgreSQL cannot be had."""
        clusters = read_clusters()
        if clusters is None:
            raise UserError("PostgreSQL is not installed on this host; site.yml installs it for the first app with `database: postgresql`")
        server = Server(choose_cluster(clusters, params["port"]))
        return cls(params, server, _look(server, host), host, check, warn)

    def carry_out(self, do: str) -> Result:
        """Do what the option `do` of the module names."""
        ways = {"list": self.show, "find": self.find, "dump": self.dump, "receive": self.receive, "load": self.load, "drop": self.drop}
        return ways[do]()

    def show(self) -> Result:
        """Tell of all databases and dumps, or of those of one app."""
        app = self.params["app"]
        chosen = [choose(self.inventories, app)] if app else self.inventories
        lines = [line for each in chosen for line in describe(each)]
        return {"changed": False, "lines": lines or ["no app has a database on this host"]}

    def find(self) -> Result:
        """Tell which database users of an app have."""
        inventory = self._own()
        return {"changed": False, "lines": [], "database": inventory.present, **self._sizes(inventory)}

    def dump(self) -> Result:
        """Dump the database that users have into a file that one account may read."""
        inventory = self._own()
        require_not_older(self.params["for_version"] or self.server.cluster.version, self.server.cluster.version)
        told = {"changed": True, "database": inventory.present, **self._sizes(inventory)}
        require_room(TRANSFER_ROOT, told["bytes"] // _HALF, f"a dump of the database {inventory.present}")
        if self.check:
            return {**told, "lines": [f"the database {inventory.present} of {show_size(told['bytes'])} would be dumped"]}
        path = name_transfer(inventory.app, time.time())
        shape = write_transfer(self._dumps(), inventory.present, path, self.params["reader"], self.params["timeout"])
        size = path.stat().st_size
        line = f"the database {inventory.present} was dumped: {show_size(size)}, of {show_size(shape.size)}"
        return {**told, "path": str(path), "size": size, "lines": [line]}

    def receive(self) -> Result:
        """See that a dump of some size can be loaded, and make a place for it."""
        inventory = self._own()
        size, needed = self.params["size"], self._needed(self.params["size"])
        require_room(TRANSFER_ROOT, size, "the dump")
        require_room(self.server.find_directory(), needed, f"a new database of {inventory.app}")
        told = {"changed": False, "version": self.server.cluster.version}
        if self.check:
            return {**told, "lines": [f"a new database beside {inventory.present} would be made, and filled"]}
        return {**told, "path": str(name_transfer(inventory.app, time.time())), "lines": []}

    def load(self) -> Result:
        """Load a dump into a new database beside the one that users have, and delete the file."""
        inventory, path = self._own(), Path(self.params["path"])
        require_transfer(path)
        database = name_beside(inventory.app, time.strftime("%Y%m%dt%H%M%S", time.gmtime()))
        try:
            load(self._dumps(), path, inventory.present, database, self.params["bytes"], timeout=self.params["timeout"], warn=self.warn)
        finally:
            path.unlink(missing_ok=True)
        lines = [f"the data are in the new database {database}", *describe_way(inventory.app, inventory.live, database)]
        return {"changed": True, "database": database, "lines": lines}

    def drop(self) -> Result:
        """Drop a database that nothing uses, or the dumps of an app that is gone."""
        app, database = self.params["app"], self.params["database"]
        inventory = choose(self.inventories, app)
        if bool(database) == self.params["dumps"]:
            raise UserError(
                "drop takes a database (flask_database), or the dumps of an app that is gone (flask_dumps=true); name one of the two"
            )
        # Whoever switches the app holds it: what a rollback is about to lead users to is not in its records yet.
        with nullcontext() if self.check else hold_lock(AppLayout.of(app).lock, _LOCK_TIMEOUT, self.warn):
            inventory = choose(_look(self.server, self.host), app)
            return self._drop_dumps(inventory) if self.params["dumps"] else self._drop_database(inventory, database)

    def _drop_database(self, inventory: Inventory, database: str) -> Result:
        obstacle = find_obstacle(inventory, database)
        if obstacle:
            raise UserError(obstacle)
        if database not in inventory.names:
            return {
                "changed": False,
                "lines": [f"there is no database {database}; {inventory.app} has {', '.join(inventory.names) or 'none'}"],
            }
        if self.check:
            return {"changed": True, "lines": [f"the database {database} would be dropped"]}
        notes = drop_database(self.server, inventory.app, database, is_removed=not inventory.is_there, warn=self.warn)
        return {"changed": True, "lines": notes}

    def _drop_dumps(self, inventory: Inventory) -> Result:
        directory = DUMP_ROOT / inventory.app
        if inventory.is_there:
            raise UserError(
                f"{inventory.app} is on this host, and its dumps go by themselves: the last ones stay, as `database.dumps` says"
            )
        if not directory.is_dir():
            return {"changed": False, "lines": [f"there are no dumps of {inventory.app}"]}
        if not self.check:
            remove_tree(directory)
        return {"changed": True, "lines": [f"the dumps in {directory} {'would be' if self.check else 'were'} deleted"]}

    def _own(self) -> Inventory:
        inventory = choose(self.inventories, self.params["app"])
        require_own(inventory)
        return inventory

    def _sizes(self, inventory: Inventory) -> dict[str, Any]:
        size = next(each.size for each in inventory.databases if each.name == inventory.present)
        return {"bytes": size, "version": self.server.cluster.version}

    def _needed(self, size: int) -> int:
        return size * GROWTH if self.params["bytes"] is None else int(self.params["bytes"])

    def _dumps(self) -> Dumps:
        return Dumps(self.server, self.params["app"])


def _look(server: Server, host: Host) -> list[Inventory]:
    """Return what there is of each app that is or was on the host, and has or had a database there."""
    databases: dict[str, list[Database]] = {}
    for told in server.list_kept():
        databases.setdefault(told["app"], []).append(Database(told["name"], told["size"], told["made"]))
    dumped = os.listdir(DUMP_ROOT) if DUMP_ROOT.is_dir() else []
    return [_look_at(name, databases.get(name, []), host) for name in sorted({*databases, *dumped}) if NAME_PATTERN.fullmatch(name)]


def _look_at(name: str, databases: list[Database], host: Host) -> Inventory:
    layout = AppLayout.of(name)
    user, live = find_user(name), read_current(layout, host)
    return Inventory(
        app=name,
        is_there=user is not None and user.pw_gecos == layout.comment,
        present=find_database(layout, host),
        live=live,
        databases=databases,
        uses=find_uses(read_records(layout, host), live),
        dumps=[(dump, dump.path.stat().st_size) for dump in list_dumps(name, host)],
    )
