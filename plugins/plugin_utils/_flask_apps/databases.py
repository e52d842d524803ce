# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of apps of `flask_apps`: what is wrong with them, what the role postgresql needs, and how an app is told of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import is_pem
from ansible_collections.webstack.flask.plugins.module_utils._databases.address import (
    ACCESS_VARIABLES,
    PORT,
    SYSTEM_AUTHORITIES,
    VARIABLES,
    Elsewhere,
    is_reserved,
    list_variables,
    list_variables_of,
)
from ansible_collections.webstack.flask.plugins.module_utils._databases.memory import check_memory
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout, name_service_variable
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import App, given, list_present
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Problems
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import show

DATABASE_UNIT = "postgresql.service"
"""Debian's unit for all clusters. At boot an app waits for it, and goes on without it."""

_SCHEME = re.compile(r"[a-z][a-z0-9]*(\+[a-z0-9_]+)?")
_EXTENSION = re.compile(r"[a-z][a-z0-9_-]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9A-Fa-f:]+(:[0-9.]+)?")
_LAST_PORT = 65535
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_@.$-]{0,62}")
_PATH = re.compile(r"/[A-Za-z0-9_@+./-]+")
_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")


def database_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `postgresql_databases`."""
    return [
        {"name": app["name"], **given({key: app["database"][key] for key in ("extensions", "connection_limit", "locale")})}
        for app in list_present(apps)
        if has_own_database(app)
    ]


def has_own_database(app: App) -> bool:
    """Return whether an app has a database on its own machine."""
    return bool(app["database"]) and app["database"]["host"] is None


def database_packages(apps: Sequence[App], server: Sequence[str], client: Sequence[str]) -> list[str]:
    """Return the Debian packages for the databases of apps: those of the server, and those for databases on other hosts."""
    wanted = [has_own_database(app) for app in list_present(apps) if app["database"]]
    return [*(server if True in wanted else ()), *(client if False in wanted else ())]


def authority_of(app: App) -> dict[str, str]:
    """Return the CAs that the description has for a database on another host, as the key `ca` of a release's database."""
    ca = app["database"]["ca"]
    return {"ca": _tidy_pem(ca)} if is_pem(ca) else {}


def _tidy_pem(text: str) -> str:
    return text.strip() + "\n"


def _find_elsewhere(app: App) -> Elsewhere:
    database, name = app["database"], app["name"]
    authorities = database["ca"] or SYSTEM_AUTHORITIES
    if is_pem(authorities):
        authorities = str(AppLayout.of(name).authority(digest_of(_tidy_pem(authorities))))
    port, password = database["port"] or PORT, database["password"]
    return Elsewhere(database["host"], port, database["name"] or name, database["user"] or name, password, authorities)


def memory_problems(memory: object) -> list[str]:
    """Return what is wrong with `postgresql_memory`."""
    try:
        check_memory(str(memory))
    except UserError as problem:
        return [str(problem)]
    return []


def database_variables(app: App, port: int | str) -> dict[str, str]:
    """Return the environment variables that tell an app of its database, given the port of its machine's PostgreSQL, be it as text."""
    if not app["database"]:
        return {}
    if not has_own_database(app):
        return list_variables_of(_find_elsewhere(app), app["database"]["scheme"])
    return list_variables(app["name"], app["database"]["scheme"], int(port))


def _find_name_problems(app: App) -> Problems:
    if has_own_database(app) and is_reserved(app["name"]):
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


def _find_problems_elsewhere(app: App) -> Problems:
    database = app["database"]
    if not database:
        return
    if database["host"] is None:
        for key in ("port", "name", "user", "password", "ca"):
            if database[key] is not None:
                other = "; the port of the machine's own PostgreSQL is postgresql_port" if key == "port" else ""
                yield f"database.{key} is given without `host`, and is for a database on another host; give both, or take it out{other}"
        return
    for key in ("extensions", "connection_limit", "locale"):
        if database[key]:
            yield f"database.{key} is given with `host`, and is made there by the administrator of that server; take it out"
    yield from _find_wrong_words(database)
    password, ca = database["password"], database["ca"]
    if not password:
        yield 'database.password is missing, with which the app comes to `host`; keep it in a vault: `password: "{{ vault_… }}"`'
    elif not password.isprintable():
        yield "database.password has a line end or another character that cannot be printed; give one without"
    if ca is not None and (not (is_pem(ca) or _PATH.fullmatch(ca)) or "PRIVATE KEY" in ca):
        yield (
            "database.ca must be the certificate of the server's CA as text (`lookup('file', 'ca.pem')`), without a key, or a path of the "
            f"machine that begins with `/`. Without it the CAs that Debian trusts count, {SYSTEM_AUTHORITIES}"
        )


def _find_wrong_words(database: Mapping[str, Any]) -> Problems:
    host, port = database["host"], database["port"]
    if not _HOST.fullmatch(host):
        yield (
            f"database.host is {show(host)}; it must be the name of a host, such as db.example.com, or its address. For the machine's own "
            "PostgreSQL take it out: `database: postgresql`"
        )
    if port is not None and not 1 <= port <= _LAST_PORT:
        yield f"database.port is {port}; it must be from 1 to {_LAST_PORT}"
    for key in ("name", "user"):
        if database[key] is not None and not _NAME.fullmatch(database[key]):
            yield f"database.{key} is {show(database[key])}; allowed are up to 63 letters, digits and `_@.$-`, a letter or `_` first"


def _find_setup_without_database(app: App) -> Problems:
    if app["setup_commands"] and not app["database"]:
        yield (
            "setup_commands is given without `database`, which would remember that they have run; write `database: postgresql`. Where the "
            "data are elsewhere, put them into `release_commands`, if they bear to run again"
        )


def _find_given_variables(app: App) -> Problems:
    others = () if has_own_database(app) else ACCESS_VARIABLES
    for variable in (*VARIABLES, *others) if app["database"] else ():
        if variable in app["env"]:
            yield f"env.{variable} is given, and tells the app of its `database` already; take one of the two out"
        for service in (name for name in app["uses"] if name_service_variable(name) == variable):
            yield f"uses names {service!r}, whose URL would be in {variable}, which tells the app of its `database`; rename that service"


FINDERS = (_find_name_problems, _find_value_problems, _find_problems_elsewhere, _find_setup_without_database, _find_given_variables)
