"""An app whose database is on a server of somebody else, on another host: who it is, what it gets, and what stops a deploy."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import testinfra
from scenario_tests import as_user, http_get, http_request, run_playbook
from scenario_tests.load import show, watch
from scenario_tests.releases import read_app

from .conftest import FORM, SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["debian13"]

NAME, THERE = "depot", "debian12"
PORT = 5499
# What has a meaning in a URL, for the shell, for systemd, and in SQL.
PASSWORD = "p@ss:w/rd %20$X'\"\\"  # noqa: S105 - of a test

CLUSTER = f"""
set -e
pg_createcluster 15 given --port {PORT} > /dev/null
mkdir -m 0755 /srv/given && cd /srv/given
for ca in ours theirs; do
    openssl req -x509 -newkey rsa:2048 -nodes -keyout $ca.key -out $ca.pem -subj "/CN=$ca" -days 2
    openssl req -newkey rsa:2048 -nodes -keyout by-$ca.key -out by-$ca.csr -subj /CN={THERE} -addext subjectAltName=DNS:{THERE}
    openssl x509 -req -in by-$ca.csr -CA $ca.pem -CAkey $ca.key -CAcreateserial -copy_extensions copy -days 2 -out by-$ca.pem
done 2> /dev/null
chown postgres *.key
echo 'local all postgres peer
hostssl store clerk,clerk2 all scram-sha-256' > /etc/postgresql/15/given/pg_hba.conf
set -f
for setting in "listen_addresses *" "ssl_cert_file /srv/given/by-ours.pem" "ssl_key_file /srv/given/by-ours.key"; do
    pg_conftool 15 given set $setting
done
pg_ctlcluster 15 given start
"""


class Server:
    """A PostgreSQL that others have set up."""

    def __init__(self, host: Host) -> None:
        """Keep on which host."""
        self.host = host

    def ask(self, query: str, database: str = "postgres") -> str:
        """Return what one statement says, to its administrator."""
        return str(self.host.check_output("runuser -u postgres -- psql -XqAt -p %s -d %s -c %s", str(PORT), database, query))

    def show_certificate(self, which: str) -> None:
        """Have the server come with another certificate from now on."""
        self.host.check_output(f"pg_conftool 15 given set ssl_cert_file /srv/given/{which}.pem")
        self.host.check_output(f"pg_conftool 15 given set ssl_key_file /srv/given/{which}.key && pg_ctlcluster 15 given reload")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Return a server on another host, with the role clerk and its database store."""
    there = testinfra.get_host(f"ansible://{THERE}", ansible_inventory=os.environ["MOLECULE_INVENTORY_FILE"], sudo=True)
    made = Server(there)
    try:
        there.check_output("bash -c %s", CLUSTER)
        quoted = PASSWORD.replace("'", "''")
        made.ask(f"CREATE ROLE clerk LOGIN PASSWORD '{quoted}'")
        made.ask("CREATE DATABASE store OWNER clerk")
        made.ask("CREATE EXTENSION citext", "store")
        yield made
    finally:
        there.check_output("pg_dropcluster --stop 15 given && rm -r /srv/given")


@pytest.fixture(scope="module")
def depot(server: Server) -> dict[str, Any]:
    """Return an app whose database is on that server."""
    return {
        "name": NAME,
        "source": {"path": f"{os.environ['MOLECULE_PROJECT_DIRECTORY']}/tests/apps/noticeboard"},
        "wsgi": "app:app",
        "server_names": [f"{NAME}.test"],
        "health": {"path": "/notices"},
        "setup_commands": ["flask migrate", "flask seed"],
        "release_commands": ["flask migrate"],
        "database": {
            "engine": "postgresql",
            "scheme": "postgresql+psycopg",
            "host": THERE,
            "port": PORT,
            "name": "store",
            "user": "clerk",
            "password": PASSWORD,
            "ca": server.host.check_output("cat /srv/given/ours.pem"),
        },
    }


def words(output: str) -> str:
    return " ".join(output.split())


def deploy(host: Host, depot: dict[str, Any], *options: str) -> Play:
    return run_playbook(host, SITE, {"flask_apps": [depot]}, options=options)


@pytest.fixture(autouse=True, scope="module")
def first_deploy(host: Host, depot: dict[str, Any]) -> Play:
    """Deploy the app, and return all that Ansible has said. Tests that deploy it once more leave users with a release that is good."""
    return deploy(host, depot, "-vvv").succeeded()


def test_an_app_has_all_that_it_has_with_a_database_of_its_own_machine(host: Host, server: Server, depot: dict[str, Any]) -> None:
    assert http_request(host, f"{NAME}.test", "POST", "/notices", body="content=hello", headers=FORM).status == 201
    assert server.ask("SELECT content FROM notices ORDER BY number", "store").splitlines() == ["welcome", "hello"]
    assert server.ask("SELECT done, finished IS NOT NULL FROM webstack_flask.setup", "store") == '{"flask migrate","flask seed"}|t'
    assert server.ask("SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'clerk'") == "t"
    assert deploy(host, depot).succeeded().changed == 0

    told = json.loads(http_get(host, f"{NAME}.test", "/drivers").body)
    assert len(told) == 8
    assert {library: answer for library, answer in told.items() if answer != "clerk in store"} == {}


