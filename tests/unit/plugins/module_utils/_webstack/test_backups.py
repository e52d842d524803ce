"""What is told of backups."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._backups.repository import Snapshot
from ansible_collections.webstack.flask.plugins.module_utils._backups.restoration import describe_backups, list_backups
from ansible_collections.webstack.flask.plugins.module_utils._webstack.backups import as_row

SNAPSHOTS = [Snapshot("0123456789abcdef", 1767582000.0, "old"), Snapshot("fedcba9876543210", 1767668400.0, "web1")]
STATE = {"snapshots": {"fedcba98": {"bytes": 2048, "verified": 1767670000.0}}}


@pytest.mark.parametrize(
    ("number", "row", "line"),
    [
        (
            0,
            ["fedcba98", "2026-01-06 03:00:00 UTC", "1 h", "2.0 KiB", "2026-01-06 03:26:40 UTC", "web1"],
            "fedcba98  2026-01-06 03:00 UTC  2.0 KiB, restored to try it at 2026-01-06 03:26 UTC",
        ),
        (
            1,
            ["01234567", "2026-01-05 03:00:00 UTC", "1 d", "", "", "old"],
            "01234567  2026-01-05 03:00 UTC  size not known here, not tried, from the host old",
        ),
    ],
)
def test_each_has_its_age_its_size_and_whether_it_was_tried(number: int, row: list[str], line: str) -> None:
    told: list[dict[str, Any]] = describe_backups(SNAPSHOTS, STATE)
    assert as_row(told[number], 1767672000.0) == row
    assert list_backups(SNAPSHOTS, STATE, "web1")[number] == line
