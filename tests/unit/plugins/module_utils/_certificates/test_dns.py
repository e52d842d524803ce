from __future__ import annotations

import struct

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._certificates.dns import (
    parse_name_servers,
    read_addresses,
    read_flags,
    write_question,
)
from hypothesis import given
from hypothesis import strategies as st

POINTER = b"\xc0\x0c"
"""The name of the question, in an answer."""


def answer(*records: tuple[int, bytes], number: int = 7, code: int = 0, kind: int = 1) -> bytes:
    header = struct.pack("!6H", number, 0x8180 | code, 1, len(records), 0, 0)
    question = write_question("shop.test", kind, number)[12:]
    return header + question + b"".join(POINTER + struct.pack("!2HIH", kind, 1, 60, len(data)) + data for kind, data in records)


def test_a_question_is_as_rfc_1035_wants_it() -> None:
    assert write_question("shop.test.", 28, 258) == bytes.fromhex("0102 0100 0001 0000 0000 0000 04") + b"shop\x04test\0" + b"\0\x1c\0\x01"


def test_addresses_are_found_behind_an_alias() -> None:
    alias = (5, b"\x03www\xc0\x11")
    assert read_addresses(answer(alias, (1, bytes([192, 0, 2, 1])), (1, bytes([192, 0, 2, 2]))), 7) == ["192.0.2.1", "192.0.2.2"]
    assert read_addresses(answer((28, bytes(15) + b"\1"), kind=28), 7) == ["::1"]


@pytest.mark.parametrize("code", [0, 3])
def test_a_name_that_is_not_there_has_no_address(code: int) -> None:
    assert read_addresses(answer(code=code), 7) == []


@pytest.mark.parametrize(
    "message", [answer(number=8), answer(code=2), answer(code=5), b"", answer((1, bytes(4)))[:-6], answer((1, bytes(3)))]
)
def test_what_is_no_answer_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"answer|message"):
        read_addresses(message, 7)


@given(st.binary(max_size=80))
def test_whatever_comes_is_read_or_refused(message: bytes) -> None:
    try:
        read_flags(message)
        read_addresses(message, 7)
    except ValueError:
        pass


def test_the_name_servers_are_those_of_resolv_conf() -> None:
    text = "# nameserver 192.0.2.9\nsearch test\nnameserver 192.0.2.1\n nameserver\tfe80::1%eth0\noptions edns0\n"
    assert parse_name_servers(text) == ["192.0.2.1", "fe80::1%eth0"]
