# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs before a release takes traffic: the setup commands, once in the life of its database, and its own, once for its code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import ACCESS_VARIABLES
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils._release.command import Terms, run_command
from ansible_collections.webstack.flask.plugins.module_utils._release.dumps import write_dump
from ansible_collections.webstack.flask.plugins.module_utils._release.failure import ReleaseFailed
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord
from ansible_collections.webstack.flask.plugins.module_utils._release.recovery import read_switch_of
from ansible_collections.webstack.flask.plugins.module_utils._release.release import ReleaseSpec, note, read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import list_confinement

_SAYS_WHERE = re.compile(r"(^|_)(database|databases|db|dsn|sql\w*|pg\w+|postgres\w*|mysql\w*|mariadb\w*|mongo\w*)(_|$)", re.IGNORECASE)
"""A variable of such a name may say which database is meant, and another one may need what this one has had."""


_ACCESS = ("DATABASE_URL", "PGUSER", *ACCESS_VARIABLES)
"""Of a database on another host, what says as whom one comes, and not where it is: a new password moves no data."""


def identify_commands(spec: ReleaseSpec, chdir: str) -> str:
    """Return by what release commands that have run are known again: the code, what it needs, themselves, and where the data are.

    Other environment variables are none of it: whoever changes a greeting does not want a migration to run again.
    """
    access = _ACCESS if spec.place and spec.place.is_elsewhere else ()
    where = {name: value for name, value in spec.variables.items() if _SAYS_WHERE.search(name) and name not in access}
    return digest_of([spec.build, spec.environment, spec.commands, chdir, where])


def have_run(records: list[ReleaseRecord], release: str, identity: str) -> bool:
    """Return whether the commands of a release have run, be it in another release of the same code."""
    return any(record.commands_run and (record.id == release or record.commands == identity) for record in records)


@dataclass(frozen=True)
class Preparation:
    """Prepares the data of one app for a release, given the parameters of the module."""

    app: dict[str, Any]
    spec: ReleaseSpec
    switch: Switch

    def run(self) -> None:
        """Run all that has not run yet; raise ReleaseFailed, and write it down, if a command fails."""
        try:
            self._require_database()
            self.set_up()
            self._run_release_commands()
        except ReleaseFailed as failure:
            reason = str(failure)
            self._note(lambda found, now: found.mark_failed(now, reason))
            raise

    def _require_database(self) -> None:
        """Raise ReleaseFailed where the app would not come to its database on another host: not each app asks it for its health page."""
        place = self.spec.place
        if place and place.is_elsewhere:
            try:
                self.switch.host.databases.require_open(place)
            except UserError as problem:
                raise ReleaseFailed(f"users were left where they are. {problem}") from problem

    def set_up(self) -> bool:
        """Run the setup commands, once in the life of the database; return whether anything had to be done.

        The database remembers each that has run. One that has data already, and was never told of any, is somebody's who has filled it.
        """
        spec, databases, place = self.spec, self.switch.host.databases, self.spec.place
        if not spec.setup or place is None:
            return False
        setup = databases.read_setup(place)
        if setup.is_finished:
            return False
        if not setup.is_begun:
            databases.begin_setup(place, finished=setup.has_data)
        if not setup.is_begun and setup.has_data:
            self.switch.notes.append(f"its setup commands were passed over, because the database {place.database} has data already")
        else:
            for command in spec.setup:
                if command not in setup.done:
                    self._run_setup_command(command, place)
            databases.finish_setup(place)
            self.switch.notes.append(f"the database {place.database} was set up")
        return True

    def _run_setup_command(self, command: str, place: Place) -> None:
        try:
            self._run("setup command", command)
        except ReleaseFailed as failure:
            anew = f"`sudo -u postgres dropdb {place.database}`, and site.yml."
            if place.is_elsewhere:
                anew = f"have it made anew on {place.host}."
            hint = (
                "Hint: the next run begins with this command; those before it do not run again. To begin with an empty database, if "
                f"nothing in it is wanted: {anew}"
            )
            raise ReleaseFailed(f"{failure}\n{hint}") from failure
        self.switch.host.databases.note_command(place, command)

    def _run_release_commands(self) -> None:
        spec, host, release = self.spec, self.switch.host, self.spec.id or ""
        identity = identify_commands(spec, self.app["chdir"])
        if not spec.commands or have_run(read_records(spec.layout, host), release, identity):
            return
        live = self.switch.current
        was_healthy = live is not None and self._find_trouble(live) is None
        if live and spec.place and spec.dumps:
            try:
                dump = write_dump(spec.place, live, release, host, spec.dumps)
            except UserError as problem:
                raise ReleaseFailed(f"no release command has run, and users were left where they are. {problem}") from problem
            self.switch.notes.append(f"dumped the database {spec.place.address} before the release commands: {dump.path}")
        for command in spec.commands:
            self._run("release command", command)
        self._note(lambda found, now: found.mark_commands_run(now, identity))
        trouble = self._find_trouble(live) if live and was_healthy else None
        if trouble:
            raise ReleaseFailed(
                f"the release commands of {release} have run, and since then {live}, which users reach, is not healthy: {trouble}\n"
                f"Hint: users were left with {live}. To switch in spite of that, run again: the commands do not run twice. Or take back "
                "what they did. How both releases can work with one schema: docs/data.md, Migrations."
            )

    def _find_trouble(self, live: str) -> str | None:
        """Return what the release that users reach does not do well; None where nothing is wrong, or it has nothing to be asked."""
        try:
            return read_switch_of(self.switch, live).find_trouble(live)
        except ReleaseFailed as failure:
            return str(failure)

    def _run(self, kind: str, command: str) -> None:
        spec, app, host, release = self.spec, self.app, self.switch.host, self.spec.id or ""
        places = host.files.read_text(spec.layout.places) or ""
        confinement = list_confinement(spec.service, places, spec.drop_in, app=spec.layout.name, release=release)
        terms = Terms(confinement, app["chdir"], app["env_files"], app["command_timeout"])
        run_command(spec.layout, host, release, command, terms, kind)

    def _note(self, change: Callable[[ReleaseRecord, float], ReleaseRecord]) -> None:
        note(self.spec.layout, self.switch.host, self.spec.id or "", change)


def find_data_problems(spec: ReleaseSpec) -> list[str]:
    """Return what is wrong with what a release says of its data, before anything is changed."""
    if spec.dumps is None:
        return ["there are setup commands, and no database of the app's own that could remember them"] if spec.setup else []
    missing = [name for name in ("DATABASE_URL", "PGDATABASE") if name not in spec.variables]
    return [f"it has a database, and its variables do not tell of it: {' and '.join(missing)} must be among them"] if missing else []
