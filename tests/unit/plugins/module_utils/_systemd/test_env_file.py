"""The text is read back with the rules of systemd: those of src/basic/env-file.c in 252 and 257, for values in double quotes.

Which values systemd drops, and with which it does not start a unit, was seen by starting units on Debian 12 and 13.
"""

from __future__ import annotations

import re

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems, format_environment
from hypothesis import given
from hypothesis import strategies as st

_KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)
_VALUES = st.text(alphabet=st.characters(codec="utf-8"))
_HARD_VALUES = st.text(alphabet="\"'\\`$ \t\n#;=abc")


_ENTRY = re.compile(r'(?P<key>[^\s=#;][^\n=]*)="(?P<value>(?:[^"\\]|\\.)*)"\n', re.DOTALL)
_NEED_ESCAPE = '"\\`$'  # SHELL_NEED_ESCAPE in src/basic/escape.h


def _read_as_systemd(text: str) -> dict[str, str]:
    variables: dict[str, str] = {}
    position = 0
    while position < len(text):
        entry = _ENTRY.match(text, position)
        assert entry, f"systemd would not take this for a variable in double quotes: {text[position:]!r}"
        variables[entry["key"]] = re.sub(r"\\(.)", _unescape, entry["value"], flags=re.DOTALL)
        position = entry.end()
    return variables


def _unescape(match: re.Match[str]) -> str:
    """A backslash is kept before what does not need it, and a newline after it continues the line."""
    if match[1] in _NEED_ESCAPE:
        return match[1]
    return "" if match[1] == "\n" else match[0]


@given(st.dictionaries(_KEYS, _VALUES | _HARD_VALUES))
def test_what_is_found_without_fault_reaches_the_app_exactly_as_it_stands(variables: dict[str, str]) -> None:
    good = {key: value for key, value in variables.items() if not find_environment_problems({key: value})}
    assert _read_as_systemd(format_environment(good)) == good


@given(_HARD_VALUES)
def test_nothing_that_only_looks_dangerous_is_refused(value: str) -> None:
    assert find_environment_problems({"KEY": value}) == []


def test_the_file_is_in_the_order_of_the_names() -> None:
    assert format_environment({"B": 'say "hi" for $5 \\ `now`', "A": "two\nlines", "C": ""}) == (
        'A="two\nlines"\nB="say \\"hi\\" for \\$5 \\\\ \\`now\\`"\nC=""\n'
    )


def test_no_variables_make_an_empty_file() -> None:
    assert format_environment({}) == ""


@pytest.mark.parametrize("key", ["", "1A", "A-B", "A B", "A=B", "ÄB", "A\n", "A.B"])
def test_a_name_that_is_no_variable_name_is_refused(key: str) -> None:
    assert find_environment_problems({key: "x"}) == [
        f"the environment variable {key!r}: a name consists of letters, digits and '_', and begins with no digit"
    ]


@pytest.mark.parametrize("char", ["\0", "\x01", "\b", "\v", "\r", "\x1b", "\x1f", "\x7f"])
def test_a_control_character_is_refused_for_systemd_would_drop_the_variable(char: str) -> None:
    assert find_environment_problems({"KEY": f"a{char}b"}) == [
        "the environment variable KEY: its value holds a control character; only tab and newline are allowed"
    ]


@pytest.mark.parametrize("code", [0xD800, 0xDCFF, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF])
def test_what_systemd_does_not_take_for_text_is_refused_for_the_unit_would_not_start(code: int) -> None:
    assert find_environment_problems({"KEY": f"a{chr(code)}b"}) == [
        f"the environment variable KEY: its value holds U+{code:04X}, which is not a character of text"
    ]


@pytest.mark.parametrize("char", ["\t", "\n", "\x80", "\x85", "\xa0", "\u2028", "\ufdcf", "\ufdf0", "\ufeff", "\ufffd", "\U0001f600"])
def test_other_unusual_characters_are_allowed(char: str) -> None:
    assert find_environment_problems({"KEY": f"a{char}b"}) == []


def test_a_value_longer_than_the_kernel_hands_on_is_refused() -> None:
    assert find_environment_problems({"KEY": "ü" * ((131072 - len("KEY=") - 2) // 2)}) == []
    assert find_environment_problems({"KEY": "x" * (131072 - len("KEY="))}) == [
        "the environment variable KEY: name and value together have 131072 bytes; Linux allows 131071"
    ]


def test_each_bad_variable_has_its_sentence() -> None:
    assert len(find_environment_problems({"1": "x", "A": "\0", "B": "good", "C": "\ud800"})) == 3
