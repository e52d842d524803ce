"""Behind balancers that pass on TCP, the visitor is known by the PROXY protocol, from those alone who are trusted.

HAProxy runs on the host itself, and connects to nginx from an address that is trusted; others of the host are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from testinfra.host import Host

BALANCER, STRANGER = "127.0.0.2", "127.0.0.1"
PLAIN, ENCRYPTED = 8081, 8444
VERSION_1, VERSION_2, WITHOUT_TLS = 9001, 9002, 9003
"""Ports of HAProxy: the first two lead to the encrypted one, the last to the other."""

CLIENT = """
import json, socket, ssl, sys

source, port, line, path, encrypted = json.loads(sys.argv[1])
lies = "X-Forwarded-For: 203.0.113.9\\r\\nX-Real-IP: 203.0.113.9\\r\\nX-Forwarded-Proto: https\\r\\nX-Forwarded-Host: evil.test\\r\\n"
link = socket.create_connection(("127.0.0.1", port), 10, (source, 0))
link.sendall(line.encode())
if encrypted:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    link = context.wrap_socket(link, server_hostname="balanced.test")
try:
    link.sendall(f"GET {path} HTTP/1.1\\r\\nHost: balanced.test\\r\\n{lies}Connection: close\\r\\n\\r\\n".encode())
    sys.stdout.write(b"".join(iter(lambda: link.recv(65536), b"")).decode())
except ConnectionError:
    pass
"""
"""Asks from an address, with a line of the PROXY protocol or without, and with headers that nobody is to believe."""


@dataclass(frozen=True)
class Answer:
    """What a visitor gets: a status, 0 for none, where he is sent, and what the upstream was asked."""

    status: int
    location: str
    asked: dict[str, Any]


def visit(host: Host, source: str, port: int, line: str = "", path: str = "/", *, encrypted: bool = True) -> Answer:
    """Ask from the host itself."""
    text: str = host.check_output("python3 -c %s %s", CLIENT, json.dumps([source, port, line, path, encrypted]))
    head, _blank, body = text.replace("\r\n", "\n").partition("\n\n")
    lines = dict(each.lower().partition(": ")[::2] for each in head.splitlines()[1:])
    status = int(head.split()[1]) if head else 0
    return Answer(status, lines.get("location", ""), json.loads(body)["headers"] if status == 200 else {})


def line_of(visitor: str, port: int) -> str:
    """Return what a balancer says of a visitor who has come to one of its ports."""
    family, own = ("TCP6", "2001:db8::1") if ":" in visitor else ("TCP4", "198.51.100.1")
    return f"PROXY {family} {visitor} {own} 50000 {port}\r\n"


OWN_QUESTION = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"
"""What a balancer says in version 2 when it asks for itself whether nginx is well."""


@pytest.mark.parametrize(("port", "visitor"), [(VERSION_1, "127.0.0.11"), (VERSION_2, "127.0.0.12")])
def test_haproxy_tells_of_the_visitor_who_ends_tls_at_the_host(host: Host, port: int, visitor: str) -> None:
    answer = visit(host, visitor, port)
    assert answer.status == 200
    assert answer.asked["x-real-ip"] == answer.asked["x-forwarded-for"] == visitor
    assert answer.asked["x-forwarded-proto"] == "https"
    assert answer.asked["host"] == answer.asked["x-forwarded-host"] == "balanced.test"


def test_without_encryption_a_visitor_is_redirected_and_a_ca_is_not(host: Host) -> None:
    answer = visit(host, "127.0.0.13", WITHOUT_TLS, path="/a?b=c", encrypted=False)
    assert (answer.status, answer.location) == (308, "https://balanced.test:8444/a?b=c")
    assert visit(host, "127.0.0.13", WITHOUT_TLS, path="/.well-known/acme-challenge/none", encrypted=False).status == 404


def test_a_visitor_who_has_come_to_port_443_of_the_balancer_has_come_by_https(host: Host) -> None:
    answer = visit(host, BALANCER, PLAIN, line_of("203.0.113.5", 443), encrypted=False)
    assert answer.status == 200
    assert (answer.asked["x-real-ip"], answer.asked["x-forwarded-proto"]) == ("203.0.113.5", "https")
    assert answer.asked["x-forwarded-host"] == "balanced.test"


def test_a_visitor_of_port_80_of_the_balancer_is_redirected_to_its_port_443(host: Host) -> None:
    answer = visit(host, BALANCER, PLAIN, line_of("203.0.113.6", 80), "/a?b=c", encrypted=False)
    assert (answer.status, answer.location) == (308, "https://balanced.test/a?b=c")
    answer = visit(host, STRANGER, PLAIN, line_of("203.0.113.6", 80), "/a?b=c", encrypted=False)
    assert (answer.status, answer.location) == (308, "https://balanced.test:8444/a?b=c")


def test_who_is_not_trusted_is_not_believed_and_gets_no_answer_without_a_line(host: Host) -> None:
    answer = visit(host, STRANGER, ENCRYPTED, line_of("203.0.113.7", 443))
    assert (answer.status, answer.asked["x-real-ip"]) == (200, STRANGER)
    assert visit(host, STRANGER, PLAIN, line_of("203.0.113.7", 443), encrypted=False).status == 308
    assert visit(host, STRANGER, PLAIN, encrypted=False).status == 0
    assert visit(host, BALANCER, PLAIN, encrypted=False).status == 0
    assert visit(host, BALANCER, ENCRYPTED, "PROXY UNKNOWN\r\n").asked["x-real-ip"] == BALANCER


def test_a_balancer_of_ipv4_may_have_visitors_of_ipv6(host: Host) -> None:
    answer = visit(host, BALANCER, ENCRYPTED, line_of("2001:db8::5", 443))
    assert (answer.status, answer.asked["x-real-ip"]) == (200, "2001:db8::5")


def test_a_balancer_is_answered_that_asks_for_itself(host: Host) -> None:
    assert visit(host, BALANCER, PLAIN, OWN_QUESTION, encrypted=False).status == 308


def test_limits_count_the_visitor_and_not_the_balancer(host: Host) -> None:
    visitors = ("203.0.113.21", "203.0.113.22", "203.0.113.21")
    answers = [visit(host, BALANCER, ENCRYPTED, line_of(visitor, 443)).status for visitor in visitors]
    assert answers == [200, 200, 429]
