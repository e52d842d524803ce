# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database of an app is asked and told with the rights of the app: it owns the database, and can have planted anything in it."""

from __future__ import annotations

import json
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import ACCESS_VARIABLES, PORT, SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.module_utils._databases.refusals import explain
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

_TIMEOUT = 120
_LINES = 10

_VARIABLES = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "PGCLIENTENCODING": "UTF8",
    "PGOPTIONS": "-c standard_conforming_strings=on -c lock_timeout=30s",
    # A firewall lets what it refuses go unanswered.
    "PGCONNECT_TIMEOUT": "15",
}


@dataclass(frozen=True)
class Place:
    """Which database: that of an app, whose user and role have its name, in the cluster that listens on a port; or one elsewhere."""

    app: str
    database: str
    port: int = PORT
    host: str = SOCKET_DIRECTORY
    access: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    """Where it is on another host, the variables that say as which role one comes, with which password, and how the server is known."""

    @classmethod
    def of(cls, app: str, variables: Mapping[str, str]) -> Place:
        """Return the database of which an app is told by its variables, as the module address makes them."""
        place = cls(app, variables["PGDATABASE"], int(variables.get("PGPORT", PORT)), variables.get("PGHOST", SOCKET_DIRECTORY))
        if not place.is_elsewhere:
            return place
        return replace(place, access={name: variables[name] for name in ("PGUSER", *ACCESS_VARIABLES) if name in variables})

    @property
    def is_elsewhere(self) -> bool:
        """Whether the server is reached over the network, and administered by somebody else."""
        return not self.host.startswith("/")

    @property
    def address(self) -> str:
        """The database for people."""
        return f"{self.database} on {self.host}:{self.port}" if self.is_elsewhere else self.database

    def list_options(self) -> list[str]:
        """Return how the programs of PostgreSQL are told of the server and the role. A password is none of it."""
        return [f"--host={self.host}", f"--port={self.port}", f"--username={self.access.get('PGUSER', self.app)}", "--no-password"]


def ask(place: Place, query: str) -> Any:  # noqa: ANN401 - whatever was asked for
    """Return what a query answers in JSON, None for nothing; raise UserError if that cannot be had."""
    output = execute(place, query).strip()
    try:
        return json.loads(output) if output else None
    except ValueError:
        raise UserError(f"the database {place.database} has answered with what is no JSON: {output[:200]}") from None


def execute(place: Place, statements: str) -> str:
    """Execute statements in one transaction; return what they say, and raise UserError if one fails."""
    account = pwd.getpwnam(place.app)
    try:
        ended = commands.run(
            [
                *(find_program("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"),
                *(*place.list_options(), f"--dbname={place.database}", f"--command={statements}"),
            ],
            timeout=_TIMEOUT,
            cwd=Path("/"),
            env={**_VARIABLES, **place.access},
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
        )
    except commands.TimedOut:
        raise UserError(f"the database {place.address} has not answered within {_TIMEOUT} s") from None
    if ended.status != 0:
        said = "\n".join(find_last_words(ended.errors, _LINES))
        if place.is_elsewhere:
            raise UserError(explain(f"PostgreSQL says of the database {place.address}: {said}"))
        raise UserError(f"PostgreSQL says of the database {place.database}, to its own user: {said}")
    return ended.output


def require_open(place: Place) -> None:
    """Raise UserError with the cause where a database cannot be used as the app is told to."""
    execute(place, "SELECT 1")


def find_program(name: str) -> str:
    """Return the newest psql of the host, or another program of PostgreSQL: it talks to every older server."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: [int(part) for part in path.parts[4].split(".")])
    if not found:
        raise UserError(f"the host has no {name} of PostgreSQL; site.yml installs it, and deploy.yml alone does not")
    return str(found[-1])
