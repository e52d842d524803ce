from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.listeners import find_listeners, judge_rules

_ADDRESSES = Path("/proc/net/if_inet6")
_WITHOUT_IPV6 = pytest.mark.skipif(not (_ADDRESSES.exists() and _ADDRESSES.read_text(encoding="ascii")), reason="no IPv6 here")


@pytest.mark.parametrize(
    ("family", "address"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""), pytest.param(socket.AF_INET6, "::1", marks=_WITHOUT_IPV6)],
)
def test_who_listens_on_a_port_is_told_by_name(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family) as listener:
        listener.bind((address, 0))
        port = listener.getsockname()[1]
        assert find_listeners([port]) == {}
        listener.listen()
        found = find_listeners([port, 1])
    name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    assert [(holder["name"], holder["process"]) for holder in found[str(port)]] == [(name, str(os.getpid()))]
    assert list(found) == [str(port)]


def test_a_program_that_nobody_can_see_is_one_without_a_name(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    row = (
        "   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0000000000000000 100 0 0 10 0\n"
    )
    (tmp_path / "net" / "tcp").write_text(f"  sl  local_address\n{row}", encoding="ascii")
    assert find_listeners([80], tmp_path) == {"80": [{"name": "", "process": "", "unit": ""}]}
    (tmp_path / "77" / "fd").mkdir(parents=True)
    (tmp_path / "77" / "fd" / "3").symlink_to("socket:[4242]")
    (tmp_path / "77" / "comm").write_text("apache2\n", encoding="ascii")
    (tmp_path / "77" / "cgroup").write_text("0::/system.slice/apache2.service\n", encoding="ascii")
    assert find_listeners([80], tmp_path) == {"80": [{"name": "apache2", "process": "77", "unit": "apache2.service"}]}
    assert find_listeners([443], tmp_path) == {}


INPUT = "table inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority filter; policy {policy};\n{rules}\t}}\n}}\n"


@pytest.mark.parametrize(
    ("policy", "rules", "closed"),
    [
        ("accept", "", []),
        ("drop", "", [80, 443]),
        ("drop", "\t\ttcp dport 22 accept\n", [80, 443]),
        ("drop", "\t\ttcp dport 80 counter packets 0 bytes 0 accept\n", [443]),
        ("drop", "\t\ttcp dport { 22, 80, 443 } accept\n", []),
        ("drop", "\t\ttcp dport { ssh, http } accept\n", [443]),
        ("drop", "\t\ttcp dport @web accept\n", []),
        ("drop", "\t\ttcp dport 1-1024 accept\n", []),
        ("accept", "\t\ttcp dport 22 accept\n\t\treject with icmpx admin-prohibited\n", [80, 443]),
        ("accept", "\t\tip saddr 192.0.2.1 drop\n", []),
    ],
)
def test_a_firewall_that_keeps_others_out_is_told_from_one_that_does_not(policy: str, rules: str, closed: list[int]) -> None:
    assert judge_rules(INPUT.format(policy=policy, rules=rules), [80, 443]) == closed
    output = INPUT.format(policy="drop", rules="").replace("hook input", "hook output")
    assert judge_rules(output, [80]) == []
