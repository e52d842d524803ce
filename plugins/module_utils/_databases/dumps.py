# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps of an app's database, and databases beside it into which they are restored.

An app owns its database, and may have planted in it what runs as whoever reads it. So what is in a database is read and written by the
app's own user alone, and so is a dump: root opens the file, and that user's program gets it opened. The administrator makes the empty
database, and its extensions, which an app may not make.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import is_beside, require_beside
from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import ADMINISTRATION, plan_new, quote_name, quote_text
from ansible_collections.webstack.flask.plugins.module_utils._databases.refusals import explain
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import LOCK, LOCK_TIMEOUT, Server, Shape
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place, ask, find_program
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import find_room
from ansible_collections.webstack.flask.plugins.module_utils._host.files import require_closed_way, sync_directory
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

_LINES = 10
"""Lines of what a program has said that are shown."""

_MIB = 1 << 20
_MOST_LISTED = 64 * _MIB
"""Bytes of the list of what is in a dump: some hundred thousand entries."""

_LIST_TIMEOUT = 600
_PARTIAL = ".partial"
_PATIENCE = 30
_PAUSE = 0.2

_COMPRESSED = 2
"""A dump is expected to take no more than the database's size by this: indexes are not in it, and the rest is compressed."""


class Dumps:
    """The dumps of one app's databases on a server."""

    def __init__(self, server: Server, app: str) -> None:
        """Keep which; raise UserError where the app has no user."""
        self.server = server
        self.app = app
        self.user = _find_user(app)

    def write(self, database: str, path: Path, *, timeout: float) -> Shape:
        """Dump a database into a file that is there only when it is complete, and on the disk; return what the database is like.

        The directory has to be root's alone. Raise UserError with what pg_dump has said, or where the disk has not room enough.
        """
        shape = self.server.read_shape(database)
        with _write_whole(path, database, shape.size) as (file, limit):
            dump = self._name_program("pg_dump", "--format=custom", f"--dbname={quote_connection(database)}")
            self._run("pg_dump", [*limit, *dump], timeout=timeout, stdout=file)
        return shape

    def list_content(self, dump: IO[bytes]) -> list[str]:
        """Return the entries of a dump, as pg_restore(1) lists them; raise UserError if it is none, or damaged where they are."""
        listed = self._run(
            "pg_restore", [self._program("pg_restore"), "--list"], timeout=_LIST_TIMEOUT, stdin=dump, most=_MOST_LISTED
        ).splitlines()
        return [line for line in listed if line and not line.startswith(";")]

    def read_extensions(self, dump: IO[bytes]) -> dict[str, str]:
        """Return the extensions that a dump wants, and the schema of each."""
        entries = [line for line in self.list_content(dump) if (entry := _ENTRY.match(line)) and entry["what"].startswith("EXTENSION - ")]
        if not entries:
            return {}
        dump.seek(0)
        with _in_memory("".join(f"{line}\n" for line in entries)) as chosen:
            command = [self._program("pg_restore"), f"--use-list=/dev/fd/{chosen}", "--file=-"]
            return find_extensions(self._run("pg_restore", command, timeout=_LIST_TIMEOUT, stdin=dump, pass_fds=[chosen]))

    def restore(self, dump: IO[bytes], database: str, shape: Shape, *, timeout: float, warn: Callable[[str], object]) -> None:
        """Restore a dump into a new database beside the app's own, made like the dumped one; nothing is left of it if that fails."""
        self._require_room(shape)
        self.make(database, shape, warn=warn)
        try:
            self._fill(dump, database, shape, timeout)
        except BaseException:
            self.drop(database, warn=warn)
            raise

    def make(self, database: str, shape: Shape, *, warn: Callable[[str], object]) -> None:
        """Make an empty database beside the app's own, which the app's user alone opens; raise UserError if there is one of that name."""
        require_beside(database, self.app)
        with hold_lock(LOCK, LOCK_TIMEOUT, warn):
            state = self.server.read_state([self.app, database])
            if database in state["databases"]:
                raise UserError(
                    f"there is a database {database} already; choose another name, or drop it: `sudo -u postgres dropdb {database}`"
                )
            if self.app not in state["roles"]:
                raise UserError(f"PostgreSQL {self.server.cluster} has no role {self.app}; run site.yml with `database` in the app's entry")
            # Closed to others before it is there.
            self.server.ensure_rules(state, [self.app], opened=[database])
            for step in plan_new(database, self.app, shape.form):
                self.server.execute(step.statements, step.database)

    def drop(self, database: str, *, warn: Callable[[str], object]) -> None:
        """Drop a database beside the app's own, whoever is connected to it, and its rules with it."""
        require_beside(database, self.app)
        with hold_lock(LOCK, LOCK_TIMEOUT, warn):
            state = self.server.read_state([self.app, database])
            owner = state["databases"].get(database, {}).get("owner", self.app)
            if owner != self.app:
                raise UserError(f"the database {database} belongs to the role {owner}, not to the app; it was not dropped")
            self.server.execute(f"DROP DATABASE IF EXISTS {quote_name(database)} WITH (FORCE)", ADMINISTRATION)
            self.server.ensure_rules(state, [self.app], closed=[database])

    def replace_own(self, database: str, kept: str, *, warn: Callable[[str], object]) -> None:
        """Give a database beside the name of the app's own, which is called `kept` from then on. Whoever is connected to it is put out.

        If that fails, the app has its own as before.
        """
        require_beside(database, self.app)
        require_beside(kept, self.app)
        with hold_lock(LOCK, LOCK_TIMEOUT, warn):
            state = self.server.read_state([self.app, kept])
            self._tell(f"ALTER DATABASE {quote_name(self.app)} ALLOW_CONNECTIONS false")
            try:
                self._rename_unused(self.app, kept)
            finally:
                now = kept if kept in self.server.list_owned(self.app) else self.app
                self._tell(f"ALTER DATABASE {quote_name(now)} ALLOW_CONNECTIONS true")
            try:
                self._rename_unused(database, self.app)
            except UserError:
                self._rename_unused(kept, self.app)
                raise
            self.server.ensure_rules(state, [self.app], closed=[database])

    def _rename_unused(self, database: str, name: str) -> None:
        """Rename a database, once those are gone who were connected to it."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            self._tell(_PUT_OUT.format(name=quote_text(database)))
            try:
                self._tell(f"ALTER DATABASE {quote_name(database)} RENAME TO {quote_name(name)}")
            except UserError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE)
            else:
                return

    def _tell(self, statement: str) -> None:
        self.server.execute(statement, ADMINISTRATION)

    def is_within(self, database: str, other: str, *, timeout: float) -> bool:
        """Return whether each row of a small database is in another one, too, in the table of the same name.

        One with more rows than can be compared is taken for another one.
        """
        left = _MOST_COMPARED
        for table in self.ask(_TABLES, database, timeout=timeout).splitlines():
            rows = self.ask(_ROWS.format(table=table, most=left + 1), database, timeout=timeout).split()
            left -= len(rows)
            if left < 0:
                return False
            try:
                known = rows and self.ask(_SAME.format(table=table, rows=", ".join(map(quote_text, rows))), other, timeout=timeout).split()
            except UserError:  # it has no such table
                return False
            if set(rows) != set(known):
                return False
        return True

    def list_beside(self) -> dict[str, int]:
        """Return the databases beside the app's own, with the bytes that each takes."""
        return {name: size for name, size in self.server.list_owned(self.app).items() if is_beside(name, self.app)}

    def ask(self, query: str, database: str, *, timeout: float) -> str:
        """Return what one query says in a database, asked by the app's user."""
        words = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", f"--command={query}"]
        return self._run("psql", self._name_program("psql", *words, f"--dbname={quote_connection(database)}"), timeout=timeout)

    def _require_room(self, shape: Shape) -> None:
        """Raise UserError where a database of this size would fill the disk of all the others."""
        directory = self.server.find_directory()
        room = find_room(directory)
        if room < shape.size:
            raise UserError(
                f"{directory}, in which PostgreSQL has its data, has room for {room // _MIB} MiB, and the restored database needs "
                f"{-(-shape.size // _MIB)} MiB; nothing was restored. Free some space there"
            )

    def _fill(self, dump: IO[bytes], database: str, shape: Shape, timeout: float) -> None:
        there = self.server.list_extensions(database)
        for extension, schema in shape.extensions.items():
            if extension not in there:
                for statement in plan_extension(extension, schema, self.app):
                    self.server.execute(statement, database)
        dump.seek(0)
        wanted = choose_entries(self.list_content(dump), shape.extensions.values())
        dump.seek(0)
        with _in_memory("".join(f"{line}\n" for line in wanted)) as chosen:
            words = ["--exit-on-error", "--no-owner", "--no-privileges", f"--use-list=/dev/fd/{chosen}"]
            command = self._name_program("pg_restore", *words, f"--dbname={quote_connection(database)}")
            self._run("pg_restore", command, timeout=timeout, stdin=dump, pass_fds=[chosen])
        # The planner knows nothing of tables that have just been filled.
        self.ask("ANALYZE", database, timeout=timeout)

    def _program(self, name: str) -> str:
        return f"/usr/lib/postgresql/{self.server.cluster.version}/bin/{name}"

    def _name_program(self, name: str, *words: str) -> list[str]:
        connection = [f"--host={SOCKET_DIRECTORY}", f"--port={self.server.cluster.port}", f"--username={self.app}", "--no-password"]
        return [self._program(name), *connection, *words]

    def _run(self, what: str, command: Sequence[str], *, timeout: float, **options: Any) -> str:  # noqa: ANN401 - those of commands.run
        return _run(self.user, what, command, timeout=timeout, **options)


