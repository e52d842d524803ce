"""Who opens a database: the app that it belongs to, and the administrator. All others are refused by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, run_role

if TYPE_CHECKING:
    from testinfra.host import Host

    from .conftest import Postgres

testinfra_hosts = ["debian12", "debian13"]

OPEN = "psql -XAt -w -c 'SELECT current_user'"
INTRUDERS = ("lost-and-found", "_build-notices", "www-data", "nobody", "admin")
DATABASES = [{"name": "notices", "extensions": ["citext"], "connection_limit": 40}, {"name": "lost-and-found"}]


@pytest.fixture(autouse=True, scope="module")
def known(postgres: Postgres) -> None:
    """Let the server know those who come, so that their being unknown does not keep them out."""
    for name in ("_build-notices", "www-data", "nobody", "admin"):
        if not postgres.has(name):
            postgres.ask(f'CREATE ROLE "{name}" LOGIN')


def test_the_app_opens_its_database(host: Host) -> None:
    assert as_user(host, "notices", f"{OPEN} -d notices").stdout.strip() == "notices"


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_nobody_else_opens_it_over_the_socket_or_by_tcp_under_any_name(host: Host, intruder: str) -> None:
    assert as_user(host, intruder, f"{OPEN} -d postgres").succeeded == (intruder != "lost-and-found"), "the server knows who comes"
    ways = [(role, place) for role in (intruder, "notices", "postgres") for place in ("/run/postgresql", "127.0.0.1")]
    attempts = [f"PGPASSWORD=guess {OPEN} -h {place} -d notices -U {role} 2>&1 || echo refused" for role, place in ways]
    said = as_user(host, intruder, "; ".join(attempts)).stdout
    *answers, _end = said.split("refused\n")
    assert len(answers) == len(ways)
    # By TCP psql tries it with encryption, and without.
    words = ("pg_hba.conf rejects connection", "Peer authentication failed")
    assert [answer for answer in answers if not any(word in answer for word in words)] == []


@pytest.mark.parametrize("database", ["postgres", "template1", "lost-and-found"])
def test_the_app_opens_no_other_database(host: Host, database: str) -> None:
    attempt = as_user(host, "notices", f"{OPEN} -d {database}")
    assert "rejects connection" in attempt.stderr


@pytest.mark.any_debian("debian12")
@pytest.mark.parametrize(
    "statement", ["CREATE ROLE thief", "CREATE DATABASE loot", "COPY notices TO PROGRAM 'id'", "CREATE EXTENSION file_fdw"]
)
def test_the_app_does_in_its_database_what_it_likes_and_nothing_to_the_server(host: Host, statement: str) -> None:
    assert as_user(host, "notices", "psql -Xq -d notices -c 'CREATE TABLE own (n int); DROP TABLE own'").rc == 0
    said = as_user(host, "notices", f'psql -Xq -d notices -c "{statement}"').stderr
    assert "permission denied" in said or "must be superuser" in said


@pytest.mark.any_debian("debian13")
def test_what_somebody_has_granted_is_taken_back_by_the_next_run(host: Host, postgres: Postgres) -> None:
    postgres.ask("ALTER ROLE notices CREATEDB PASSWORD 'guess' CONNECTION LIMIT 3; GRANT CONNECT ON DATABASE notices TO PUBLIC")
    assert run_role(host, "postgresql", {"postgresql_databases": DATABASES}).succeeded().changed == 1
    query = "SELECT rolcreatedb, rolpassword IS NULL, rolconnlimit, has_database_privilege('public', 'notices', 'CONNECT') FROM pg_authid"
    assert postgres.ask(f"{query} WHERE rolname = 'notices'") == "f|t|40|f"
    assert run_role(host, "postgresql", {"postgresql_databases": DATABASES}).succeeded().changed == 0
