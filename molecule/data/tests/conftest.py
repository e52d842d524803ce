"""The apps of the scenario, and the server's own words."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, http_request

if TYPE_CHECKING:
    from testinfra.host import Host

SITE = Path("playbooks/site.yml")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask_redis(host: Host, words: str, name: str = "tuned") -> str:
    """Return what the Redis of an app answers to its administrator."""
    return str(
        host.check_output(
            f"REDISCLI_AUTH=$(cat /etc/webstack-flask/redis/{name}.password) redis-cli -e --user webstack "
            f"-s /run/webstack-flask/redis/{name}/redis.sock {words}"
        )
    )


def write_value(host: Host, value: str) -> None:
    """Have the app with a Redis keep a value in it."""
    assert http_request(host, "switchboard.test", "POST", "/value", body=f"value={value}", headers=FORM).status == 201


def read_value(host: Host) -> str:
    """Return the value that the app with a Redis has there."""
    return http_get(host, "switchboard.test", "/value").body


class Postgres:
    """The PostgreSQL of a host, by its administrator."""

    def __init__(self, host: Host) -> None:
        """Keep which host."""
        self.host = host

    def ask(self, query: str, database: str = "postgres") -> str:
        """Return what one statement says, a line for each row."""
        return str(self.host.check_output(f"runuser -u postgres -- psql -XqAt -d {shlex.quote(database)} -c {shlex.quote(query)}"))

    @property
    def started(self) -> str:
        """When the server was started."""
        return self.ask("SELECT pg_postmaster_start_time()")

    @property
    def rules(self) -> str:
        """The path of pg_hba.conf."""
        return self.ask("SHOW hba_file")

    def has(self, name: str) -> bool:
        """Return whether there is a role or a database of a name."""
        query = (
            "SELECT count(*) FROM (SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles) AS x (name) WHERE name = '{}'"
        )
        return self.ask(query.format(name)) != "0"


@pytest.fixture(scope="module")
def postgres(host: Host) -> Postgres:
    """Return the PostgreSQL of the host."""
    return Postgres(host)


@pytest.fixture(scope="module")
def apps(host: Host) -> dict[str, dict[str, Any]]:
    """Return the entries of flask_apps, by name."""
    return {app["name"]: app for app in host.ansible.get_variables()["flask_apps"]}
