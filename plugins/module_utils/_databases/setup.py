# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which setup commands a database has had: a table in the database itself, so that it goes with the data wherever these go.

The app's own role writes it, and PostgreSQL's administrator never: the app could have planted something in its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import quote_text
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place, ask, execute

_READ = """
SELECT pg_catalog.json_build_object(
    'is_begun', pg_catalog.to_regclass('webstack_flask.setup') IS NOT NULL,
    'has_data', EXISTS (
        SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_'
          AND n.nspname NOT IN ('information_schema', 'webstack_flask')
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                          WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')))
"""
"""The table is in a schema beside those of the app: what lists the app's tables, as migrations do, looks into its own."""

_READ_TABLE = "SELECT pg_catalog.json_build_object('done', done, 'is_finished', finished IS NOT NULL) FROM webstack_flask.setup"

_BEGIN = """
CREATE SCHEMA webstack_flask;
COMMENT ON SCHEMA webstack_flask IS 'what this database has had of its setup commands';
CREATE TABLE webstack_flask.setup (done text[] NOT NULL, finished timestamptz);
INSERT INTO webstack_flask.setup VALUES ('{}', NULL);
"""

_NOTE = "UPDATE webstack_flask.setup SET done = pg_catalog.array_append(done, "
_FINISH = "UPDATE webstack_flask.setup SET finished = pg_catalog.now();"


@dataclass(frozen=True)
class Setup:
    """How far the setup of a database is."""

    is_begun: bool
    is_finished: bool
    has_data: bool
    """Whether it has tables, whoever has made them."""

    done: tuple[str, ...] = ()
    """The commands that have run, as they were written then."""

    @classmethod
    def of(cls, told: Mapping[str, Any], table: Mapping[str, Any] | None) -> Setup:
        """Return it from what the database says."""
        said = table or {"done": [], "is_finished": False}
        return cls(bool(told["is_begun"]), bool(said["is_finished"]), bool(told["has_data"]), tuple(said["done"]))


def read_setup(place: Place) -> Setup:
    """Return how far the setup of a database is."""
    told = ask(place, _READ)
    return Setup.of(told, ask(place, _READ_TABLE) if told["is_begun"] else None)


def begin_setup(place: Place, *, finished: bool = False) -> None:
    """Write down that the setup of a database has begun, or that it needs none."""
    execute(place, _BEGIN + _FINISH if finished else _BEGIN)


def note_command(place: Place, command: str) -> None:
    """Write down that a command has run."""
    execute(place, f"{_NOTE}{quote_text(command)})")


def finish_setup(place: Place) -> None:
    """Write down that all of them have."""
    execute(place, _FINISH)
