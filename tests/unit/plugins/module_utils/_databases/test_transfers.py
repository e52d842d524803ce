"""What is decided of dumps on their way."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.transfers import (
    TRANSFER_ROOT,
    find_untrusted,
    is_abandoned,
    require_room,
    require_transfer,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

DAY = 86400


def test_an_app_gets_no_extension_by_a_dump_that_only_the_administrator_may_make() -> None:
    wanted = {"citext": "public", "dblink": "public", "postgis": "maps"}
    assert find_untrusted(wanted, ["plpgsql", "postgis"], ["citext"]) == ["dblink"]
    assert find_untrusted({}, [], []) == []


def test_what_a_killed_run_has_left_is_known_by_its_age() -> None:
    assert is_abandoned(0, 3 * DAY)
    assert not is_abandoned(2 * DAY, 3 * DAY)


@pytest.mark.parametrize("path", ["/etc/shadow", f"{TRANSFER_ROOT}/../x.dump", f"{TRANSFER_ROOT}/x", f"{TRANSFER_ROOT}/a/x.dump"])
def test_nothing_but_a_dump_on_its_way_is_loaded_and_deleted(path: str) -> None:
    with pytest.raises(UserError, match="no dump on its way"):
        require_transfer(Path(path))


def test_what_does_not_go_on_the_disk_is_refused_with_the_place(tmp_path: Path) -> None:
    require_room(tmp_path / "not" / "there", 1, "the dump")
    with pytest.raises(UserError, match=r"has room for \d+ MiB, and the dump may need 1099511627776 MiB"):
        require_room(tmp_path, 1 << 60, "the dump")
