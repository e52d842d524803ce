# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks need to know about a host before they do anything."""

from __future__ import annotations

import shlex
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_ELSEWHERE = ("192.0.2.1", 9)
_ELSEWHERE_IPV6 = ("2001:db8::1", 9)
"""Any address beyond the default route will do (RFC 5737 and RFC 3849 reserve these for documentation). Nothing is sent to them."""


_LONGEST_TEXT = 1 << 20
"""Characters of a file that are read, and handed on."""


def read_release(paths: Sequence[Path] = (Path("/etc/os-release"), Path("/usr/lib/os-release"))) -> dict[str, str]:
    """Return what the first of the files says, nothing where there is none. Python's own function for it needs version 3.10."""
    for path in paths:
        if path.is_file():
            words = shlex.split(path.read_text(encoding="utf-8", errors="replace"), comments=True)
            return dict(word.partition("=")[::2] for word in words)
    return {}


def describe_distribution(release: Mapping[str, str]) -> dict[str, str]:
    """Return the facts on the distribution, by the names that Ansible gives them, from what os-release(5) says."""
    version = release.get("VERSION_ID", "")
    name = "Debian" if release.get("ID") == "debian" else release.get("NAME", "an unknown system")
    return {"distribution": name, "distribution_version": version, "distribution_major_version": version.partition(".")[0]}


def list_installed(shown: str) -> list[str]:
    """Return the packages that are installed, from lines `name state` of dpkg-query: removed ones may have left their configuration."""
    return [line.split()[0] for line in shown.splitlines() if line.endswith(" installed")]


def find_installed(packages: Sequence[str]) -> list[str]:
    """Return those of the packages that dpkg says are installed."""
    if not packages:
        return []
    command = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", "--", *packages]
    try:
        return list_installed(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    except FileNotFoundError:
        return []


def find_address() -> str | None:
    """Return the IPv4 address from which the host reaches others, else the IPv6 address, None where it has no way to them."""
    return _find_own(socket.AF_INET, _ELSEWHERE) or _find_own(socket.AF_INET6, _ELSEWHERE_IPV6)


def _find_own(family: socket.AddressFamily, elsewhere: tuple[str, int]) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(elsewhere)
            address: str = probe.getsockname()[0]
            return address
    except OSError:
        return None


def find_service_manager(run: Path = Path("/run")) -> str:
    """Return `systemd` where it is the init system, as sd_booted(3) finds out, else the name of process 1."""
    return "systemd" if (run / "systemd/system").is_dir() else Path("/proc/1/comm").read_text(encoding="utf-8").strip()


def read_texts(paths: Sequence[str]) -> dict[str, str]:
    """Return the content of each small text file; one that is absent, cannot be read, or is none, is left out."""
    texts = {}
    for path in (path for path in paths if Path(path).is_file()):
        with suppress(OSError, UnicodeDecodeError), Path(path).open(encoding="utf-8", newline="") as file:
            text = file.read(_LONGEST_TEXT + 1)
            if len(text) <= _LONGEST_TEXT:
                texts[path] = text
    return texts
