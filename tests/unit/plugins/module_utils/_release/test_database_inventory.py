"""What uses which database, what of them may go, and how that is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._release.database_inventory import (
    Database,
    Inventory,
    choose,
    describe,
    describe_way,
    find_obstacle,
    find_uses,
    require_own,
)
from ansible_collections.webstack.flask.plugins.module_utils._release.dumps import Dump
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord

LIVE, FORMER, CUT_OFF = "a" * 12, "b" * 12, "c" * 12
MOVED = "shop.20261128t023000"
LEFT = "shop.20261128t031500"
DUMP = Dump("20261128t023000-x", FORMER, Place("shop", "shop"), 1764297000.0, {})
SHOP = Inventory(
    app="shop",
    is_there=True,
    present=MOVED,
    live=LIVE,
    databases=[Database("shop", 7 << 20, 1764297000.0), Database(MOVED, 8 << 20, None), Database(LEFT, 1024, 0.0)],
    uses={MOVED: [LIVE], "shop": [FORMER]},
    dumps=[(DUMP, 2048)],
)
GONE = replace(SHOP, is_there=False, live=None, uses={})


def record(release: str, database: str, verified: float | None) -> ReleaseRecord:
    return ReleaseRecord(release, "b1", "e1", created=0, verified=verified, database=database)


def test_a_release_that_never_served_uses_no_database_be_it_of_a_rollback_that_was_killed() -> None:
    records = [record(LIVE, MOVED, 1.0), record(FORMER, "shop", 1.0), record(CUT_OFF, LEFT, None), record("d" * 12, "", 1.0)]
    assert find_uses(records, LIVE) == {MOVED: [LIVE], "shop": [FORMER]}
    assert find_uses(records, CUT_OFF)[LEFT] == [CUT_OFF]


@pytest.mark.parametrize(
    ("database", "why"),
    [
        (MOVED, f"users have the database {MOVED}, in release {LIVE}"),
        ("shop", f"that of release {FORMER}, to which rollback.yml can go back"),
        ("other", "no database of shop"),
        ("shop-staging.20261128t023000", "no database of shop"),
        ("postgres", "no database of shop"),
        ('shop."; DROP', "no database of shop"),
    ],
)
def test_what_somebody_needs_is_not_dropped(database: str, why: str) -> None:
    assert why in (find_obstacle(SHOP, database) or "")


def test_what_users_had_last_stays_where_no_release_is_live() -> None:
    waiting = replace(SHOP, live=None, uses={})
    assert "no release is live just now" in (find_obstacle(waiting, MOVED) or "")
    assert f"    {MOVED}: 8.0 MiB; users have it with the next release" in describe(waiting)


def test_the_own_database_stays_as_long_as_the_app() -> None:
    assert "stays as long as the app is there" in (find_obstacle(replace(SHOP, uses={}), "shop") or "")
    assert find_obstacle(GONE, "shop") is None
    assert find_obstacle(GONE, MOVED) is None
    assert find_obstacle(GONE, "other") is not None


def test_what_nothing_uses_goes() -> None:
    assert find_obstacle(SHOP, LEFT) is None


def test_each_database_is_told_with_what_uses_it_or_with_the_command_that_takes_it_away() -> None:
    drop = "        ansible-playbook … database.yml -e flask_app=shop -e flask_do=drop"
    assert describe(SHOP) == [
        "shop:",
        f"    shop: 7.0 MiB, since 2025-11-28 02:30 UTC; used by release {FORMER}, to which rollback.yml can go back",
        f"    {MOVED}: 8.0 MiB; users have it, in release {LIVE}",
        f"    {LEFT}: 1.0 KiB, since 1970-01-01 00:00 UTC; nothing uses it any more; it goes by",
        f"{drop} -e flask_database={LEFT}",
        f"    dump {DUMP.name}: 2025-11-28 02:30:00 UTC, 2.0 KiB, of shop, before a release after {FORMER} ran its commands",
    ]
    assert describe(replace(SHOP, uses={}))[1].endswith("no release uses it; it is the app's own, and stays as long as the app")


def test_what_a_removed_app_has_left_is_told_with_the_commands_that_take_it_away() -> None:
    told = describe(GONE)
    assert told[0] == "shop (the app is not on this host any more):"
    for database in ("shop", MOVED, LEFT):
        assert f"        ansible-playbook … database.yml -e flask_app=shop -e flask_do=drop -e flask_database={database}" in told
    assert told[-1].endswith("-e flask_app=shop -e flask_do=drop -e flask_dumps=true")


def test_an_app_that_has_nothing_is_refused_with_those_that_have() -> None:
    assert choose([SHOP], "shop") is SHOP
    with pytest.raises(UserError, match=r"no app 'shpo' has .* those that have are shop"):
        choose([SHOP], "shpo")


def test_data_are_taken_of_an_app_that_is_there_and_has_a_database() -> None:
    require_own(SHOP)
    with pytest.raises(UserError, match="not on this host any more"):
        require_own(GONE)
    with pytest.raises(UserError, match="has no database here"):
        require_own(replace(SHOP, databases=[]))


def test_the_way_of_users_to_a_new_database_is_told() -> None:
    told = "\n".join(describe_way("shop", LIVE, LEFT))
    assert f"rollback.yml -e flask_app=shop -e flask_release={LIVE} -e flask_data={LEFT}" in told
    assert "deploy it" in describe_way("shop", None, LEFT)[-1]
