# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an app finds its database, and which names PostgreSQL keeps for itself."""

from __future__ import annotations

SOCKET_DIRECTORY = "/run/postgresql"
"""Where Debian's PostgreSQL listens for connections of the host."""

PORT = 5432
"""The port of Debian's first cluster. It is in the name of the socket, too, over which nothing goes by TCP."""

VARIABLES = ("DATABASE_URL", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER")
"""The environment variables that tell an app of its database."""

_RESERVED = ("postgres", "template0", "template1", "public", "none")


def is_reserved(name: str) -> bool:
    """Return whether no app with a database can have a name, because PostgreSQL has a role or a database of this name."""
    return name in _RESERVED or name.startswith("pg_")


def list_variables(name: str, scheme: str, port: int) -> dict[str, str]:
    """Return the environment variables of an app, whose user, role and database have its name: it needs no password.

    The socket and the port are in the URL's query: libpq, SQLAlchemy, asyncpg and Django all take them from there, and asyncpg does not
    take a port without a host from before the path.
    """
    is_usual = port == PORT
    url = f"{scheme}://{name}@/{name}?host={SOCKET_DIRECTORY}{'' if is_usual else f'&port={port}'}"
    variables = {"DATABASE_URL": url, "PGHOST": SOCKET_DIRECTORY, "PGDATABASE": name, "PGUSER": name}
    return variables if is_usual else {**variables, "PGPORT": str(port)}
