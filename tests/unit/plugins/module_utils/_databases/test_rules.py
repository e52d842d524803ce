"""The text of pg_hba.conf."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._databases.rules import list_apps, our_part, with_rules

OTHERS = "# Debian's\nlocal all postgres peer\nlocal all all peer"
SHOP = """# BEGIN webstack.flask: shop
local "shop" "shop" peer
local "shop" postgres peer
local "shop" all reject
host "shop" all all reject
local all "shop" reject
host all "shop" all reject
# END webstack.flask: shop
"""


def test_the_rules_of_an_app_come_before_those_of_others_which_stay_to_the_letter() -> None:
    assert with_rules(OTHERS, ["shop"]) == SHOP + OTHERS


def test_what_is_there_already_is_not_changed() -> None:
    assert with_rules(SHOP + OTHERS, ["shop"]) == SHOP + OTHERS


def test_the_rules_of_apps_that_are_not_named_stay() -> None:
    both = with_rules(SHOP + OTHERS, ["all"])
    assert both == SHOP.replace("shop", "all").replace('"all" all', '"all" all') + SHOP + OTHERS
    assert list_apps(both) == ["all", "shop"]
    assert with_rules(both, []) == both


def test_a_line_that_somebody_has_put_before_them_comes_behind_them() -> None:
    assert with_rules(f"local all all trust\n{SHOP}{OTHERS}", []) == f"{SHOP}local all all trust\n{OTHERS}"


def test_rules_that_somebody_has_changed_are_written_anew() -> None:
    assert with_rules(SHOP.replace("reject", "trust") + OTHERS, []) == SHOP + OTHERS


def test_a_difference_shows_no_line_of_others() -> None:
    assert our_part(f"host all all 0.0.0.0/0 ldap ldapbindpasswd=secret\n{SHOP}{OTHERS}") == SHOP


def test_databases_beside_that_of_an_app_have_its_rules_and_keep_them_until_they_are_closed() -> None:
    one = with_rules(SHOP + OTHERS, [], opened=["shop.try", "other.try"])
    assert 'local "shop","shop.try" "shop" peer\nlocal "shop","shop.try" postgres peer\nlocal "shop","shop.try" all reject\n' in one
    assert 'host "shop","shop.try" all all reject\nlocal all "shop" reject\n' in one
    assert "other" not in one
    assert with_rules(one, ["shop"]) == one
    both = with_rules(one, [], opened=["shop.again", "shop.try"])
    assert 'local "shop","shop.again","shop.try" "shop" peer\n' in both
    assert with_rules(both, [], closed=["shop.again"]) == one
    assert with_rules(both, [], closed=["shop.again", "shop.try"]) == SHOP + OTHERS


def test_what_somebody_has_written_into_a_block_that_is_no_database_beside_the_app_s_goes() -> None:
    changed = SHOP.replace('local "shop" "shop" peer', 'local "shop","postgres","other.try" "shop" peer')
    assert with_rules(changed + OTHERS, []) == SHOP + OTHERS