def test_nobody_else_reads_the_password(host: Host, first_deploy: Play) -> None:
    shown = first_deploy.output
    escaped = json.dumps(PASSWORD)[1:-1]
    for form in (PASSWORD, escaped, json.dumps(escaped)[1:-1], "p%40ss%3Aw%2Frd"):
        assert form not in shown
    found = host.run(
        "grep -rlF -e 'p@ss:w' -e 'p%40ss%3Aw' /etc /var/www /var/lib/webstack-flask /var/log /run/systemd /tmp"
    ).stdout.split()
    assert found
    for path in found:
        assert host.run('test -z "$(find %s -perm /o=r)"', path).succeeded, path
        assert not as_user(host, "notices", f"cat {path}").succeeded, path
    # The question itself is in it, as a command of sudo.
    assert not host.run("journalctl --no-pager | grep -F 'p@ss:w' | grep -v COMMAND=").succeeded


def test_before_release_commands_it_is_dumped_and_a_rollback_with_its_data_is_refused(
    host: Host, depot: dict[str, Any], tmp_path: Path
) -> None:
    place = tmp_path / "more"
    shutil.copytree(depot["source"]["path"], place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "migrations" / "002.sql").write_text("ALTER TABLE notices ADD COLUMN author text;")
    said = deploy(host, {**depot, "source": {"path": str(place)}}).succeeded().output
    assert f"dumped the database store on {THERE}:{PORT} before the release commands" in words(said)
    (dump,) = host.check_output(f"ls /var/lib/webstack-flask/dumps/{NAME}/*.dump").splitlines()
    listed = host.check_output(f"/usr/lib/postgresql/17/bin/pg_restore --list {dump}")
    assert "TABLE DATA public notices clerk" in listed
    assert not as_user(host, NAME, f"cat {dump}").succeeded
    live = read_app(host, NAME).current
    refused = run_playbook(host, Path("playbooks/rollback.yml"), {"flask_apps": [depot], "flask_app": NAME, "flask_data": "last"})
    assert refused.status != 0
    assert "A dump of a database on another host is restored there, by hand" in words(refused.output)
    assert read_app(host, NAME).current == live
    run_playbook(host, Path("playbooks/rollback.yml"), {"flask_apps": [depot], "flask_app": NAME}).succeeded()


def test_a_new_password_comes_with_a_second_role_and_no_request_fails(host: Host, server: Server, depot: dict[str, Any]) -> None:
    for statement in ("CREATE ROLE clerk2 LOGIN PASSWORD 'the second one' IN ROLE clerk", "ALTER ROLE clerk2 SET role = clerk"):
        server.ask(statement)
    with watch(host, f"{NAME}.test") as seen:
        changed = {**depot, "database": {**depot["database"], "user": "clerk2", "password": "the second one"}}
        said = deploy(host, changed).succeeded().output
        server.ask("ALTER ROLE clerk NOLOGIN")
    assert not seen.failures, show(seen.failures)
    server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN ('clerk', 'clerk2')")
    assert http_request(host, f"{NAME}.test", "POST", "/notices", body="content=anew", headers=FORM).status == 201
    assert "dumped the database" not in said
    assert server.ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", "store") == "clerk"
    server.ask("ALTER ROLE clerk LOGIN")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"password": "another"}, 'password authentication failed for user "clerk" Hint: the server does not take `password`'),
        ({"ca": None}, "certificate verify failed Hint: the server's certificate is of no CA that is trusted"),
        ({"host": "address"}, "does not match host name"),
        ({"port": 5498}, "Connection refused Is the server running on that host and accepting TCP/IP connections? Hint: nobody listens"),
    ],
)
def test_what_keeps_the_app_from_its_database_stops_the_deploy_before_users_see_it(
    host: Host, server: Server, depot: dict[str, Any], change: dict[str, Any], cause: str
) -> None:
    before = read_app(host, NAME).current
    if change.get("host") == "address":
        change = {"host": server.host.check_output("hostname -i").split()[0]}
    # It would be healthy: the page does not ask the database.
    run = deploy(host, {**depot, "health": {"path": "/static/none"}, "database": {**depot["database"], **change}})
    assert run.status != 0
    assert cause in words(run.output)
    assert "users were left where they are" in words(run.output)
    assert PASSWORD not in run.output
    assert read_app(host, NAME).current == before
    assert http_get(host, f"{NAME}.test", "/notices").status == 200


def test_a_server_that_comes_with_the_certificate_of_another_ca_gets_no_password_and_no_row(
    host: Host, server: Server, depot: dict[str, Any]
) -> None:
    before = read_app(host, NAME).current
    server.show_certificate("by-theirs")
    try:
        run = deploy(host, {**depot, "env": {"COLOUR": "blue"}})
        assert run.status != 0
        assert "Hint: the server's certificate is of no CA that is trusted" in words(run.output)
        assert read_app(host, NAME).current == before
    finally:
        server.show_certificate("by-ours")
    both = {**depot, "database": {**depot["database"], "ca": server.host.check_output("cat /srv/given/ours.pem /srv/given/theirs.pem")}}
    deploy(host, both).succeeded()
    server.show_certificate("by-theirs")
    try:
        assert http_request(host, f"{NAME}.test", "POST", "/notices", body="content=still", headers=FORM).status == 201
    finally:
        server.show_certificate("by-ours")
