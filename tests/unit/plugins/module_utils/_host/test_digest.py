from __future__ import annotations

import re

from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of


def test_an_identifier_is_twelve_hexadecimal_characters() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", digest_of(["anything"]))


def test_the_identifier_of_a_value_is_the_same_on_every_host_and_in_every_version() -> None:
    assert digest_of(["build", {"b": 1, "a": "ü"}, None]) == "dcdf29cfdbe5"


def test_the_order_of_keys_does_not_count() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})


def test_the_order_of_a_list_and_the_type_of_a_value_count() -> None:
    assert len({digest_of(value) for value in ([1, 2], [2, 1], ["1", "2"], [[1], 2], {"1": 2})}) == 5
