# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saying who connects, as balancers do, to a program that answers to nobody who does not.

The protocol is described in https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 1 << 16


def introduce(connected: socket.socket) -> bytes:
    """Return the line of the PROXY protocol, version 1, that says of a TCP connection what is so: nobody else is behind it."""
    family = "TCP6" if connected.family == socket.AF_INET6 else "TCP4"
    (own, own_port), (other, other_port) = connected.getsockname()[:2], connected.getpeername()[:2]
    return f"PROXY {family} {own} {other} {own_port} {other_port}\r\n".encode("ascii")


@contextmanager
def lead_to(address: str, port: int, timeout: float) -> Iterator[tuple[str, int]]:
    """Give an address and port of this host where one connection may be made, which is introduced and passed on.

    It is for programs that do not speak the protocol. What fails, or is silent for `timeout` seconds, shows as its end.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(timeout)
        passing = threading.Thread(target=_pass_one_on, args=(listening, address, port, timeout), daemon=True)
        passing.start()
        try:
            yield listening.getsockname()
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # nobody may have come
            passing.join(timeout)


def _pass_one_on(listening: socket.socket, address: str, port: int, timeout: float) -> None:
    with suppress(OSError), listening.accept()[0] as near, socket.create_connection((address, port), timeout) as far:
        near.settimeout(timeout)
        far.sendall(introduce(far))
        there = threading.Thread(target=_copy, args=(near, far), daemon=True)
        there.start()
        _copy(far, near)
        there.join(timeout)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source ends, and tell the target."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
