"""Which dumps a PostgreSQL can read; `molecule/data` has real ones."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.archive import require_not_older, require_readable
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

OF_15, OF_17, OF_LATER = (b"PGDMP" + bytes([1, minor, 0]) for minor in (14, 16, 99))


@pytest.mark.parametrize(("head", "version"), [(OF_15, "15"), (OF_15, "17"), (OF_17, "17"), (OF_17, "18"), (OF_LATER, "99")])
def test_a_dump_of_the_same_or_an_older_postgresql_is_read(head: bytes, version: str) -> None:
    require_readable(head, "the dump", version)


@pytest.mark.parametrize(("head", "words"), [(OF_17, "PostgreSQL 17 or a later one"), (OF_LATER, "PostgreSQL 19 or a later one")])
def test_a_dump_of_a_newer_one_is_refused(head: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        require_readable(head, "the dump", "15")


@pytest.mark.parametrize("head", [b"", b"PGDMP", b"-- PostgreSQL database dump", b"\x1f\x8b\x08\x00\x00\x00\x00\x00"])
def test_what_is_no_dump_of_that_format_is_refused(head: bytes) -> None:
    with pytest.raises(UserError, match="no dump in the custom format"):
        require_readable(head, "the dump", "17")


def test_data_go_to_the_same_or_a_newer_postgresql() -> None:
    require_not_older("15", "15")
    require_not_older("17", "15")
    with pytest.raises(UserError, match="the data are in PostgreSQL 17, and this host has PostgreSQL 15"):
        require_not_older("15", "17")
