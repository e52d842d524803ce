"""What is refused for one app, before anything of it is changed, while the others go on; what a plan does; what a removal leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, run_playbook, run_role, take_fingerprint

from .conftest import SITE, ask_redis

if TYPE_CHECKING:
    from testinfra.host import Host

    from .conftest import Postgres

testinfra_hosts = ["debian12", "debian13"]

OTHER = "lost-and-found"
REMOVE = Path("playbooks/remove.yml")


def words(output: str) -> str:
    return " ".join(output.split())


@pytest.mark.any_debian("debian12")
def test_an_unknown_extension_and_a_database_of_somebody_else_keep_no_other_app_from_its_release(
    host: Host, postgres: Postgres, apps: dict[str, Any]
) -> None:
    postgres.ask("CREATE ROLE owner_of_all")
    postgres.ask("CREATE DATABASE smallest OWNER owner_of_all")
    rules = host.file(postgres.rules).content_string
    notices = {**apps["notices"], "database": {"engine": "postgresql", "extensions": ["citext", "tabulator"]}}
    smallest, other = {**apps["smallest"], "database": "postgresql"}, {**apps[OTHER], "env": {"COLOUR": "green"}}
    run = run_playbook(host, SITE, {"flask_apps": [notices, smallest, other]})
    assert run.status != 0
    said = words(run.output)
    assert "notices: extensions has tabulator, which PostgreSQL 15 does not have on this host. It has " in said
    assert "smallest: the database smallest is there already and belongs to the role owner_of_all, not to the app" in said
    assert "COLOUR=" in host.check_output(f"cat /var/www/{OTHER}/current/env")
    assert "DATABASE_URL=" not in host.check_output("cat /var/www/smallest/current/env")
    assert host.file(postgres.rules).content_string == rules
    assert http_get(host, "smallest.test").status == http_get(host, "notices.test", "/notices").status == 200
    postgres.ask("DROP DATABASE smallest")


@pytest.mark.any_debian("debian13")
def test_a_role_of_somebody_else_is_refused_until_it_is_given_to_the_app(host: Host, postgres: Postgres) -> None:
    postgres.ask("CREATE ROLE legacy LOGIN PASSWORD 'old'")
    postgres.ask("CREATE DATABASE legacy OWNER legacy")
    wanted = {"postgresql_databases": [{"name": "legacy"}]}
    refused = run_role(host, "postgresql", wanted)
    assert refused.status != 0
    (statement,) = [part for part in words(refused.output).split("`") if part.startswith("COMMENT ON ROLE")][:1]
    assert postgres.ask("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'legacy'") == "f"
    postgres.ask(statement.replace('\\"', '"'))
    assert run_role(host, "postgresql", wanted).succeeded().changed == 1
    assert postgres.ask("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'legacy'") == "t"


CZECH = {"name": "czech", "locale": "cs"}


@pytest.fixture(scope="module")
def czech(host: Host) -> None:
    """Let there be a database whose language is Czech."""
    run_role(host, "postgresql", {"postgresql_databases": [CZECH]}).succeeded()


@pytest.mark.usefixtures("czech")
def test_text_is_sorted_by_the_language_that_is_given(postgres: Postgres) -> None:
    assert postgres.ask(
        "SELECT string_agg(w, ' ' ORDER BY w) FROM unnest(ARRAY['chata', 'cesta', 'hora', 'žena', 'zima']) AS w", "czech"
    ) == ("cesta hora chata zima žena")


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("czech")
def test_a_database_keeps_the_language_with_which_it_was_made(host: Host) -> None:
    assert run_role(host, "postgresql", {"postgresql_databases": [CZECH]}).succeeded().changed == 0
    refused = run_role(host, "postgresql", {"postgresql_databases": [{**CZECH, "locale": "de"}]})
    assert "the database was made with cs" in words(refused.output)


@pytest.mark.any_debian("debian12")
def test_a_plan_changes_nothing_and_shows_the_sql(host: Host, postgres: Postgres) -> None:
    before = take_fingerprint(host)
    plan = run_role(host, "postgresql", {"postgresql_databases": [{"name": "planned", "extensions": ["citext"]}]}, check=True).succeeded()
    assert plan.changed == 1
    assert '+CREATE DATABASE "planned" OWNER "planned"' in plan.output
    assert '+local "planned" "planned" peer' in plan.output
    assert take_fingerprint(host) == before
    assert not postgres.has("planned")


@pytest.mark.any_debian("debian13")
def test_a_removed_app_leaves_its_rows_and_the_data_of_its_redis_which_are_there_when_it_comes_back(
    host: Host, postgres: Postgres, apps: dict[str, Any]
) -> None:
    rows = postgres.ask("SELECT count(*) FROM notices", OTHER)
    assert rows != "0"
    ask_redis(host, "SET kept 1", OTHER)
    data = f"/var/lib/webstack-flask/redis/{OTHER}"
    removal = {"flask_app": OTHER, "flask_remove_data": True}
    said = words(run_playbook(host, REMOVE, removal).succeeded().output)
    assert f"its database {OTHER} is still in PostgreSQL, with all its rows" in said
    assert postgres.ask("SELECT count(*) FROM notices", OTHER) == rows
    assert f"# BEGIN webstack.flask: {OTHER}\n" in host.file(postgres.rules).content_string
    assert f"the data of its Redis are still in {data}" in said
    assert not host.user(f"_redis-{OTHER}").exists
    assert not host.file(f"/etc/systemd/system/{OTHER}.redis.service").exists
    assert f"/run/webstack-flask/redis/{OTHER}" not in host.check_output("ss -Hlx; ls -d /run/webstack-flask/redis/*")
    assert host.file(data).mode == 0o700
    assert run_playbook(host, REMOVE, removal).succeeded().changed == 0
    run_playbook(host, SITE, {"flask_apps": [apps[OTHER]]}).succeeded()
    assert len(http_get(host, f"{OTHER}.test", "/notices").body.splitlines()) >= int(rows)
    assert ask_redis(host, "GET kept", OTHER) == "1"
