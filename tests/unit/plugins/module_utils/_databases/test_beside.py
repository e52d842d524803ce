"""The names of databases beside that of an app."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.beside import is_beside, name_beside, require_beside
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError


def test_a_name_tells_the_app_and_fits_into_what_postgresql_takes() -> None:
    assert name_beside("shop", "20261128-0215-try") == "shop.20261128-0215-try"
    longest = name_beside("a" * 25, "b" * 37)
    assert len(longest) == 63
    assert is_beside(longest, "a" * 25)


@pytest.mark.parametrize("suffix", ["", "-x", "X", "a.b", "a b", 'a"b', "a,b", "b" * 38, "a\n"])
def test_a_name_that_another_app_could_have_or_a_rule_could_misread_is_refused(suffix: str) -> None:
    with pytest.raises(UserError, match="allowed are 1 to 37 lower-case letters"):
        name_beside("shop", suffix)


@pytest.mark.parametrize("database", ["shop", "shop.", "shopx.try", "shop2", "other.try", "postgres", "shop.a.b"])
def test_an_app_s_own_database_and_those_of_others_are_none_beside_it(database: str) -> None:
    assert not is_beside(database, "shop")
    with pytest.raises(UserError, match="is no database beside that of shop"):
        require_beside(database, "shop")
