"""Times, sizes and tables are short, and nothing in them is obeyed by a terminal."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._webstack.show import format_table, show_age, show_bytes, show_left


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86400 * 30, "30 d"), (-5, "0 s"), (None, "-")]
)
def test_an_age_is_told_in_its_largest_unit(seconds: float | None, shown: str) -> None:
    assert show_age(None if seconds is None else 1e9 - seconds, 1e9) == shown


def test_days_and_sizes_are_round_numbers() -> None:
    assert (show_left(1e9 + 1.9 * 86400, 1e9), show_left(None, 1e9)) == ("1 d", "-")
    assert (show_bytes(3 << 20), show_bytes(0)) == ("3 MiB", "-")


def test_a_table_has_columns_and_no_control_characters() -> None:
    assert format_table(("app", "trouble"), [["shop", "\033[2J\nred"], ["a-longer-one", ""]]) == [
        "app           trouble",
        "shop          \\x1b[2J red",
        "a-longer-one  -",
    ]
