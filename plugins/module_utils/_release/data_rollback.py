# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback to a former release with the data of its time: in a new database, to which users come by the same switch.

The database that they have had stays as it is. So nothing is lost: neither what was written since the dump, nor the way back to it.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import is_beside, name_beside
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.data import find_database
from ansible_collections.webstack.flask.plugins.module_utils._release.deploy import SharedData, put_in_place, read_spec
from ansible_collections.webstack.flask.plugins.module_utils._release.dumps import Dump, choose_dump, list_dumps
from ansible_collections.webstack.flask.plugins.module_utils._release.preparation import Preparation, identify_commands
from ansible_collections.webstack.flask.plugins.module_utils._release.recovery import read_switch_of, stay
from ansible_collections.webstack.flask.plugins.module_utils._release.release import (
    ReleaseSpec,
    note,
    read_description,
    read_record,
    read_records,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import Transaction


@dataclass(frozen=True)
class DataRollback:
    """Takes users of an app to a former release, made anew with another database."""

    spec: ReleaseSpec
    app: dict[str, Any]
    """How the former release was described."""

    dump: Dump | None
    """What is restored; None where the database is there already."""

    is_prepared: bool = True
    """Whether release commands have run on these data. Those that come from elsewhere may lack what this release has migrated."""

    @classmethod
    def plan(cls, layout: AppLayout, host: Host, target: str, data: str) -> DataRollback:
        """Return the rollback to a release, with the dump or to the database that `data` names; raise UserError if it cannot be."""
        app = _describe(layout, host, target)
        if data == layout.name or is_beside(data, layout.name):
            spec = read_spec(app, data)
            there = host.databases.list_databases(Place.of(layout.name, spec.variables))
            if data not in there:
                raise UserError(f"{layout.name} has no database {data!r}; it has {', '.join(there) or 'none'}")
            is_known = any(
                record.database == data and (record.verified is not None or record.commands_run) for record in read_records(layout, host)
            )
            return cls(spec, app, None, is_prepared=is_known)
        # Other hosts may have the same database on another one, and would be left with the data of before.
        own = [dump for dump in list_dumps(layout.name, host) if not dump.place.is_elsewhere]
        dump = choose_dump(own, target, data)
        database = name_beside(layout.name, time.strftime("%Y%m%dt%H%M%S", time.gmtime(host.clock.time())))
        return cls(read_spec(app, database), app, dump)

    def describe(self, layout: AppLayout, host: Host) -> list[str]:
        """Return what people have to know of it."""
        before = find_database(layout, host)
        stays = f"the database {before} stays as it is, with all that was written to it"
        if self.dump is None:
            return [f"users come to the database {self.spec.database}; {stays}"]
        new = f"users come to the data of {self.dump.moment}, in the new database {self.spec.database}"
        return [f"{new}: what was written since then is not in it, and {stays}"]

    def carry_out(self, switch: Switch) -> bool:
        """Do it. Where the release does not prove good on these data, users stay, and the new database goes again."""
        layout, host = switch.layout, switch.host
        release, app = self.spec.id or "", self.app
        if release == switch.current:
            return stay(read_switch_of(switch, release), release)
        place = replace(self.dump.place, database=self.spec.database) if self.dump else None
        switch.notes += self.describe(layout, host)
        if self.dump and place:
            host.databases.restore(place, self.dump.path, self.dump.shape, switch.notes.append)
        try:
            put_in_place(self.spec, host, app["env_files"], SharedData.of(app))
            if self.is_prepared:
                # What it has done to its data, it has done to these.
                identity = identify_commands(self.spec, app["chdir"])
                note(layout, host, release, lambda found, now: found.mark_commands_run(now, identity))
            else:
                # Nobody needs a dump of these data before that, and it would take the place of one that is wanted.
                Preparation(app, replace(self.spec, dumps=0), switch).run()
            Transaction.begin(read_switch_of(switch, release), release).run()
        except BaseException:
            if place and switch.current != release:
                with suppress(Exception):
                    host.databases.drop(place, switch.notes.append)
            raise
        return True


def make_anew(layout: AppLayout, host: Host, target: str) -> DataRollback | None:
    """Return the rollback to a former release with the data that users have now; None where it has these already."""
    record, database = read_record(layout, host, target), find_database(layout, host)
    if record is None or not record.database or record.database == database:
        return None
    app = _describe(layout, host, target)
    return DataRollback(read_spec(app, database), app, None)


def _describe(layout: AppLayout, host: Host, release: str) -> dict[str, Any]:
    text = read_description(layout, host, release)
    if text is None:
        raise UserError(
            f"release {release} of {layout.name} has no database of its own on this host, or was made by a version of this collection that "
            "did not keep how it was described; it cannot be made anew with other data. Leave flask_data out to go back to its code alone. "
            "A dump of a database on another host is restored there, by hand: docs/data.md"
        )
    described: dict[str, Any] = json.loads(text)
    return described
