from __future__ import annotations

import re

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode, encode


def test_a_value_is_one_word_and_comes_back() -> None:
    value = {"KEY": "-----BEGIN\nä\n", "list": [1, None, ""]}
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", encode(value))
    assert decode(encode(value)) == value


def test_the_default_of_the_modules_is_an_empty_mapping() -> None:
    assert decode("e30=") == {}
