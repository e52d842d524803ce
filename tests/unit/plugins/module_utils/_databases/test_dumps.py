"""What of a dump is restored, and how; `molecule/data` has real dumps."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._databases.dumps import (
    choose_entries,
    find_extensions,
    plan_extension,
    quote_connection,
)

LISTED = [
    "5; 2615 16400 SCHEMA - sales shop",
    "6; 2615 16401 SCHEMA - maps shop",
    "2; 3079 16386 EXTENSION - citext ",
    "3449; 0 0 COMMENT - EXTENSION citext ",
    "217; 1259 16501 TABLE public notices shop",
    "218; 1259 16502 TABLE public EXTENSION shop",
    "3441; 0 16501 TABLE DATA public notices shop",
    "3442; 0 0 COMMENT public TABLE notices shop",
    ";",
]


def test_what_the_administrator_makes_is_left_out_and_all_else_is_restored() -> None:
    left = [LISTED[0], LISTED[4], LISTED[5], LISTED[6], LISTED[7]]
    assert choose_entries(LISTED, ["public", "maps"]) == left
    assert choose_entries(LISTED, ["public", "map"]) == [LISTED[0], LISTED[1], *left[1:]]


def test_an_extension_is_made_in_the_schema_in_which_it_was_which_is_the_app_s() -> None:
    assert plan_extension("citext", "public", "shop") == ['CREATE EXTENSION "citext" SCHEMA "public" CASCADE']
    assert plan_extension("postgis", "maps", "shop") == [
        'CREATE SCHEMA IF NOT EXISTS "maps" AUTHORIZATION "shop"',
        'CREATE EXTENSION "postgis" SCHEMA "maps" CASCADE',
    ]


def test_a_database_s_name_is_never_read_as_a_connection_string() -> None:
    assert quote_connection("shop.try-1") == "dbname='shop.try-1'"
    assert quote_connection("x' host=elsewhere \\") == "dbname='x\\' host=elsewhere \\\\'"


def test_the_extensions_of_a_dump_are_those_that_its_statements_make() -> None:
    statements = (
        "SET row_security = off;\n"
        "CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;\n"
        'CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA "My ""Own""";\n'
        "COMMENT ON EXTENSION citext IS 'CREATE EXTENSION IF NOT EXISTS dblink WITH SCHEMA public;';\n"
    )
    assert find_extensions(statements) == {"citext": "public", "uuid-ossp": 'My "Own"'}
