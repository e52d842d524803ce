"""The key `database`: what it may say, and what becomes of it."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.address import list_variables
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.databases import database_inputs
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import release_inputs
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.summary import summarise_databases, summarise_removal
from unit.flask_entries import describe, find_problem, find_problems

NONE = {"shop": {"id": "1"}}


def test_a_word_is_the_engine() -> None:
    (short,), (long,) = check_apps([describe(database="postgresql")]), check_apps([describe(database={"engine": "postgresql"})])
    assert short == long
    assert database_inputs([short]) == [{"name": "shop", "extensions": []}]


def test_an_app_without_one_and_one_that_is_absent_ask_for_none() -> None:
    assert database_inputs(check_apps([describe(), {**describe(name="gone"), "state": "absent", "database": "postgresql"}])) == []


def test_the_app_is_told_of_it_and_starts_after_it() -> None:
    (release,) = release_inputs(check_apps([describe(database="postgresql", env={"DEBUG": "0"})]), NONE, NONE)
    assert release["env"] == {
        "FLASK_APP": "wsgi:app",
        "DEBUG": "0",
        "DATABASE_URL": "postgresql://shop@/shop?host=/run/postgresql",
        "PGHOST": "/run/postgresql",
        "PGDATABASE": "shop",
        "PGUSER": "shop",
    }
    assert release["after"] == ["postgresql.service"]


def test_an_app_without_one_has_the_release_that_it_had() -> None:
    (release,) = release_inputs(check_apps([describe()]), NONE, NONE)
    assert release["env"] == {"FLASK_APP": "wsgi:app"}
    assert "after" not in release


def test_another_scheme_and_another_port_are_in_what_the_app_is_told() -> None:
    told = list_variables("shop", "postgresql+asyncpg", 5433)
    assert told["DATABASE_URL"] == "postgresql+asyncpg://shop@/shop?host=/run/postgresql&port=5433"
    assert told["PGPORT"] == "5433"


def test_a_port_that_was_given_on_the_command_line_is_text() -> None:
    apps = check_apps([describe(database="postgresql")])
    assert release_inputs(apps, NONE, NONE, "5432") == release_inputs(apps, NONE, NONE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("database", "problem"),
    [
        ("mysql", "value of engine must be one of: postgresql, got: mysql found in database"),
        ({"scheme": "postgresql"}, "missing required arguments: engine found in database"),
        (
            {"engine": "postgresql", "scheme": "postgresql://"},
            "database.scheme is 'postgresql://'; it must be what stands before `://` in the URL",
        ),
        (
            {"engine": "postgresql", "extensions": ["citext; DROP"]},
            "database.extensions has 'citext; DROP'; it must be the name of an extension",
        ),
        ({"engine": "postgresql", "connection_limit": 0}, "database.connection_limit is 0; it must be 1 or more"),
        ({"engine": "postgresql", "locale": "cs_CZ.UTF-8"}, "database.locale is 'cs_CZ.UTF-8'; it must be the tag of a language"),
    ],
)
def test_what_is_wrong_with_it_is_told(database: object, problem: str) -> None:
    assert find_problem(database=database).startswith(problem)


def test_a_misspelt_key_is_told_with_the_right_one() -> None:
    (problem,) = find_problems(describe(database={"engine": "postgresql", "extension": ["citext"]}))
    assert "'extension' is not a key; did you mean 'extensions'?" in problem


@pytest.mark.parametrize("name", ["postgres", "template0", "template1", "public", "none", "pg_catalog"])
def test_names_that_postgresql_keeps_for_itself_are_refused_to_apps_with_a_database_alone(name: str) -> None:
    (problem,) = find_problems(describe(name=name, database="postgresql"))
    assert f"database would be called {name} as the app is" in problem
    assert check_apps([describe(name=name)])


@pytest.mark.parametrize("variable", ["DATABASE_URL", "PGHOST", "PGPORT", "PGDATABASE", "PGUSER"])
def test_what_tells_the_app_of_its_database_is_given_by_nobody_else(variable: str) -> None:
    assert find_problem(database="postgresql", env={variable: "x"}).startswith(
        f"env.{variable} is given, and tells the app of its `database`"
    )
    assert check_apps([describe(env={variable: "x"})])


def test_a_service_whose_url_would_have_the_same_variable_is_refused() -> None:
    service = {"name": "database", "source": {"path": "x"}, "wsgi": "wsgi:app", "internal": True}
    (problem,) = find_problems(describe(database="postgresql", uses=["database"]), service)
    assert "uses names 'database', whose URL would be in DATABASE_URL" in problem


def test_the_summary_tells_what_was_done_and_which_of_several_servers_was_taken() -> None:
    done = {"shop": {"changed": True, "notes": ["role made", "database made"]}, "same": {"changed": False, "notes": []}}
    assert summarise_databases({"databases": done, "cluster": "15/main (port 5432)", "other_clusters": ["17/main (port 5433)"]}) == [
        "shop, its database: role made, database made",
        "the databases are in PostgreSQL 15/main (port 5432); the host also has 17/main (port 5433)",
    ]
    assert summarise_databases({"skipped": True}) == []


def test_the_summary_of_a_removal_tells_of_the_database_that_stays() -> None:
    outcome = {"changed": True, "removed": ["a", "b"], "database": True}
    (line,) = summarise_removal({"apps": {"shop": outcome}})
    assert line == "shop: removed (2 parts); there were no data of it; its database shop is still in PostgreSQL, with all its rows"