def dump_elsewhere(place: Place, path: Path, *, timeout: float) -> int:
    """Dump a database on another host like `Dumps.write`, with what the app itself comes with; return the bytes that it takes there."""
    user, database = _find_user(place.app), quote_connection(place.database)
    size = int(ask(place, "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())"))
    with _write_whole(path, place.address, size) as (file, limit):
        dump = [find_program("pg_dump"), *place.list_options(), "--format=custom", f"--dbname={database}"]
        try:
            _run(user, "pg_dump", [*limit, *dump], timeout=timeout, variables=place.access, stdout=file)
        except UserError as problem:
            raise UserError(explain(f"the database {place.address} was not dumped: {problem}")) from None
    return size


def _find_user(app: str) -> pwd.struct_passwd:
    """Return the user that runs an app; raise UserError where it has none."""
    user = find_user(app)
    if user is None or user.pw_gecos != AppLayout.of(app).comment:
        raise UserError(f"the host has no user {app} that runs the app {app}; run site.yml, which makes it")
    return user


@contextmanager
def _write_whole(path: Path, database: str, size: int) -> Iterator[tuple[IO[bytes], list[str]]]:
    """Give a file for a dump of a database of so many bytes, and what comes before the command that writes it.

    The file is in its place when all of it is on the disk. Its directory has to be root's alone.
    """
    require_closed_way(path.parent)
    room, needed = find_room(path.parent), size // _COMPRESSED
    if room < needed:
        raise UserError(
            f"{path.parent} has room for {room // _MIB} MiB, and a dump of the database {database} may need {-(-needed // _MIB)} MiB; "
            "nothing was written. Free some space there"
        )
    partial = path.with_name(f".{path.name}{_PARTIAL}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            # The kernel ends it where the file would take what the host needs.
            yield file, ["/usr/bin/prlimit", f"--fsize={room}", "--"]
            os.fsync(descriptor)
        os.replace(partial, path)
    except BaseException:
        with suppress(FileNotFoundError):
            partial.unlink()
        raise
    sync_directory(path.parent)


def _run(
    user: pwd.struct_passwd,
    what: str,
    command: Sequence[str],
    *,
    timeout: float,
    variables: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401 - those of commands.run
) -> str:
    """Run a program as an app's user; return what it has written."""
    try:
        environment = {**_VARIABLES, **(variables or {})}
        identity: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        ended = commands.run(command, timeout=timeout, cwd=Path("/"), env=environment, **identity, **options)
    except commands.TimedOut:
        raise UserError(f"{what} took more than {timeout:g} s and was stopped") from None
    if ended.cut and "most" in options:
        raise UserError(f"{what} has said more than {options['most'] // _MIB} MiB, which is more than is read")
    if ended.status == -signal.SIGXFSZ:
        raise UserError(f"{what} would have filled the disk, and was stopped; free some space, and run again")
    if ended.status != 0:
        said = "\n".join(find_last_words(ended.errors, _LINES)) or f"it ended with status {ended.status}"
        raise UserError(f"{what} says: {said}")
    return ended.output


_VARIABLES = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "PGOPTIONS": "-c statement_timeout=0"}


