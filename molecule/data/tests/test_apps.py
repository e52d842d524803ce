"""An app with a database writes and reads in all that it runs, with each library, and after a reboot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, http_request, restart, wait_on_host
from scenario_tests.releases import read_app

from .conftest import FORM, read_value, write_value

if TYPE_CHECKING:
    from testinfra.host import Host

    from .conftest import Postgres

testinfra_hosts = ["debian12", "debian13"]

OTHER = "lost-and-found"


def read(host: Host, app: str) -> list[str]:
    answer = http_get(host, f"{app}.test", "/notices")
    assert answer.status == 200, answer.body
    return answer.body.splitlines()


@pytest.mark.parametrize("app", ["notices", OTHER])
def test_pages_write_rows_and_read_them(host: Host, app: str) -> None:
    content = f"{app} {len(read(host, app))}"
    assert http_request(host, f"{app}.test", "POST", "/notices", body=f"content={content}", headers=FORM).status == 201
    assert read(host, app)[-1] == content


@pytest.mark.parametrize("app", ["notices", OTHER])
def test_each_library_finds_the_database_by_the_variables_that_an_app_gets(host: Host, app: str) -> None:
    told = json.loads(http_get(host, f"{app}.test", "/drivers").body)
    assert len(told) == 8
    assert {library: answer for library, answer in told.items() if answer != f"{app} in {app}"} == {}


def test_processes_jobs_and_release_commands_have_the_database(host: Host, postgres: Postgres) -> None:
    assert postgres.ask("SELECT name FROM migrations", OTHER) == "001.sql"
    wait_on_host(host, f"runuser -u postgres -- psql -XAt -d {OTHER} -c 'TABLE notices' | grep -q 'the process has come up'")
    host.check_output(f"systemctl start {OTHER}.tidy.job@{read_app(host, OTHER).current}.service")
    assert "the job has run" in read(host, OTHER)


def test_the_database_is_the_app_s_own_and_in_utf_8(postgres: Postgres) -> None:
    query = """SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datctype
        FROM pg_database WHERE datname IN ('notices', 'lost-and-found') ORDER BY datname"""
    assert postgres.ask(query).splitlines() == ["lost-and-found|lost-and-found|UTF8|C.UTF-8", "notices|notices|UTF8|C.UTF-8"]
    assert postgres.ask("SELECT 'Č'::citext = 'č'::citext", "notices") == "t"


@pytest.mark.any_debian("debian12")
def test_after_a_reboot_nothing_of_the_app_begins_before_a_database_or_a_redis_that_is_slow_to_come_up(host: Host) -> None:
    before = read(host, "notices")
    write_value(host, "before the reboot")
    drop_ins = [f"/etc/systemd/system/{unit}.service.d" for unit in ("postgresql@", "switchboard.redis")]
    for drop_in in drop_ins:
        host.check_output(f"mkdir {drop_in} && printf '[Service]\\nExecStartPre=+/usr/bin/sleep 5\\n' > {drop_in}/slow.conf")
    try:
        restart(host)
    finally:
        host.check_output(f"rm -r {' '.join(drop_ins)} && systemctl daemon-reload")
    assert read(host, "notices") == before
    assert read_value(host) == "before the reboot"
    # They ask for something at once, and end if there is nobody.
    for app, process in ((OTHER, "announce"), ("switchboard", "rq")):
        unit = f"{app}.{process}@{read_app(host, app).current}.service"
        assert host.check_output(f"systemctl is-active {unit}") == "active"
        assert host.check_output(f"systemctl show --property NRestarts --value {unit}") == "0"
