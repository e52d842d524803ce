"""Accounts get numbers that no other account has ever had, and those that were there before stay others'."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import accounts
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import choose_number, find_account_problems, read_range
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

NUMBERS = range(101, 1000)


def test_a_new_account_gets_the_highest_number_that_nobody_has_ever_had() -> None:
    assert choose_number("shop", {}, {999, 997}, NUMBERS) == 998
    assert choose_number("shop", {"gone": 998}, {999, 997}, NUMBERS) == 996


def test_an_account_that_comes_back_gets_its_own_number() -> None:
    assert choose_number("shop", {"shop": 500, "other": 998}, {999}, NUMBERS) == 500


def test_an_account_whose_number_somebody_else_has_got_meanwhile_gets_a_new_one() -> None:
    assert choose_number("shop", {"shop": 999}, {999}, NUMBERS) == 998


def test_when_no_number_is_left_it_is_said_where_those_of_removed_apps_are_kept() -> None:
    with pytest.raises(UserError, match=r"no number .* between 101 and 102\. /var/lib/webstack-flask/accounts\.json"):
        choose_number("shop", {"gone": 101}, {102}, range(101, 103))


def test_the_range_of_system_accounts_is_what_login_defs_says() -> None:
    assert read_range("") == range(101, 1000)
    assert read_range("SYS_UID_MIN  201\n#SYS_GID_MIN 1\nSYS_GID_MAX\t800\nUID_MIN 1000\n") == range(201, 801)


@pytest.mark.parametrize("name", ["video", "users", "staff", "shadow"])
def test_a_group_that_was_there_before_is_another_s(name: str) -> None:
    (problem,) = find_account_problems(name, AppLayout.of(name).comment)
    assert problem.startswith(f"the group {name!r} exists on the host already and is not this app's; give the app another name")
    with pytest.raises(UserError, match=f"the group '{name}' exists"):
        accounts.ensure_user(name, group=name, home="/", comment="x", check=True)


@pytest.mark.parametrize("name", ["daemon", "www-data", "nobody"])
def test_a_user_that_was_there_before_is_another_s(name: str) -> None:
    (problem,) = find_account_problems(name, AppLayout.of(name).comment)
    assert problem.startswith(f"the user {name!r} exists on the host already and is not this app's")


def test_a_name_that_nobody_has_is_free() -> None:
    assert find_account_problems("webstackshop", "comment") == []


def test_a_group_is_ours_that_was_written_down_before_it_was_made() -> None:
    number = accounts.find_group("video")
    assert number is not None
    assert find_account_problems("video", "comment", {"video": number}) == []
    assert find_account_problems("video", "comment", {"video": number + 1}) != []


@pytest.mark.parametrize("name", ["video", "daemon"])
def test_what_is_another_s_is_not_removed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(accounts, "_run", called.append)
    assert not accounts.remove_account(name, AppLayout.of(name).comment)
    assert called == []
