# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a PostgreSQL server is asked and told, by its own administrator: the account of the cluster, over its socket."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import Cluster
from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import ADMINISTRATION, Form, quote_text
from ansible_collections.webstack.flask.plugins.module_utils._databases.rules import with_rules
from ansible_collections.webstack.flask.plugins.module_utils._databases.rules_file import RulesFile
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

LOCK = LOCK_ROOT / "databases.lock"
LOCK_TIMEOUT = 600
"""Held by whoever changes the rules, or makes databases."""

_TIMEOUT = 120
_RELOAD_TIMEOUT = 30
_PAUSE = 0.1

_LINES = 10
"""Lines of what psql has said that are shown."""

# The role of a database decides what a bare name in it means, unless the connection does; and nothing here waits for ever.
_OPTIONS = "-c search_path=public -c standard_conforming_strings=on -c lock_timeout=30s"

_STATE = """
SELECT pg_catalog.json_build_object(
    'hba_file', pg_catalog.current_setting('hba_file'),
    'loaded', extract(epoch FROM pg_catalog.pg_conf_load_time()),
    'is_standby', pg_catalog.pg_is_in_recovery(),
    'available', (SELECT pg_catalog.json_agg(name ORDER BY name) FROM pg_catalog.pg_available_extensions),
    'locales', (SELECT pg_catalog.json_agg(DISTINCT pg_catalog.left(collname, -6)) FROM pg_catalog.pg_collation
                WHERE collprovider = 'i' AND collname LIKE '%-x-icu'),
    'roles', (SELECT pg_catalog.json_object_agg(rolname, pg_catalog.json_build_object(
                  'comment', pg_catalog.shobj_description(oid, 'pg_authid'), 'login', rolcanlogin, 'superuser', rolsuper,
                  'createdb', rolcreatedb, 'createrole', rolcreaterole, 'replication', rolreplication, 'bypassrls', rolbypassrls,
                  'limit', rolconnlimit, 'password', rolpassword IS NOT NULL))
              FROM pg_catalog.pg_authid WHERE rolname IN ({names})),
    'databases', (SELECT pg_catalog.json_object_agg(datname, pg_catalog.json_build_object(
                      'owner', pg_catalog.pg_get_userbyid(datdba),
                      'locale', coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale'),
                      'public', pg_catalog.has_database_privilege('public', d.oid, 'CONNECT, TEMPORARY')))
                  FROM pg_catalog.pg_database d WHERE datname IN ({names})))
"""

_EXTENSIONS = "SELECT pg_catalog.json_agg(extname) FROM pg_catalog.pg_extension"

_RULE_PROBLEMS = """
SELECT pg_catalog.json_agg(pg_catalog.format('line %s: %s', line_number, error) ORDER BY line_number)
FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL
"""


_FORM = """
SELECT pg_catalog.json_build_object(
    'encoding', pg_catalog.pg_encoding_to_char(encoding), 'collate', datcollate, 'ctype', datctype, 'provider', datlocprovider,
    'locale', coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale'),
    'size', pg_catalog.pg_database_size(oid))
FROM pg_catalog.pg_database d WHERE datname = {name}
"""

_PLACED_EXTENSIONS = """
SELECT pg_catalog.json_object_agg(extname, nspname ORDER BY extname)
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
"""

_OWNED = """
SELECT pg_catalog.json_object_agg(datname, pg_catalog.pg_database_size(oid) ORDER BY datname)
FROM pg_catalog.pg_database WHERE pg_catalog.pg_get_userbyid(datdba) = {name}
"""


_KEPT = """
SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
    'app', rolname, 'name', datname, 'size', pg_catalog.pg_database_size(d.oid),
    'made', extract(epoch FROM (pg_catalog.pg_stat_file('base/' || d.oid || '/PG_VERSION', true)).modification)) ORDER BY datname)
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles r ON r.oid = d.datdba
WHERE pg_catalog.shobj_description(r.oid, 'pg_authid') = 'runs ' || rolname || ' (webstack.flask)'
"""
"""PostgreSQL does not write down when a database was made. That file in its directory is written then, and never again."""

_TRUSTED = "SELECT pg_catalog.json_agg(DISTINCT name) FROM pg_catalog.pg_available_extension_versions WHERE trusted"


