"""What a host in memory holds: places in the file system, and units."""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access

UNITS = "/etc/systemd/system"
TARGETS = {"service": "multi-user.target.wants", "socket": "sockets.target.wants", "timer": "timers.target.wants"}
BUSY = 2
"""How often a release is asked for its connections until the request that is in it has ended."""

ROOT_ONLY = Access(0, 0, 0o755)


class Stopped(BaseException):
    """The run has been killed: nothing that it does from now on has any effect."""


class Node(NamedTuple):
    """Something in the file system."""

    kind: str
    """dir, file, link or socket."""

    text: str = ""
    access: Access | None = None


class Unit(NamedTuple):
    """What the service manager holds in memory of a unit that it has started, or been told something of."""

    active: str = "inactive"
    restarts: int = 0
    weight: int | None = None
    questions: int = 0
    """How often it has been asked since it started."""

    left: int = 0
    """For how many moments a process still finishes what it is at."""

    queued: bool = False
    """Whether it starts again then."""


def release_of(unit: str) -> str:
    """Return the release whose unit this is."""
    return unit.partition("@")[2].rpartition(".")[0]
