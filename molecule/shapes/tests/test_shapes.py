"""Each app answers as it was written to, and nothing of it was changed for that."""

from __future__ import annotations

import shutil
import socket
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, http_request, published_port, run_playbook
from scenario_tests.releases import read_app
from websockets.sync.client import connect

if TYPE_CHECKING:
    from testinfra.host import Host

SOURCES = Path(__file__).parents[3] / "tests/apps"
DEPLOY = Path("playbooks/deploy.yml")
testinfra_hosts = ["served"]

PAGES = {"greeter": 'it\'s "here" (50% off; $HOME)\n', "echo": "async\n"}


@pytest.mark.parametrize(("app", "page"), PAGES.items())
def test_the_app_answers(host: Host, app: str, page: str) -> None:
    answer = http_get(host, f"{app}.test")
    assert (answer.status, answer.body) == (200, page)
    assert read_app(host, app).find_untidiness() == []


def test_an_app_is_served_encrypted_and_nobody_stays_outside(host: Host) -> None:
    redirect = http_get(host, "bare.test", "/a?b=c")
    assert (redirect.status, redirect.headers["location"]) == (308, "https://bare.test/a?b=c")
    context = ssl._create_unverified_context()  # noqa: S323, SLF001 - no authority has signed it
    with (
        socket.create_connection(("127.0.0.1", published_port(host, 443))) as link,
        context.wrap_socket(link, server_hostname="bare.test") as encrypted,
    ):
        # HTTP/1.0, so that the body comes as it is, and not in chunks.
        encrypted.sendall(b"GET / HTTP/1.0\r\nHost: bare.test\r\n\r\n")
        answer = b"".join(iter(lambda: encrypted.recv(65536), b""))
        assert encrypted.version() == "TLSv1.3"
    assert answer.endswith(b"bare, by https\n"), "the app knows it, and so the links that it makes begin with https"
    assert read_app(host, "bare").find_untidiness() == []


def test_a_variable_arrives_byte_for_byte(host: Host) -> None:
    assert http_get(host, "greeter.test", "/env/NASTY").body == host.ansible.get_variables()["nasty"]


def test_each_static_mapping_has_its_directory_and_its_age(host: Host) -> None:
    style, picture = (http_get(host, "greeter.test", path) for path in ("/static/style.css", "/media/picture.txt"))
    assert (style.body, style.headers["cache-control"]) == ("body { color: teal }\n", "max-age=3600")
    assert (picture.body, picture.headers["cache-control"]) == ("a picture\n", "max-age=315360000")


def test_files_that_commands_make_are_part_of_the_build(host: Host) -> None:
    made, place = (http_get(host, "greeter.test", path) for path in ("/made/by.txt", "/made/from.txt"))
    assert made.body == 'it\'s "made" _build-greeter none\n', "they run as the builder, and get none of the app's variables"
    build = host.file("/var/www/greeter/current/app").linked_to
    assert place.body == f"{build}/greeter/__init__.py\n", "where a command runs, the build is in its final place"
    assert not host.file(f"{build}-open").exists
    assert int(http_get(host, "greeter.test", "/made/processors.txt").body) > 0, "without an answer to this npm fails"
    program = "import gettext, sys; print(gettext.translation('messages', sys.argv[1], ['de']).gettext('hello'))"
    assert host.check_output("python3 -c %s %s", program, f"{build}/greeter/translations") == "grüß dich", "translations are compiled"
    assert (host.file(f"{build}/made/by.txt").user, host.file(f"{build}/made/by.txt").group) == ("root", "greeter")


@pytest.mark.any_debian("debian13")
def test_data_outlives_releases_and_migrations_run_once_for_each(host: Host) -> None:
    before = http_get(host, "ledger.test").body
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    added = http_request(host, "ledger.test", "POST", "/", body="amount=7", headers=form)
    assert added.status == 201
    (app,) = [app for app in host.ansible.get_variables()["flask_apps"] if app["name"] == "ledger"]
    current = read_app(host, "ledger").current
    for changes, expected in (({"watch": 0.1}, current), ({"env": {"CURRENCY": "SEK"}}, None)):
        run_playbook(host, DEPLOY, {"flask_apps": [app | changes]}).succeeded()
        assert expected in (None, read_app(host, "ledger").current)
    assert http_get(host, "ledger.test").body == (f"{before} 7 EUR").strip().replace("EUR", "SEK")
    run_playbook(host, DEPLOY, {"flask_apps": [app]}).succeeded()
    assert http_get(host, "ledger.test").body == (f"{before} 7 EUR").strip()
    assert host.file("/var/www/ledger/shared/instance/README").content_string == "It is filled by the app.\n"
    assert host.file("/var/www/ledger/shared/visits.txt").content_string == added.body
    assert host.file("/var/www/ledger/shared/instance/ledger.db").user == "ledger"


@pytest.mark.any_debian("debian13")
def test_files_of_the_former_release_are_served_to_pages_that_were_loaded_before(host: Host, tmp_path: Path) -> None:
    (app,) = [app for app in host.ansible.get_variables()["flask_apps"] if app["name"] == "greeter"]
    source = shutil.copytree(SOURCES / "greeter", tmp_path / "greeter")
    (source / "greeter/static/style.css").rename(source / "greeter/static/style.2.css")
    run_playbook(host, DEPLOY, {"flask_apps": [app | {"source": {"path": str(source)}}]}).succeeded()
    for name in ("style.2.css", "style.css"):
        assert http_get(host, "greeter.test", f"/static/{name}").body == "body { color: teal }\n"
    run_playbook(host, DEPLOY, {"flask_apps": [app]}).succeeded()


def test_a_websocket_echoes_through_nginx(host: Host) -> None:
    with socket.create_connection(("127.0.0.1", published_port(host, 80))) as link, connect("ws://echo.test/echo", sock=link) as client:
        client.send("ünïcödé")
        assert client.recv(timeout=10) == "ünïcödé"


def test_a_stream_arrives_part_by_part(host: Host) -> None:
    with socket.create_connection(("127.0.0.1", published_port(host, 80)), timeout=10) as link:
        link.sendall(b"GET /stream HTTP/1.1\r\nHost: echo.test\r\nConnection: close\r\n\r\n")
        arrivals: dict[int, float] = {}
        text = b""
        while part := link.recv(65536):
            text += part
            for number in range(3):
                if b"part %d" % number in text:
                    arrivals.setdefault(number, time.monotonic())
    assert len(arrivals) == 3, text
    assert arrivals[2] - arrivals[0] > 0.2  # held back, all would arrive at once