_MOST_COMPARED = 10_000
"""Rows."""

_PUT_OUT = "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname = {name}"

_TABLES = """
SELECT pg_catalog.format('%I.%I', schemaname, tablename) FROM pg_catalog.pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'django_migrations' ORDER BY 1
"""
"""In that one Django writes down the moment at which a migration ran, which tells nothing of an app's data."""

_ROWS = "SELECT pg_catalog.md5(t::text) FROM {table} t LIMIT {most}"
_SAME = "SELECT DISTINCT digest FROM (SELECT pg_catalog.md5(t::text) AS digest FROM {table} t) AS other WHERE digest IN ({rows})"


def plan_extension(extension: str, schema: str, owner: str) -> list[str]:
    """Return the statements that make an extension in a schema, which is the app's where it is none of PostgreSQL's."""
    if schema in ("public", "pg_catalog"):
        return [f"CREATE EXTENSION {quote_name(extension)} SCHEMA {quote_name(schema)} CASCADE"]
    place = f"CREATE SCHEMA IF NOT EXISTS {quote_name(schema)} AUTHORIZATION {quote_name(owner)}"
    return [place, f"CREATE EXTENSION {quote_name(extension)} SCHEMA {quote_name(schema)} CASCADE"]


_ENTRY = re.compile(r"\d+; \d+ \d+ (?P<what>.*)")


