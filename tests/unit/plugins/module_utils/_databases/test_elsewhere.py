"""A database on another host, as programs of PostgreSQL are told of it, and what they say of what is wrong."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.address import Elsewhere, list_variables, list_variables_of
from ansible_collections.webstack.flask.plugins.module_utils._databases.refusals import explain
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
from ansible_collections.webstack.flask.plugins.module_utils._release.data import lead_to_database

THERE = list_variables_of(Elsewhere("db.example.com", 6432, "store", "clerk", "secret"), "postgresql")


def test_a_password_is_in_no_command_line_and_in_no_message() -> None:
    place = Place.of("shop", THERE)
    assert place.list_options() == ["--host=db.example.com", "--port=6432", "--username=clerk", "--no-password"]
    assert place.access == {
        "PGUSER": "clerk",
        "PGPASSWORD": "secret",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/ssl/certs/ca-certificates.crt",
    }
    assert "secret" not in f"{place!r} {place} {place.address}"
    assert "secret" not in repr(Elsewhere("h", 1, "n", "u", "secret"))


def test_one_of_the_host_itself_is_opened_by_the_kernel_s_word() -> None:
    place = Place.of("shop", list_variables("shop", "postgresql", 5433))
    assert place.list_options() == ["--host=/run/postgresql", "--port=5433", "--username=shop", "--no-password"]
    assert (place.is_elsewhere, place.access, place.address) == (False, {}, "shop")


def test_users_who_were_taken_to_another_database_of_the_host_do_not_lead_one_elsewhere_astray() -> None:
    assert lead_to_database(THERE, "shop.20261128t023000") == THERE


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (
            'connection to server at "db" (192.0.2.1), port 5432 failed: FATAL:  password authentication failed for user "shop"',
            "`password`",
        ),
        ("connection failed: SSL error: certificate verify failed", "`ca` is to be"),
        ('server certificate for "a" does not match host name "b"', "`host` is to be a name that is in it"),
        ("connection failed: server does not support SSL, but SSL was required", "`ssl = on`"),
        ("pg_dump: error: aborting because of server version mismatch", "`dumps: 0`"),
    ],
)
def test_the_cause_comes_with_what_mends_it(said: str, hint: str) -> None:
    first, last = explain(said).splitlines()
    assert first == said
    assert last.startswith("Hint: ")
    assert hint in last


def test_what_is_not_known_is_told_as_it_is() -> None:
    assert explain("FATAL: the database system is starting up") == "FATAL: the database system is starting up"
