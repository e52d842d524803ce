"""In which order a running Redis gets other settings: what it has on disk is complete whenever it is killed."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._redis.config import list_settings
from ansible_collections.webstack.flask.plugins.module_utils._redis.plan import (
    describe_change,
    leaves_snapshot,
    plan_change,
    require_possible,
    require_room,
)

KINDS = ("always", "everysec", "snapshots", "none")


def settings(persistence: str = "everysec", *, memory: str = "64M", eviction: str = "noeviction") -> dict[str, str]:
    return list_settings({"max_memory": memory, "eviction": eviction, "persistence": persistence})


@pytest.mark.parametrize(("former", "later"), list(permutations(KINDS, 2)))
def test_a_file_says_where_the_data_are_only_when_all_of_them_are_there(former: str, later: str) -> None:
    change = plan_change(settings(former), settings(later))
    running = {**settings(former), **change.before}
    # When the file is written, the running one has already what the file will look for, and still what it had.
    if settings(later)["appendonly"] == "yes":
        assert running["appendonly"] == "yes"
        assert change.writes_log == (settings(former)["appendonly"] == "no")
    if settings(later)["save"]:
        assert running["save"]
        assert change.writes_snapshot == (former != "snapshots")
    assert settings(former)["appendonly"] == "no" or running["appendonly"] == "yes"
    assert {**running, **change.after} == settings(later)


def test_nothing_is_told_to_one_that_has_its_settings() -> None:
    change = plan_change(settings(), settings())
    assert (change.before, change.after, change.writes_log, change.writes_snapshot) == ({}, {}, False, False)


def test_what_changes_is_told_in_the_user_s_words() -> None:
    said = describe_change(settings("everysec"), settings("snapshots", memory="1G", eviction="allkeys-lru"))
    assert said == ["max_memory changed", "eviction changed", "persistence changed"]


@pytest.mark.parametrize(("persistence", "stale"), [("always", False), ("everysec", False), ("snapshots", False), ("none", True)])
def test_a_snapshot_from_before_is_stale_where_nothing_is_written(persistence: str, *, stale: bool) -> None:
    assert leaves_snapshot(settings(persistence)) is stale


def test_more_memory_than_the_host_has_is_refused() -> None:
    wanted: dict[str, Any] = {"max_memory": "1G"}
    require_possible(wanted, 2 << 30)
    require_possible(wanted, 0)  # not known
    with pytest.raises(UserError, match="max_memory is 1G, and the host has 512M of memory"):
        require_possible(wanted, 512 << 20)


def test_less_memory_than_the_data_take_is_refused_unless_they_may_go() -> None:
    with pytest.raises(UserError, match=r"max_memory would be 64M, and what is in this Redis takes 101M.*eviction: allkeys-lru"):
        require_room(settings(memory="256M"), settings(memory="64M"), (100 << 20) + 1)
    require_room(settings(memory="256M"), settings(memory="64M", eviction="allkeys-lru"), 100 << 20)
    require_room(settings(memory="64M"), settings(memory="64M"), 100 << 20)
