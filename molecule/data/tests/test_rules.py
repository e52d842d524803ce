"""pg_hba.conf, which others write, too: their lines stay, ours come first, and the server is not restarted for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, http_get, run_playbook, run_role, wait_on_host

from .conftest import SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

    from .conftest import Postgres

testinfra_hosts = ["debian12", "debian13"]

FOREIGN = "host all auditor 192.0.2.0/24 scram-sha-256 # ours, since 2019"
OPEN_TO_ALL = "local all all trust"
NOTICES = {"name": "notices", "connection_limit": 40}


@pytest.fixture(autouse=True)
def rules_as_they_were(host: Host, postgres: Postgres) -> Iterator[None]:
    path = postgres.rules
    host.check_output(f"cp --preserve=all {path} /root/rules")
    yield
    host.check_output(f"cp --preserve=all /root/rules {path} && touch {path} && systemctl reload postgresql")
    loaded = f"SELECT pg_conf_load_time() > to_timestamp({host.file(path).mtime.timestamp()})"
    wait_on_host(host, f"runuser -u postgres -- psql -XAt -c '{loaded}' | grep -q t")


def put_first(host: Host, postgres: Postgres, line: str) -> None:
    """Write a line before all others, as somebody may do by hand."""
    host.check_output(f"sed -i '1i {line}' {postgres.rules}")
    host.check_output(f"chown postgres:adm {postgres.rules} && chmod 0660 {postgres.rules}")


def give(host: Host, *databases: dict[str, Any] | str, **more: Any) -> Any:  # noqa: ANN401
    wanted = [{"name": each} if isinstance(each, str) else each for each in databases]
    return run_role(host, "postgresql", {"postgresql_databases": wanted, **more})


@pytest.mark.any_debian("debian13")
def test_another_app_gets_a_database_without_a_restart_and_what_others_wrote_stays(
    host: Host, postgres: Postgres, apps: dict[str, Any]
) -> None:
    put_first(host, postgres, FOREIGN)
    put_first(host, postgres, OPEN_TO_ALL)
    others = [line for line in host.file(postgres.rules).content_string.splitlines() if "webstack" not in line]
    started = postgres.started
    run = run_playbook(host, SITE, {"flask_apps": [apps["notices"], {**apps["smallest"], "database": "postgresql"}]}).succeeded()
    assert "smallest, its database: role made" in " ".join(run.output.split())
    assert "scram-sha-256 # ours" not in run.output, "what others wrote may be secret"
    assert postgres.started == started
    rules = host.file(postgres.rules)
    lines = rules.content_string.splitlines()
    assert lines[0].startswith("# BEGIN webstack.flask: ")
    assert {OPEN_TO_ALL, FOREIGN} < set(lines)
    assert [line for line in others if line not in lines] == []
    assert (rules.user, rules.group, rules.mode) == ("postgres", "adm", 0o660)
    assert as_user(host, "smallest", "psql -XAt -d smallest -c 'SELECT 1'").stdout.strip() == "1"
    for database in ("notices", "lost-and-found", "smallest"):
        assert "rejects connection" in as_user(host, "nobody", f"psql -XAt -d {database} -U postgres_else -c 'SELECT 1'").stderr
    assert "DATABASE_URL=" in host.check_output("cat /var/www/smallest/current/env")
    assert run_playbook(host, SITE, {"flask_apps": [apps["smallest"]]}).succeeded().changed > 0
    assert "DATABASE_URL=" not in host.check_output("cat /var/www/smallest/current/env"), "one is told of it no more, and keeps it"
    assert postgres.has("smallest")


def test_rules_with_an_error_of_somebody_else_are_refused_with_the_line_and_stay(host: Host, postgres: Postgres) -> None:
    put_first(host, postgres, "local all all piep")
    before = host.file(postgres.rules).content_string
    run = give(host, "late")
    assert run.status != 0
    assert re.search(r'line 1: invalid authentication method "piep"', " ".join(run.output.split()))
    assert host.file(postgres.rules).content_string == before
    assert not postgres.has("late")


@pytest.mark.any_debian("debian12")
def test_rules_that_a_run_cut_off_has_written_are_loaded_by_the_next(host: Host, postgres: Postgres) -> None:
    put_first(host, postgres, "local template1 all reject")
    assert host.run("runuser -u postgres -- psql -d template1 -c 'SELECT 1'").succeeded, "the server does not know it yet"
    assert give(host, NOTICES).succeeded().changed == 1
    assert "rejects connection" in host.run("runuser -u postgres -- psql -d template1 -c 'SELECT 1'").stderr
    assert give(host, NOTICES).succeeded().changed == 0


@pytest.mark.any_debian("debian12")
def test_a_server_that_is_down_is_told_with_what_starts_it_and_other_apps_go_on(host: Host, apps: dict[str, Any]) -> None:
    described = [apps["notices"], {**apps["smallest"], "env": {"COLOUR": "green"}}]
    unit = "postgresql@15-main"
    host.check_output(f"systemctl stop {unit}")
    run = run_playbook(host, SITE, {"flask_apps": described})
    assert run.status != 0
    assert f"the PostgreSQL cluster 15/main (port 5432) is down. Start it by `systemctl start {unit}`" in " ".join(run.output.split())
    assert "FAILED, notices: there is no new release of it" in " ".join(run.output.split())
    assert "COLOUR=" in host.check_output("cat /var/www/smallest/current/env")
    host.check_output(f"systemctl start {unit}")
    assert http_get(host, "notices.test", "/notices").status == 200


@pytest.mark.any_debian("debian13")
def test_of_several_clusters_the_port_decides(host: Host) -> None:
    host.check_output("pg_createcluster 17 second --start")
    try:
        first, second = give(host, "apart"), give(host, "apart", postgresql_port=5433)
        assert first.succeeded().changed == second.succeeded().changed == 1
        said = give(host, "apart", postgresql_port=5434)
        assert "There are 17/main (port 5432), 17/second (port 5433)" in " ".join(said.output.split())
        names = host.check_output("runuser -u postgres -- psql -XAt -p 5433 -c 'SELECT datname FROM pg_database'").split()
        assert "apart" in names
    finally:
        host.check_output("pg_dropcluster --stop 17 second")