def choose_entries(listed: Sequence[str], schemas: Collection[str]) -> list[str]:
    """Return the entries of a dump without those that the administrator makes: extensions, what is said of them, and their schemas."""
    made = tuple(f"SCHEMA - {schema} " for schema in schemas)
    left_out = ("EXTENSION - ", "COMMENT - EXTENSION ", *made)
    return [line for line in listed if (entry := _ENTRY.match(line)) and not f"{entry['what']} ".startswith(left_out)]


_NAME = r'"(?:[^"]|"")+"|[^\s";]+'
_EXTENSION = re.compile(rf"^CREATE EXTENSION IF NOT EXISTS (?P<name>{_NAME}) WITH SCHEMA (?P<schema>{_NAME});$", re.MULTILINE)


def find_extensions(statements: str) -> dict[str, str]:
    """Return the extensions that the statements of a dump make, and the schema of each."""
    return {_unquote(found["name"]): _unquote(found["schema"]) for found in _EXTENSION.finditer(statements)}


def _unquote(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def quote_connection(database: str) -> str:
    """Return a database's name as libpq takes it wherever it takes a connection string as well."""
    escaped = database.replace("\\", "\\\\").replace("'", "\\'")
    return f"dbname='{escaped}'"


@contextmanager
def _in_memory(text: str) -> Iterator[int]:
    """Give a program of another account a text to read, as a file in memory; return its descriptor."""
    descriptor = os.memfd_create("list")
    try:
        with os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
        yield descriptor
    finally:
        os.close(descriptor)