@dataclass(frozen=True)
class Shape:
    """A database without what is in it."""

    form: Form
    extensions: Mapping[str, str]
    """The schema of each."""

    size: int
    """Bytes that it takes."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Shape:
        """Return a shape as a record tells it."""
        return cls(Form(**told["form"]), dict(told["extensions"]), int(told["size"]))

    def to_record(self) -> dict[str, Any]:
        """Return the shape for a record."""
        return {"form": asdict(self.form), "extensions": dict(self.extensions), "size": self.size}


class Server:
    """A running cluster."""

    def __init__(self, cluster: Cluster) -> None:
        """Keep which one."""
        self.cluster = cluster

    def read_state(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what there is of the roles and databases of these names, and what the server has besides."""
        listed = ", ".join(map(quote_text, names))
        state: dict[str, Any] = self.ask(_STATE.format(names=listed))
        if state["is_standby"]:
            raise UserError(
                f"the PostgreSQL cluster {self.cluster} follows another server and takes no changes; databases are made on the one "
                "that it follows"
            )
        empty: dict[str, Any] = {"roles": {}, "databases": {}, "available": [], "locales": []}
        return {key: empty.get(key) if value is None else value for key, value in state.items()} | {"version": self.cluster.version}

    def list_extensions(self, database: str) -> list[str]:
        """Return the extensions that are in a database."""
        found: list[str] | None = self.ask(_EXTENSIONS, database)
        return found or []

    def read_shape(self, database: str) -> Shape:
        """Return what is to be known of a database to make one like it; raise UserError where there is none of this name."""
        told: dict[str, Any] | None = self.ask(_FORM.format(name=quote_text(database)))
        if told is None:
            raise UserError(f"PostgreSQL {self.cluster} has no database {database}")
        size = told.pop("size")
        return Shape(Form(**told), self.ask(_PLACED_EXTENSIONS, database) or {}, size)

    def find_directory(self) -> Path:
        """Return the directory in which the cluster has its data."""
        return Path(str(self.ask("SELECT pg_catalog.to_json(pg_catalog.current_setting('data_directory'))")))

    def list_owned(self, role: str) -> dict[str, int]:
        """Return the databases of a role, with the bytes that each takes."""
        return self.ask(_OWNED.format(name=quote_text(role))) or {}

    def list_kept(self) -> list[dict[str, Any]]:
        """Return the databases of all apps that are or were on the host: the app, the name, the bytes, and the moment of its making."""
        return self.ask(_KEPT) or []

    def list_trusted(self) -> list[str]:
        """Return the extensions that the owner of a database may make as well as the administrator."""
        return self.ask(_TRUSTED) or []

    def execute(self, statements: str, database: str) -> None:
        """Execute statements in one transaction."""
        self._run(statements, database)

    def ensure_rules(
        self,
        state: Mapping[str, Any],
        names: Sequence[str],
        *,
        opened: Collection[str] = (),
        closed: Collection[str] = (),
        gone: Collection[str] = (),
        check: bool = False,
    ) -> tuple[str, str, bool]:
        """Let the apps of these names in, and nobody else to their databases; return the rules before and after, and whether any changed.

        `opened` are new databases beside those of apps, `closed` are some that have gone, and `gone` are apps of which none is left.
        The server reads its rules anew; it is not restarted. If it finds an error in them, they are taken back.
        """
        file = RulesFile(Path(state["hba_file"]), self.cluster.uid, self.cluster.gid)
        before = file.read()
        after = with_rules(before, names, opened, closed, gone)
        # What a run that was cut off has written, the server may not have read.
        is_loaded = file.changed_at() <= state["loaded"]
        if (before == after and is_loaded) or check:
            return before, after, before != after or not is_loaded
        self._require_readable_rules()
        if before != after:
            file.replace(after)
        try:
            self._require_readable_rules()
        except UserError as problem:
            file.replace(before)
            raise UserError(
                f"PostgreSQL does not take the rules that were written to {file.path}; they were taken back. {problem}"
            ) from problem
        self.reload(state["loaded"])
        return before, after, True

    def _require_readable_rules(self) -> None:
        """Raise UserError with the lines of pg_hba.conf that the server does not understand: it would read none of it anew."""
        problems: list[str] | None = self.ask(_RULE_PROBLEMS)
        if problems:
            raise UserError(
                f"pg_hba.conf has an error, with which PostgreSQL would not read it anew ({'; '.join(problems)}); correct it, and run again"
            )

    def reload(self, loaded: float) -> None:
        """Have the server read its settings and rules anew, and wait until it has."""
        self._run("SELECT pg_catalog.pg_reload_conf()", ADMINISTRATION)
        deadline = time.monotonic() + _RELOAD_TIMEOUT
        while self.ask("SELECT extract(epoch FROM pg_catalog.pg_conf_load_time())") <= loaded:
            if time.monotonic() > deadline:
                raise UserError(f"PostgreSQL has not read its rules anew within {_RELOAD_TIMEOUT} s; {self.cluster.log} says why")
            time.sleep(_PAUSE)

    def restart(self) -> None:
        """Restart the server; raise UserError, with where it says why, if it does not come up."""
        ended = commands.run(["systemctl", "restart", self.cluster.unit], timeout=_TIMEOUT)
        if ended.status != 0:
            raise UserError(f"PostgreSQL {self.cluster} does not come up; {self.cluster.log} says why")

    def ask(self, query: str, database: str = ADMINISTRATION) -> Any:  # noqa: ANN401 - whatever was asked for
        """Return what a query answers in JSON, None for nothing."""
        output = self._run(query, database).strip()
        return json.loads(output) if output else None

    def _run(self, statements: str, database: str) -> str:
        try:
            ended = commands.run(
                [
                    *(f"/usr/lib/postgresql/{self.cluster.version}/bin/psql", "--no-psqlrc", "--no-password", "--quiet"),
                    *("--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", f"--host={SOCKET_DIRECTORY}", f"--port={self.cluster.port}"),
                    *("--username=postgres", f"--dbname={database}", f"--command={statements}"),
                ],
                timeout=_TIMEOUT,
                cwd=Path("/"),
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "PGOPTIONS": _OPTIONS},
                user=self.cluster.uid,
                group=self.cluster.gid,
                extra_groups=[],
            )
        except commands.TimedOut:
            raise UserError(f"PostgreSQL {self.cluster} has not answered within {_TIMEOUT} s; {self.cluster.log} says why") from None
        if ended.status != 0:
            # The app owns its database, and can have notices there, of any length.
            said = "\n".join(find_last_words(ended.errors, _LINES))
            raise UserError(f"PostgreSQL {self.cluster} says: {said}")
        return ended.output
