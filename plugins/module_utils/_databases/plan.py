# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done for the database of an app, as SQL, given what the server has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import is_reserved
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

ADMINISTRATION = "postgres"
"""The database from which roles and databases are made."""

UNLIMITED = -1
"""PostgreSQL's connection limit of a role that has none."""

_MIGHT = ("superuser", "createdb", "createrole", "replication", "bypassrls")
"""What no app's role may do, by the words of CREATE ROLE."""


@dataclass(frozen=True)
class Step:
    """Statements that the server executes in one transaction, the database in which, and what they do, for people."""

    note: str
    statements: str
    database: str = ADMINISTRATION


@dataclass(frozen=True)
class Form:
    """What of a database is decided when it is made: its encoding, and by which rules it sorts text (`C`, by the system's; ICU's)."""

    encoding: str = "UTF8"
    collate: str = "C.UTF-8"
    ctype: str = "C.UTF-8"
    provider: str = "c"
    locale: str | None = None

    def describe(self) -> str:
        """Return it as CREATE DATABASE takes it.

        Not as template1 is: that has the encoding of whoever installed PostgreSQL, often SQL_ASCII, and what others have put in it.
        """
        plain = f"TEMPLATE template0 ENCODING {quote_text(self.encoding)}"
        plain += f" LC_COLLATE {quote_text(self.collate)} LC_CTYPE {quote_text(self.ctype)}"
        words = {"i": "LOCALE_PROVIDER icu ICU_LOCALE", "b": "LOCALE_PROVIDER builtin BUILTIN_LOCALE"}.get(self.provider)
        return f"{plain} {words} {quote_text(self.locale)}" if words and self.locale else plain


def quote_name(name: str) -> str:
    """Return an identifier as SQL takes it, whatever it holds."""
    escaped = _without_nul(name).replace('"', '""')
    return f'"{escaped}"'


def quote_text(text: str) -> str:
    """Return a literal as SQL takes it, whatever it holds, where `standard_conforming_strings` is on."""
    escaped = _without_nul(text).replace("'", "''")
    return f"'{escaped}'"


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise UserError(f"{text!r} holds a NUL, which PostgreSQL takes in no name and in no text; take it out")
    return text


def require_possible(wanted: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Raise UserError where the name is somebody else's or PostgreSQL's own, and where something cannot be had.

    `state` is what the server has, as `Server.read_state` tells it.
    """
    name = wanted["name"]
    _require_name_to_be_free(AppLayout.of(name), state["roles"].get(name), state["databases"].get(name))
    _require_extensions(wanted, state)
    _require_locale(wanted, state, state["databases"].get(name))


def plan_steps(wanted: Mapping[str, Any], state: Mapping[str, Any], installed: Sequence[str], present: str = "") -> list[Step]:
    """Return what is to be done for one app, in this order; nothing where all is well.

    `present` is the database that users have, where it is not the one that is called like the app, and `installed` are its extensions.
    """
    name = wanted["name"]
    role, database = state["roles"].get(name), state["databases"].get(name)
    return [*_plan_role(wanted, role), *_plan_database(wanted, database), *_plan_extensions(wanted, installed, present or name)]


def _require_name_to_be_free(layout: AppLayout, role: Mapping[str, Any] | None, database: Mapping[str, Any] | None) -> None:
    name = layout.name
    if is_reserved(name):
        raise UserError(f"{name} is a name of PostgreSQL's own, and the database of an app has the app's name; give the app another name")
    if database and database["owner"] != name:
        raise UserError(
            f"the database {name} is there already and belongs to the role {database['owner']}, not to the app; nothing of it was changed. "
            f"Give the app another name, or the database: `ALTER DATABASE {quote_name(name)} RENAME TO …`"
        )
    if role and role["comment"] != layout.comment:
        raise UserError(
            f"the role {name} is there already, and was not made for this app; nothing of it was changed. Give the app another name. "
            f"To give the role to the app, with its database: `COMMENT ON ROLE {quote_name(name)} IS {quote_text(layout.comment)}`. From "
            "the next run on it has no password, opens no other database, and nobody but the app's user connects as it"
        )


def _require_extensions(wanted: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    missing = [extension for extension in wanted["extensions"] if extension not in state["available"]]
    if missing:
        packages = f"postgresql-{state['version']}-"
        raise UserError(
            f"extensions has {' and '.join(missing)}, which PostgreSQL {state['version']} does not have on this host. It has "
            f"{', '.join(state['available'])}. Debian has more of them in packages whose names begin with {packages} "
            f"(`apt-cache search {packages}`): add the package to postgresql_packages"
        )


def _require_locale(wanted: Mapping[str, Any], state: Mapping[str, Any], database: Mapping[str, Any] | None) -> None:
    locale = wanted["locale"]
    if not locale:
        return
    if locale not in state["locales"]:
        raise UserError(
            f"locale is {locale!r}, which PostgreSQL does not know; allowed are tags of languages such as cs, de or pt-BR: "
            f"{', '.join(sorted(tag for tag in state['locales'] if '-' not in tag))}, and those with a country"
        )
    if database and database["locale"] != locale:
        raise UserError(
            f"locale is {locale!r}, and the database was made with {database['locale'] or 'none'}; that cannot be changed later, because "
            "its indexes are sorted so. Take `locale` out, or make the database anew yourself"
        )


def _plan_role(wanted: Mapping[str, Any], role: Mapping[str, Any] | None) -> Iterator[Step]:
    limit = UNLIMITED if wanted["connection_limit"] is None else wanted["connection_limit"]
    name = quote_name(wanted["name"])
    may = f"LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT {limit:d} PASSWORD NULL"
    if role is None:
        mark = f"COMMENT ON ROLE {name} IS {quote_text(AppLayout.of(wanted['name']).comment)}"
        yield Step("role made", f"CREATE ROLE {name} {may}; {mark}")
    elif any(role[might] for might in _MIGHT) or role["password"] or not role["login"] or role["limit"] != limit:
        yield Step("role brought to what it may do", f"ALTER ROLE {name} {may}")


def _plan_database(wanted: Mapping[str, Any], database: Mapping[str, Any] | None) -> Iterator[Step]:
    name, locale = wanted["name"], wanted["locale"]
    if database is None:
        yield from plan_new(name, name, Form(provider="i", locale=locale) if locale else Form())
    elif database["public"]:
        yield _plan_closing(name)


def plan_new(name: str, owner: str, form: Form) -> Iterator[Step]:
    """Return the steps that make a database, which nobody but its owner may connect to."""
    yield Step("database made", f"CREATE DATABASE {quote_name(name)} OWNER {quote_name(owner)} {form.describe()}")
    yield _plan_closing(name)


def _plan_closing(name: str) -> Step:
    return Step("closed to others", f"REVOKE ALL ON DATABASE {quote_name(name)} FROM PUBLIC")


def _plan_extensions(wanted: Mapping[str, Any], installed: Sequence[str], database: str) -> Iterator[Step]:
    for extension in wanted["extensions"]:
        if extension not in installed:
            yield Step(f"extension {extension} made", f"CREATE EXTENSION {quote_name(extension)} CASCADE", database)
