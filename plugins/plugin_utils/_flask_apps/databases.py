# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of apps of `flask_apps`: what is wrong with them, what the role postgresql needs, and how an app is told of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import VARIABLES, is_reserved, list_variables
from ansible_collections.webstack.flask.plugins.module_utils._layout import name_service_variable
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import App, given, list_present
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import show

DATABASE_UNIT = "postgresql.service"
"""Debian's unit for all clusters. At boot an app waits for it, and goes on without it."""

_SCHEME = re.compile(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?")
_EXTENSION = re.compile(r"[a-z][a-z0-9_-]*")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")


def database_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `postgresql_databases`."""
    return [
        {"name": app["name"], **given({key: app["database"][key] for key in ("extensions", "connection_limit", "locale")})}
        for app in list_present(apps)
        if app["database"]
    ]


def database_variables(app: App, port: int | str) -> dict[str, str]:
    """Return the environment variables that tell an app of its database, given the port of the host's PostgreSQL, be it as text."""
    return list_variables(app["name"], app["database"]["scheme"], int(port)) if app["database"] else {}


def _find_name_problems(app: App) -> Problems:
    if app["database"] and is_reserved(app["name"]):
        yield (
            f"database would be called {app['name']} as the app is, and PostgreSQL keeps that name for itself, as it keeps `postgres`, "
            "`template0`, `template1`, `public`, `none` and all that begin with `pg_`; give the app another name"
        )


def _find_value_problems(app: App) -> Problems:
    database = app["database"] or {}
    if database and not _SCHEME.fullmatch(database["scheme"]):
        yield (
            f"database.scheme is {show(database['scheme'])}; it must be what stands before `://` in the URL of a database, such as "
            "postgresql, postgresql+psycopg or postgresql+asyncpg"
        )
    for extension in database.get("extensions", ()):
        if not _EXTENSION.fullmatch(extension):
            yield f"database.extensions has {show(extension)}; it must be the name of an extension of PostgreSQL, such as citext or pg_trgm"
    limit = database.get("connection_limit")
    if limit is not None and limit < 1:
        yield f"database.connection_limit is {limit}; it must be 1 or more. Without the key only the server's own limit counts"
    if database.get("dumps", 0) < 0:
        yield f"database.dumps is {database['dumps']}; it must be 0 or more. With 0 no dump is written before release commands"
    if database.get("locale") is not None and not _LOCALE.fullmatch(database["locale"]):
        yield f"database.locale is {show(database['locale'])}; it must be the tag of a language, such as cs, de or pt-BR"


def _find_setup_without_database(app: App) -> Problems:
    if app["setup_commands"] and not app["database"]:
        yield (
            "setup_commands is given without `database`, which would remember that they have run; write `database: postgresql`. Where the "
            "data are elsewhere, put them into `release_commands`, if they bear to run again"
        )


def _find_given_variables(app: App) -> Problems:
    for variable in VARIABLES if app["database"] else ():
        if variable in app["env"]:
            yield f"env.{variable} is given, and tells the app of its `database` already; take one of the two out"
        for service in (name for name in app["uses"] if name_service_variable(name) == variable):
            yield f"uses names {service!r}, whose URL would be in {variable}, which tells the app of its `database`; rename that service"


FINDERS = (_find_name_problems, _find_value_problems, _find_setup_without_database, _find_given_variables)
