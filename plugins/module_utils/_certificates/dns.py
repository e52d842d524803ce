# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host's name servers say about a name, without /etc/hosts, which a CA does not see.

Debian's own ways of asking all read /etc/hosts first, or ask systemd-resolved, which does. The messages are those of RFC 1035.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text

_CONFIGURATIONS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))
"""The first of these that is there names the servers; the first one is where systemd-resolved says whom it asks itself."""

_KINDS = {1: ipaddress.IPv4Address, 28: ipaddress.IPv6Address}
"""Records that hold an address: A and AAAA."""

_INTERNET, _RECURSE, _TRUNCATED = 1, 0x0100, 0x0200
_NO_SUCH_NAME = 3
_PORT = 53
_TIMEOUT = 3.0
_ATTEMPTS = 2


def parse_name_servers(text: str) -> list[str]:
    """Return the addresses of the name servers that a resolv.conf names."""
    return re.findall(r"(?m)^[ \t]*nameserver[ \t]+([0-9A-Fa-f.:]+(?:%\S+)?)", text)


def find_name_servers() -> list[str]:
    """Return the name servers of the host."""
    for path in _CONFIGURATIONS:
        servers = parse_name_servers(read_text(path) or "")
        if servers:
            return servers
    return ["127.0.0.1"]  # resolv.conf(5)


def find_addresses(name: str, servers: Sequence[str]) -> list[str]:
    """Return the addresses that a name has, the IPv4 ones first; raise UserError when no server answers."""
    return [address for kind in _KINDS for address in _ask_each(name, kind, servers)]


def _ask_each(name: str, kind: int, servers: Sequence[str]) -> list[str]:
    for server in [*servers] * _ATTEMPTS:
        number = secrets.randbelow(1 << 16)
        question = write_question(name, kind, number)
        try:
            answer = _ask(server, question)
            if read_flags(answer) & _TRUNCATED:
                answer = _ask_by_stream(server, question)
            return read_addresses(answer, number)
        except (OSError, ValueError):
            continue
    raise UserError(f"no name server answers ({', '.join(servers)})")


def _ask(server: str, question: bytes) -> bytes:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.settimeout(_TIMEOUT)
        link.connect((server, _PORT))
        link.send(question)
        return link.recv(4096)


def _ask_by_stream(server: str, question: bytes) -> bytes:
    with socket.create_connection((server, _PORT), timeout=_TIMEOUT) as link, link.makefile("rb") as stream:
        link.sendall(struct.pack("!H", len(question)) + question)
        (length,) = struct.unpack("!H", stream.read(2).ljust(2, b"\0"))
        return stream.read(length)


def write_question(name: str, kind: int, number: int) -> bytes:
    """Return the message that asks for the records of one kind that a name has."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    written = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", number, _RECURSE, 1, 0, 0, 0) + written + struct.pack("!2H", kind, _INTERNET)


def read_flags(message: bytes) -> int:
    """Return the flags in the header of a message; raise ValueError when it has none."""
    if len(message) < 12:
        raise ValueError("a message that is too short")
    flags: int = struct.unpack_from("!H", message, 2)[0]
    return flags


def read_addresses(message: bytes, number: int) -> list[str]:
    """Return the addresses in an answer; raise ValueError when it is none to the question of this number, or no good one."""
    flags = read_flags(message)
    identity, _flags, questions, answers = struct.unpack_from("!4H", message)
    if identity != number or flags & 0x000F not in (0, _NO_SUCH_NAME):
        raise ValueError("no answer to the question")
    place, addresses = 12, []
    try:
        for _question in range(questions):
            place = _skip_name(message, place) + 4
        for _answer in range(answers):
            place = _skip_name(message, place)
            kind, _class, _life, length = struct.unpack_from("!2HIH", message, place)
            data = message[place + 10 : place + 10 + length]
            if kind in _KINDS:
                addresses.append(str(_KINDS[kind](data)))
            place += 10 + length
    except (struct.error, IndexError, ValueError) as error:
        raise ValueError("an answer with something missing") from error
    return addresses


def _skip_name(message: bytes, place: int) -> int:
    """Return where a name ends: after a zero, or after a pointer to the rest of it."""
    while message[place]:
        if message[place] & 0xC0:
            return place + 2
        place += 1 + message[place]
    return place + 1
