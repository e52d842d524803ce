# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PostgreSQL servers of a host, which Debian calls clusters: there may be several, of several versions (pg_lsclusters(1))."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands

_TIMEOUT = 60


@dataclass(frozen=True)
class Cluster:
    """One of them. `uid` and `gid` are of the account whose it is."""

    version: str
    name: str
    port: int
    is_running: bool
    uid: int
    gid: int
    socket_directory: Path
    log: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Cluster:
        """Return a cluster from what pg_lsclusters says of it."""
        return cls(
            version=str(told["version"]),
            name=told["cluster"],
            port=int(told["port"]),
            is_running=bool(told["running"]),
            uid=int(told["owneruid"]),
            gid=int(told["ownergid"]),
            socket_directory=Path(told.get("socketdir") or SOCKET_DIRECTORY),
            log=told.get("logfile") or "",
        )

    @property
    def unit(self) -> str:
        """The unit of systemd that runs it."""
        return f"postgresql@{self.version}-{self.name}"

    def __str__(self) -> str:
        """Return the cluster as Debian's tools name it, with its port."""
        return f"{self.version}/{self.name} (port {self.port})"


def read_clusters() -> list[Cluster] | None:
    """Return the clusters of the host; None where PostgreSQL is not installed."""
    try:
        ended = commands.run(["/usr/bin/pg_lsclusters", "--json"], timeout=_TIMEOUT)
    except FileNotFoundError:
        return None
    if ended.status != 0:
        raise UserError(f"pg_lsclusters, which tells of the PostgreSQL servers of this host, has failed: {ended.errors.strip()}")
    return [Cluster.of(told) for told in json.loads(ended.output)]


def choose_cluster(clusters: Sequence[Cluster], port: int) -> Cluster:
    """Return the cluster that listens on a port; raise UserError that says what to do if none does.

    The port decides, and not the version: after an upgrade of Debian there is a newer cluster beside the one that has the data, on the
    next port, and apps are not to find an empty database one day.
    """
    found = sorted((cluster for cluster in clusters if cluster.port == port), key=lambda cluster: cluster.is_running)
    if not found:
        there = f"There are {', '.join(map(str, clusters))}" if clusters else "There is none"
        mend = (
            "Set postgresql_port to the port of the one that is to be used" if clusters else "Make one: `pg_createcluster 15 main --start`"
        )
        raise UserError(f"no PostgreSQL cluster of this host has the port {port}, which postgresql_port names. {there}. {mend}")
    cluster = found[-1]
    if not cluster.is_running:
        raise UserError(
            f"the PostgreSQL cluster {cluster} is down. Start it by `systemctl start {cluster.unit}`; if it does not come up, "
            f"{cluster.log} says why"
        )
    if cluster.socket_directory.resolve() != Path(SOCKET_DIRECTORY).resolve():
        raise UserError(
            f"the PostgreSQL cluster {cluster} has its socket in {cluster.socket_directory}, and apps look for it in {SOCKET_DIRECTORY}; "
            f"set unix_socket_directories to {SOCKET_DIRECTORY} in its postgresql.conf, and restart it"
        )
    return cluster
