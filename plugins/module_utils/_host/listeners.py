# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on a port already, and whether a firewall lets others reach it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

_LISTENS = "0A"
"""The state of such a socket in proc_net_tcp(5)."""

_TIMEOUT = 10
_LONGEST_RULES = 1 << 20
_SERVICES = {80: "http", 443: "https", 8080: "http-alt"}
"""What nft(8) may call a port."""


def find_listeners(ports: Collection[int], proc: Path = Path("/proc")) -> dict[str, list[dict[str, str]]]:
    """Return the programs that listen on each of some TCP ports of any address, by port, each {name, process, unit}.

    Only root is told which program that is; where nobody can tell, there is one without a name.
    """
    inodes: dict[str, int] = {}
    for file in ("net/tcp", "net/tcp6"):
        with suppress(OSError):
            inodes.update(_read_table((proc / file).read_text(encoding="ascii"), ports))
    if not inodes:
        return {}
    found: dict[str, list[dict[str, str]]] = {str(port): [] for port in sorted(set(inodes.values()))}
    for process, inode in _find_sockets(proc, inodes):
        holders = found[str(inodes[inode])]
        name, unit = _name(process), _find_unit(process)
        if name not in [holder["name"] for holder in holders]:
            holders.append({"name": name, "process": process.name, "unit": unit})
    return {port: holders or [{"name": "", "process": "", "unit": ""}] for port, holders in found.items()}


def _read_table(text: str, ports: Collection[int]) -> Iterator[tuple[str, int]]:
    """Return the inode and the port of each socket in a table of the kernel that listens on one of the ports."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) > 9 and words[3] == _LISTENS:
            port = int(words[1].rpartition(":")[2], 16)
            if port in ports:
                yield words[9], port


def _find_sockets(proc: Path, inodes: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Return the processes that hold one of the sockets open, each with its inode, the oldest process first."""
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        with suppress(OSError):  # it may have ended, and may be another's
            for name in os.listdir(process / "fd"):
                with suppress(OSError):
                    held = re.fullmatch(r"socket:\[([0-9]+)\]", os.readlink(process / "fd" / name))
                    if held and held[1] in inodes:
                        yield process, held[1]


def _name(process: Path) -> str:
    with suppress(OSError):
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return ""


def _find_unit(process: Path) -> str:
    """Return the service of systemd to which a process belongs, empty where it belongs to none."""
    with suppress(OSError):
        found = re.search(r"/([^/\n]+\.service)$", (process / "cgroup").read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        return found[1] if found else ""
    return ""


def find_closed(ports: Collection[int]) -> list[int]:
    """Return the ports of which the host's own firewall (nftables; so ufw's and firewalld's, too) seems to keep others out."""
    try:
        shown = subprocess.run(["/usr/sbin/nft", "list", "ruleset"], capture_output=True, text=True, timeout=_TIMEOUT, check=False).stdout
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return []
    return judge_rules(shown, ports) if len(shown) <= _LONGEST_RULES else []


def judge_rules(rules: str, ports: Collection[int]) -> list[int]:
    """Return the ports of which rules of nft(8) seem to keep others out: they refuse what comes in, and have no rule for the port.

    A guess, and a careful one: where ports are in a set with a name, or in a range, none is returned.
    """
    chains = re.findall(r"chain [^{]+\{[^{}]*hook input(?:[^{}]|\{[^{}]*\})*\}", rules)
    refuses = any(re.search(r"policy drop|^\s*(?:counter [^\n]*)?(?:drop|reject\b[^\n]*)$", chain, re.MULTILINE) for chain in chains)
    named = re.findall(r"dport (?:\{([^}]*)\}|(\S+))", rules)
    words = {word for pair in named for text in pair for word in re.split(r"[,\s]+", text) if word}
    if not refuses or any("@" in word or re.fullmatch(r"[0-9]+-[0-9]+", word) for word in words):
        return []
    return sorted(port for port in ports if not {str(port), _SERVICES.get(port, "")} & words)
