# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an app finds its database, and which names PostgreSQL keeps for itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

SOCKET_DIRECTORY = "/run/postgresql"
"""Where Debian's PostgreSQL listens for connections of the host."""

PORT = 5432
"""The port of Debian's first cluster. It is in the name of the socket, too, over which nothing goes by TCP."""

VARIABLES = ("DATABASE_URL", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER")
"""The environment variables that tell an app of its database."""

ACCESS_VARIABLES = ("PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT")
"""Those that there are besides where it is on another host: with what the app comes, and how it knows the server."""

VERIFIED = "verify-full"
"""The server's certificate has to be of a CA that is trusted, and for the name by which it is asked."""

SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
"""The CAs that Debian trusts. As a file, because libpq before 16 knows no `system`, and one from PyPI looks for it elsewhere."""

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


@dataclass(frozen=True)
class Elsewhere:
    """A database on another host."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    authorities: str = SYSTEM_AUTHORITIES
    """File with the CAs of which the server's certificate may be."""


def list_variables_of(there: Elsewhere, scheme: str) -> dict[str, str]:
    """Return the environment variables of an app whose database is on another host.

    Without a valid certificate of the server nobody connects, whether by the URL or by the other variables. What says so in the URL is
    libpq's, which asyncpg and Django take, too. SQLAlchemy hands what is in the URL on to asyncpg by name, and that has another one.
    """
    authorities = quote(there.authorities, safe="/")
    query = f"ssl={VERIFIED}" if scheme.endswith("+asyncpg") else f"sslmode={VERIFIED}&sslrootcert={authorities}"
    user, password = quote(there.user, safe=""), quote(there.password, safe="")
    host = f"[{there.host}]" if ":" in there.host else there.host
    return {
        "DATABASE_URL": f"{scheme}://{user}:{password}@{host}:{there.port}/{quote(there.name, safe='')}?{query}",
        "PGHOST": there.host,
        "PGPORT": str(there.port),
        "PGDATABASE": there.name,
        "PGUSER": there.user,
        "PGPASSWORD": there.password,
        "PGSSLMODE": VERIFIED,
        "PGSSLROOTCERT": there.authorities,
    }
