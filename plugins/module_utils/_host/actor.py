# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who does something on the host, and from where.

A person comes by ssh and becomes root by sudo, which takes the address of the session out of the environment. The processes above this one
still have it in theirs. Ansible's modules get words of the computer that runs Ansible besides, in a variable of their environment.
"""

from __future__ import annotations

import ipaddress
import os
import pwd
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

TOLD = "WEBSTACK_FLASK_CONTROLLER"
"""Variable with what the lookup plugin `controller` says."""

_PROC = Path("/proc")
_NOBODY_LOGGED_IN = "4294967295"
_MOST_PROCESSES = 64
"""So many processes above this one are looked at: there are about ten."""


@dataclass(frozen=True)
class Actor:
    """Who does something. What is not known is empty."""

    user: str
    """The account on the host."""
    address: str = ""
    """The address from which the ssh session came."""
    controller: str = ""
    """User and name of the computer that runs Ansible, as user@name."""
    ci: str = ""
    """The job of a CI service in which Ansible runs, by its URL or number."""
    ci_user: str = ""
    """Who has started that job."""


def find_actor(environment: Mapping[str, str] | None = None, proc: Path = _PROC) -> Actor:
    """Return who has started this process. Whatever cannot be read is left out, and nothing is raised."""
    own = os.environ if environment is None else environment
    told = dict(parse_qsl(own.get(TOLD, "")))
    at = "@".join(part for part in (told.get("user", ""), told.get("host", "")) if part)
    return Actor(
        user=_find_user(own.get("SUDO_USER", ""), proc),
        address=find_address([own, *_list_environments(proc)]),
        controller=at,
        ci=told.get("ci", ""),
        ci_user=told.get("ci_user", ""),
    )


def find_address(environments: Iterable[Mapping[str, str]]) -> str:
    """Return the address of the client of an ssh session, given the environments of a process and of those above it, in this order.

    The uppermost one that has it counts: sshd itself has given it to that one.
    """
    found = ""
    for environment in environments:
        with suppress(ValueError, IndexError):
            words = (environment.get("SSH_CONNECTION") or environment.get("SSH_CLIENT") or "").split()
            found = str(ipaddress.ip_address(words[0]))
    return found


def _find_user(sudo_user: str, proc: Path) -> str:
    """Return the account that has become root; if that is root's own shell, the one that has logged in."""
    if sudo_user and sudo_user != "root":
        return sudo_user
    with suppress(OSError, ValueError, KeyError):
        logged_in = (proc / "self" / "loginuid").read_text(encoding="ascii").strip()
        if logged_in != _NOBODY_LOGGED_IN:
            return pwd.getpwuid(int(logged_in)).pw_name
    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_name
    return str(os.getuid())


def _list_environments(proc: Path) -> Iterator[Mapping[str, str]]:
    """Return the environments with which the processes above this one were started, from the nearest on."""
    process = "self"
    for _number in range(_MOST_PROCESSES):
        try:
            # The name of a program is in brackets, and may have any in it.
            process = (proc / process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            return
        if process in ("0", "1"):
            return
        with suppress(OSError):
            pairs = (proc / process / "environ").read_text(encoding="utf-8", errors="replace").split("\0")
            yield dict(pair.partition("=")[::2] for pair in pairs)
