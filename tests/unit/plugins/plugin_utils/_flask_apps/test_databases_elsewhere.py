"""The key `database` with a `host`: what it may say, and what becomes of it."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.backups import backup_inputs
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.databases import database_inputs, database_packages
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import release_inputs
from unit.flask_entries import describe, find_problem

NONE = {"shop": {"id": "1"}}
THERE = {"engine": "postgresql", "host": "db.example.com", "password": "p@s:/ w%"}
SYSTEM = "/etc/ssl/certs/ca-certificates.crt"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


def told(**changes: object) -> dict[str, str]:
    (release,) = release_inputs(check_apps([describe(database={**THERE, **changes})]), NONE, NONE)
    return {name: value for name, value in release["env"].items() if name != "FLASK_APP"}


def test_the_app_is_told_where_it_is_and_how_the_server_is_known() -> None:
    assert told() == {
        "DATABASE_URL": f"postgresql://shop:p%40s%3A%2F%20w%25@db.example.com:5432/shop?sslmode=verify-full&sslrootcert={SYSTEM}",
        "PGHOST": "db.example.com",
        "PGPORT": "5432",
        "PGDATABASE": "shop",
        "PGUSER": "shop",
        "PGPASSWORD": "p@s:/ w%",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": SYSTEM,
    }


def test_another_name_role_and_port_are_in_all_of_it() -> None:
    variables = told(port=6432, name="store", user="clerk@cloud", host="2001:db8::7", scheme="postgresql+psycopg")
    assert variables["DATABASE_URL"].startswith("postgresql+psycopg://clerk%40cloud:p%40s%3A%2F%20w%25@[2001:db8::7]:6432/store?sslmode=")
    assert [variables[name] for name in ("PGHOST", "PGPORT", "PGDATABASE", "PGUSER")] == ["2001:db8::7", "6432", "store", "clerk@cloud"]


def test_sqlalchemy_gets_for_asyncpg_what_asyncpg_takes() -> None:
    assert told(scheme="postgresql+asyncpg")["DATABASE_URL"].partition("?")[2] == "ssl=verify-full"


def test_a_ca_that_is_given_as_text_goes_along_with_the_release_under_its_digest() -> None:
    (release,) = release_inputs(check_apps([describe(database={**THERE, "ca": f"\n{PEM}"})]), NONE, NONE)
    assert release["database"] == {"dumps": 3, "ca": f"{PEM}\n"}
    path = release["env"]["PGSSLROOTCERT"]
    assert path.startswith("/var/www/shop/authorities/")
    assert f"sslrootcert={path}" in release["env"]["DATABASE_URL"]
    assert told(ca=PEM.replace("MIIB", "MIIC"))["PGSSLROOTCERT"] != path == told(ca=f"{PEM}\n")["PGSSLROOTCERT"]


def test_a_ca_of_the_machine_is_named_by_its_path() -> None:
    (release,) = release_inputs(check_apps([describe(database={**THERE, "ca": "/etc/ssl/db.pem"})]), NONE, NONE)
    assert (release["database"], release["env"]["PGSSLROOTCERT"]) == ({"dumps": 3}, "/etc/ssl/db.pem")


def test_the_machine_itself_gets_no_server_for_it_and_no_app_waits_for_one() -> None:
    apps = check_apps([describe(database=THERE)])
    assert database_inputs(apps) == []
    assert database_packages(apps, ["postgresql"], ["postgresql-client"]) == ["postgresql-client"]
    assert "after" not in release_inputs(apps, NONE, NONE)[0]


def test_packages_are_those_of_what_the_apps_have() -> None:
    both = [describe(database=THERE), describe(name="board", server_names=["board.test"], database="postgresql")]
    assert database_packages(check_apps(both), ["postgresql"], ["postgresql-client"]) == ["postgresql", "postgresql-client"]
    assert database_packages(check_apps([describe(), {"name": "gone", "state": "absent", "database": THERE}]), ["s"], ["c"]) == []


def test_one_that_is_called_as_postgresql_calls_its_own_is_the_business_of_the_other_host() -> None:
    assert check_apps([describe(name="postgres", database=THERE)])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"password": None}, "database.password is missing, with which the app comes to `host`; keep it in a vault"),
        ({"password": ""}, "database.password is missing"),
        ({"password": "two\nlines"}, "database.password has a line end"),
        ({"host": "/run/postgresql"}, "database.host is '/run/postgresql'; it must be the name of a host"),
        ({"host": "a,b"}, "database.host is 'a,b'; it must be the name of a host"),
        ({"host": ""}, "database.host is ''; it must be the name of a host"),
        ({"host": "db.example.com:5432"}, "database.host is 'db.example.com:5432'; it must be the name of a host"),
        ({"port": 0}, "database.port is 0; it must be from 1 to 65535"),
        ({"name": "x sslmode=disable"}, "database.name is 'x sslmode=disable'; allowed are up to 63 letters"),
        ({"user": "postgresql://x"}, "database.user is 'postgresql://x'; allowed are up to 63 letters"),
        ({"ca": "ca.pem"}, "database.ca must be the certificate of the server's CA as text"),
        (
            {"ca": f"{PEM}\n-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"},
            "database.ca must be the certificate of the server's CA",
        ),
        ({"extensions": ["citext"]}, "database.extensions is given with `host`, and is made there by the administrator of that server"),
        ({"connection_limit": 4}, "database.connection_limit is given with `host`"),
        ({"locale": "cs"}, "database.locale is given with `host`"),
    ],
)
def test_what_is_wrong_with_it_is_told_and_no_password_shown(changes: dict[str, object], problem: str) -> None:
    said = find_problem(database={**THERE, **changes})
    assert said.startswith(problem)
    assert "p@s:/ w%" not in said
    assert "two" not in said


@pytest.mark.parametrize("key", ["port", "name", "user", "password", "ca"])
def test_what_is_for_another_host_is_refused_without_one(key: str) -> None:
    value: object = 5433 if key == "port" else "/x"
    said = find_problem(database={"engine": "postgresql", key: value})
    assert said.startswith(f"database.{key} is given without `host`, and is for a database on another host")
    assert ("postgresql_port" in said) == (key == "port")


@pytest.mark.parametrize("variable", ["DATABASE_URL", "PGPASSWORD", "PGSSLMODE", "PGSSLROOTCERT"])
def test_what_tells_the_app_of_it_is_given_by_nobody_else(variable: str) -> None:
    assert find_problem(database=THERE, env={variable: "x"}).startswith(f"env.{variable} is given, and tells the app of its `database`")


def test_a_backup_has_the_files_alone_and_somebody_has_to_say_that_they_know() -> None:
    backup = {"to": "/mnt/nas", "password": "a long password"}
    assert find_problem(database=THERE, backup=backup).startswith(
        "backup would have the files alone, because the database is on another host"
    )
    (settings,) = backup_inputs(check_apps([describe(database=THERE, backup={**backup, "database": False})]))
    assert settings["database"] is False
    (settings,) = backup_inputs(check_apps([describe(database="postgresql", backup=backup)]))
    assert settings["database"] is True
