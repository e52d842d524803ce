"""The apps of the scenario, and the server's own words."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from testinfra.host import Host

SITE = Path("playbooks/site.yml")


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


@pytest.fixture
def postgres(host: Host) -> Postgres:
    """Return the PostgreSQL of the host."""
    return Postgres(host)


@pytest.fixture
def apps(host: Host) -> dict[str, dict[str, Any]]:
    """Return the entries of flask_apps, by name."""
    return {app["name"]: app for app in host.ansible.get_variables()["flask_apps"]}
