"""What a terminal would obey is shown and not obeyed."""

from __future__ import annotations

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape, escape_all


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\x1b]52;c;ZXZpbA==\x07", "\\x1b]52;c;ZXZpbA==\\x07"),  # writes to the clipboard
        ("ok\rPLAY RECAP", "ok\\x0dPLAY RECAP"),
        ("\x9b31m", "\\x9b31m"),  # the control sequence introducer in one character
        ("a\u202eb", "a\\u202eb"),  # right to left from here on
        ("a\u200bb\u2028c", "a\\u200bb\\u2028c"),
        ("\udcff", "\\udcff"),  # a byte that is no UTF-8, in a file's name
        ("\U000e0041", "\\U000e0041"),
        ("\x00\x7f", "\\x00\\x7f"),
    ],
)
def test_a_control_character_stands_as_an_escape(given: str, shown: str) -> None:
    assert escape(given) == shown


@pytest.mark.parametrize("text", ["two\nlines\tand a tab", "ñandú, 東京, наш", "emoji 🙂", r"a \x1b that was there", ""])
def test_text_stays_as_it_is(text: str) -> None:
    assert escape(text) == text


def test_all_texts_of_a_result_are_escaped_and_nothing_else_is_changed() -> None:
    assert escape_all({"a\x1b": ["\x1b", 1, None, True, {"b": ("\x07",)}]}) == {"a\\x1b": ["\\x1b", 1, None, True, {"b": ["\\x07"]}]}
