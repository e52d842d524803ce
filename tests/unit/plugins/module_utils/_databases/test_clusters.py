"""Which of a host's PostgreSQL servers is used."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import Cluster, choose_cluster
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError


def cluster(**changes: Any) -> Cluster:  # noqa: ANN401
    told = {"version": 15, "cluster": "main", "port": "5432", "running": 1, "owneruid": 101, "ownergid": 104, "logfile": "/var/log/x.log"}
    return Cluster.of({**told, "socketdir": "/run/postgresql", **changes})


def test_the_port_decides_and_not_the_version() -> None:
    old, new = cluster(), cluster(version=17, port="5433")
    assert choose_cluster([old, new], 5432) == old
    assert choose_cluster([old, new], 5433) == new
    assert str(new) == "17/main (port 5433)"


def test_of_two_on_one_port_the_one_that_runs_is_taken() -> None:
    down, up = cluster(version=17, running=0), cluster()
    assert choose_cluster([down, up], 5432) == choose_cluster([up, down], 5432) == up


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [
        ([], "There is none. Make one: `pg_createcluster 15 main --start`"),
        ([cluster(port="5433")], "There are 15/main (port 5433). Set postgresql_port to the port of the one that is to be used"),
        (
            [cluster(running=0)],
            "is down. Start it by `systemctl start postgresql@15-main`; if it does not come up, /var/log/x.log says why",
        ),
        ([cluster(socketdir="/srv/sockets")], "has its socket in /srv/sockets, and apps look for it in /run/postgresql"),
    ],
)
def test_what_keeps_from_using_one_is_told(clusters: list[Cluster], problem: str) -> None:
    with pytest.raises(UserError) as caught:
        choose_cluster(clusters, 5432)
    assert problem in str(caught.value)
