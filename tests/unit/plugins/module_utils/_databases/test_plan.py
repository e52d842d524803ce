"""What is done for a database, given what the server has."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.plan import (
    Form,
    plan_new,
    plan_steps,
    quote_name,
    quote_text,
    require_possible,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

ROLE = {
    "comment": "runs shop (webstack.flask)",
    "login": True,
    "limit": -1,
    "password": False,
    **dict.fromkeys(("superuser", "createdb", "createrole", "replication", "bypassrls"), False),
}
DATABASE = {"owner": "shop", "locale": None, "public": False}


def want(**changes: object) -> dict[str, Any]:
    return {"name": "shop", "extensions": [], "connection_limit": None, "locale": None, **changes}


def have(role: dict[str, Any] | None = None, database: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "roles": {"shop": role} if role else {},
        "databases": {"shop": database} if database else {},
        "available": ["citext", "plpgsql"],
        "locales": ["cs", "cs-CZ", "de"],
        "version": "15",
    }


def plan(wanted: dict[str, Any], state: dict[str, Any], installed: tuple[str, ...] = ()) -> list[str]:
    return [step.statements for step in plan_steps(wanted, state, installed)]


def test_a_role_is_made_with_its_mark_and_then_its_database_which_is_closed() -> None:
    may = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20 PASSWORD NULL"
    assert plan(want(connection_limit=20, extensions=["citext"]), have()) == [
        f"""CREATE ROLE "shop" {may}; COMMENT ON ROLE "shop" IS 'runs shop (webstack.flask)'""",
        """CREATE DATABASE "shop" OWNER "shop" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'""",
        'REVOKE ALL ON DATABASE "shop" FROM PUBLIC',
        'CREATE EXTENSION "citext" CASCADE',
    ]


def test_nothing_is_done_where_all_is_well() -> None:
    assert plan(want(extensions=["citext"]), have(ROLE, DATABASE), ("citext", "hstore")) == []


@pytest.mark.parametrize("might", ["superuser", "createdb", "createrole", "replication", "bypassrls", "password"])
def test_what_a_role_may_do_too_much_is_taken_back(might: str) -> None:
    (statement,) = plan(want(), have({**ROLE, might: True}, DATABASE))
    assert statement.startswith('ALTER ROLE "shop" LOGIN NOSUPERUSER ')


def test_what_a_run_that_was_cut_off_has_left_is_finished() -> None:
    assert [text.split(" ", 2)[:2] for text in plan(want(), have(ROLE))] == [["CREATE", "DATABASE"], ["REVOKE", "ALL"]]
    assert plan(want(), have(ROLE, {**DATABASE, "public": True})) == ['REVOKE ALL ON DATABASE "shop" FROM PUBLIC']


@pytest.mark.parametrize(
    ("wanted", "state", "problem"),
    [
        (want(name="postgres"), have(), "postgres is a name of PostgreSQL's own"),
        (want(name="pg_stat"), have(), "pg_stat is a name of PostgreSQL's own"),
        (want(), have(database={**DATABASE, "owner": "alice"}), "the database shop is there already and belongs to the role alice"),
        (want(), have({**ROLE, "comment": None}), "the role shop is there already, and was not made for this app"),
        (
            want(extensions=["citext", "vector"]),
            have(),
            "extensions has vector, which PostgreSQL 15 does not have on this host. It has citext",
        ),
        (
            want(locale="xx"),
            have(),
            "locale is 'xx', which PostgreSQL does not know; allowed are tags of languages such as cs, de or pt-BR: cs, de",
        ),
        (want(locale="de"), have(ROLE, {**DATABASE, "locale": "cs"}), "locale is 'de', and the database was made with cs"),
    ],
)
def test_what_cannot_be_is_refused(wanted: dict[str, Any], state: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError) as caught:
        require_possible(wanted, state)
    assert str(caught.value).startswith(problem)


def test_what_can_be_is_not_refused() -> None:
    require_possible(want(locale="cs", extensions=["citext"]), have(ROLE, {**DATABASE, "locale": "cs"}))


def test_names_and_texts_are_quoted() -> None:
    assert quote_name('lost-and"found') == '"lost-and""found"'
    assert quote_text("it's \\ all") == "'it''s \\ all'"
    for quote in (quote_name, quote_text):
        with pytest.raises(UserError):
            quote("a\0b")


def test_a_database_beside_is_the_app_s_and_sorts_as_the_one_that_it_is_like() -> None:
    like = Form("UTF8", "cs_CZ.UTF-8", "cs_CZ.UTF-8")
    assert [step.statements for step in plan_new("shop.try", "shop", like)] == [
        """CREATE DATABASE "shop.try" OWNER "shop" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'cs_CZ.UTF-8' LC_CTYPE 'cs_CZ.UTF-8'""",
        'REVOKE ALL ON DATABASE "shop.try" FROM PUBLIC',
    ]


@pytest.mark.parametrize(
    ("provider", "words"), [("i", "LOCALE_PROVIDER icu ICU_LOCALE 'cs'"), ("b", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'cs'")]
)
def test_who_sorts_is_the_same_too(provider: str, words: str) -> None:
    assert Form(provider=provider, locale="cs").describe() == f"{Form().describe()} {words}"
