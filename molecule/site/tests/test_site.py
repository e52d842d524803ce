"""What a user of the site playbook finds."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, http_get, http_request, restart, wait_on_host

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["served"]

APPS = ("smallest", "guestbook")


@pytest.mark.parametrize("name", ["smallest.test", "www.smallest.test"])
def test_the_smallest_app_is_served_under_each_name(host: Host, name: str) -> None:
    answer = http_get(host, name)
    assert answer.status == 200
    assert "Served by webstack.flask" in answer.body


def test_an_app_from_git_shows_its_template(host: Host) -> None:
    answer = http_get(host, "guestbook.test")
    assert answer.status == 200
    assert "Guest book" in answer.body


def test_its_form_is_posted_to_the_app(host: Host) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = http_request(host, "guestbook.test", "POST", "/", body="name=Ada", headers=headers)
    assert answer.status == 200
    assert "Welcome, Ada!" in answer.body


def test_its_static_file_is_served_by_nginx_itself(host: Host) -> None:
    answer = http_get(host, "guestbook.test", "/static/style.css")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/css")
    assert "etag" in answer.headers
    log = host.run("journalctl --no-pager --unit='guestbook@*' --grep=style.css")
    assert "style.css" not in log.stdout


def test_the_old_pins_of_the_app_are_kept(host: Host) -> None:
    frozen = host.run("/var/www/guestbook/current/venv/bin/python -m pip freeze").stdout
    assert "Flask==2.0.2" in frozen
    assert "Werkzeug==2.2.2" in frozen
    assert re.search(r"^gunicorn==", frozen, re.MULTILINE)


def test_the_app_learns_the_address_that_the_client_used(host: Host) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9"}
    answer = json.loads(http_request(host, "guestbook.test", "GET", "/where", headers=headers).body)
    assert answer["url"] == "http://guestbook.test/where"
    assert answer["forwarded"] != ""
    assert "203.0.113.9" not in answer["forwarded"]


def test_the_environment_variable_arrives_exactly(host: Host) -> None:
    processes = host.run("pgrep -u guestbook | head -1").stdout.strip()
    environment = host.file(f"/proc/{processes}/environ").content.decode().split("\0")
    assert 'GUESTBOOK_SECRET=it\'s "secret" $HOME %h \\ ü' in environment


@pytest.mark.parametrize("app", APPS)
def test_the_socket_is_for_nginx_alone(host: Host, app: str) -> None:
    socket = host.file(f"/var/www/{app}/current/gunicorn.sock")
    assert socket.is_socket
    assert (socket.user, socket.group, socket.mode) == ("root", "www-data", 0o660)


@pytest.mark.parametrize("app", APPS)
def test_another_local_user_reads_neither_variables_nor_code_nor_socket(host: Host, app: str) -> None:
    connect = f'import socket; socket.socket(socket.AF_UNIX).connect("/var/www/{app}/current/gunicorn.sock")'
    for command in (
        f"cat /var/www/{app}/current/env",
        f"cat /var/www/{app}/current/app/wsgi.py /var/www/{app}/current/app/app.py",
        f"ls /var/www/{app}",
        f"ls /var/www/{app}/current/venv/",
        f"ls /var/www/{app}/shared",
        f"python3 -c '{connect}'",
    ):
        result = as_user(host, "nobody", command)
        assert result.failed, command
        assert "ermission" in result.stderr, command


@pytest.mark.parametrize("app", APPS)
def test_the_app_cannot_write_what_it_runs_from(host: Host, app: str) -> None:
    for path in ("current/app", "current/venv/lib", "current", ""):
        assert as_user(host, app, f"touch /var/www/{app}/{path}/mark").failed
    assert as_user(host, app, f"touch /var/www/{app}/shared/mark && rm /var/www/{app}/shared/mark").succeeded


def test_the_web_server_reads_static_files_but_no_code(host: Host) -> None:
    assert as_user(host, "www-data", "cat /var/www/guestbook/current/app/static/style.css").succeeded
    assert as_user(host, "www-data", "cat /var/www/guestbook/current/app/app.py").failed
    assert as_user(host, "www-data", "cat /var/www/guestbook/current/env").failed


def test_the_names_are_found_through_the_hosts_file(host: Host) -> None:
    for name in ("smallest.test", "www.guestbook.test"):
        assert host.run(f"getent hosts {name}").succeeded


def test_a_crashed_app_comes_back(host: Host) -> None:
    unit = host.run("basename $(readlink /var/www/smallest/current)").stdout.strip()
    before = host.run(f"systemctl show --value -p MainPID smallest@{unit}.service").stdout.strip()
    host.run(f"kill -KILL {before}")
    # What a dying worker has accepted is lost with it; what comes once systemd has noticed waits in the socket.
    wait_on_host(host, f"test $(systemctl show --value -p MainPID smallest@{unit}.service) != {before}")
    assert http_get(host, "smallest.test").status == 200


def test_everything_is_served_again_after_a_reboot(host: Host) -> None:
    restart(host)
    for app in APPS:
        assert http_get(host, f"{app}.test").status == 200
