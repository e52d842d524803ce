# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database of an app is asked and told with the rights of the app: it owns the database, and can have planted anything in it."""

from __future__ import annotations

import json
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import PORT, SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

_TIMEOUT = 120
_LINES = 10

_OPTIONS = "-c standard_conforming_strings=on -c lock_timeout=30s"


@dataclass(frozen=True)
class Place:
    """Which database: that of an app, whose user and role have its name, in the cluster that listens on a port."""

    app: str
    database: str
    port: int = PORT

    @classmethod
    def of(cls, app: str, variables: Mapping[str, str]) -> Place:
        """Return the database of which an app is told by its variables, as address.list_variables makes them."""
        return cls(app, variables["PGDATABASE"], int(variables.get("PGPORT", PORT)))


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
                *(_find_psql(), "--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"),
                *(f"--host={SOCKET_DIRECTORY}", f"--port={place.port}", f"--username={place.app}", f"--dbname={place.database}"),
                f"--command={statements}",
            ],
            timeout=_TIMEOUT,
            cwd=Path("/"),
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "PGOPTIONS": _OPTIONS},
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
        )
    except commands.TimedOut:
        raise UserError(f"the database {place.database} has not answered within {_TIMEOUT} s") from None
    if ended.status != 0:
        said = "\n".join(find_last_words(ended.errors, _LINES))
        raise UserError(f"PostgreSQL says of the database {place.database}, to its own user: {said}")
    return ended.output


def _find_psql() -> str:
    """Return the newest psql of the host, which talks to every older server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"), key=lambda path: [int(part) for part in path.parts[4].split(".")])
    if not found:
        raise UserError("PostgreSQL is not installed on this host; site.yml installs it, and deploy.yml alone does not")
    return str(found[-1])
