"""Apps that cannot be served as they are described: each is told what is lacking, in one run, and helped by that, in another."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, published_port, run_playbook
from scenario_tests.releases import read_app
from websockets.sync.client import connect

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

# None of it depends on the Debian release.
testinfra_hosts = ["debian12"]

ECHO = Path(__file__).parents[3] / "tests/apps/asgi_echo"
SITE = Path("playbooks/site.yml")

# Only the first process that imports it gets through. It wants everybody to use https, and says so at each of its pages but one.
AWKWARD = """\
import os, sqlite3

sqlite3.connect(os.path.expanduser("~/awkward.db")).execute("create table visits (day text)")

def app(environ, start_response):
    if environ["PATH_INFO"] == "/up":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['wsgi.multiprocess']}\\n".encode()]
    start_response("301 Moved Permanently", [("Location", f"https://{environ['HTTP_HOST']}/")])
    return []
"""
COUNTING = """\
import psutil

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{psutil.cpu_count() > 0}\\n".encode()]
"""
FILES = {
    "racing": {"app.py": AWKWARD},
    "single": {"app.py": AWKWARD},
    "pinned": {"requirements.txt": "starlette\ngunicorn==23.0.0\n"},
    "compiled": {"app.py": COUNTING, "requirements.txt": "--no-binary=psutil\npsutil\n"},
}
ONE = {"worker_class": "gthread", "workers": 1, "threads": 8}
WRONG: dict[str, dict[str, Any]] = {
    "racing": {"wsgi": "app:app", "dependencies": {"file": "none"}, "gunicorn": {"workers": 4}, "watch": 20},
    "single": {
        "wsgi": "app:app",
        "dependencies": {"file": "none"},
        "gunicorn": ONE,
        "health": {"statuses": [200], "timeout": 60, "deadline": 20},
    },
    "pinned": {"asgi": "main:app"},
    "compiled": {"wsgi": "app:app"},
}
HELP: dict[str, dict[str, Any]] = {
    "racing": {"gunicorn": {"workers": 4, "preload_app": True}},
    "single": {"health": {"path": "/up", "statuses": [200]}},
    "pinned": {"gunicorn": {"worker_class": "uvicorn_worker.UvicornWorker"}},
    "compiled": {"dependencies": {"build_packages": ["build-essential", "python3-dev"]}},
}
SERVED: dict[str, dict[str, Any]] = {"ledger": {"shared": {}}, "layered": {"wsgi": "wsgi:app"}}
"""What is wrong in a new description of apps that are served."""


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return the new apps as they are described at first, by name."""
    sources = tmp_path_factory.mktemp("sources")
    shutil.copytree(ECHO, sources / "pinned")
    for name, files in FILES.items():
        (sources / name).mkdir(exist_ok=True)
        for file, text in files.items():
            (sources / name / file).write_text(text, encoding="utf-8")
    return {
        name: {"name": name, "server_names": [f"{name}.test"], "source": {"path": str(sources / name)}, **WRONG[name]} for name in FILES
    }


@pytest.fixture(scope="module")
def refused(host: Host, apps: dict[str, dict[str, Any]]) -> Play:
    """Deploy all of them with what is wrong, and return what was said; nothing of the new ones is served then."""
    assert not host.package("build-essential").is_installed
    described = [app | SERVED[app["name"]] for app in host.ansible.get_variables()["flask_apps"] if app["name"] in SERVED]
    before = {name: read_app(host, name).current for name in SERVED}
    failed = run_playbook(host, SITE, {"flask_apps": [*described, *apps.values()]})
    assert failed.status != 0
    assert {name: read_app(host, name).current for name in (*SERVED, *apps)} == {**before, **dict.fromkeys(apps)}
    return failed


@pytest.fixture(scope="module")
def helped(host: Host, refused: Play, apps: dict[str, dict[str, Any]]) -> None:
    """Deploy the new ones with what they were told."""
    del refused
    for name in ("racing", "single"):
        host.check_output("rm %s", f"/var/www/{name}/shared/awkward.db")
    run_playbook(host, SITE, {"flask_apps": [app | HELP[name] for name, app in apps.items()]}).succeeded()


def words(play: Play) -> str:
    return " ".join(play.output.split())


def test_what_the_source_is_written_to_without_saying_so_is_told_with_the_setting(refused: Play) -> None:
    assert "such as `shared: {directories: [instance]}`" in words(refused)


def test_a_module_that_is_not_there_is_told_before_users_notice(host: Host, refused: Play) -> None:
    assert "'wsgi' is neither installed nor a module where the app starts" in words(refused)
    assert http_get(host, "layered.test").body == "found beside\n"


def test_workers_that_race_for_an_empty_database_are_told(refused: Play) -> None:
    # Its watch of 20 s ends when those that have lost the race are noticed.
    assert "table visits already exists" in refused.output


@pytest.mark.usefixtures("helped")
def test_an_app_that_is_preloaded_starts_once(host: Host) -> None:
    answer = http_get(host, "racing.test")
    assert (answer.status, answer.headers["location"]) == (301, "https://racing.test/")
    assert http_get(host, "racing.test", "/up").body == "True\n"


def test_an_app_that_redirects_everything_is_told_how_it_has_answered(refused: Play) -> None:
    assert "301" in refused.output


@pytest.mark.usefixtures("helped")
def test_an_app_for_one_process_that_redirects_everything_is_asked_for_another_page(host: Host) -> None:
    assert http_get(host, "single.test", "/up").body == "False\n"


def test_an_asgi_app_with_an_old_gunicorn_is_told_which_workers_to_use(refused: Play) -> None:
    assert "set `gunicorn: {worker_class: uvicorn_worker.UvicornWorker}`" in words(refused)


@pytest.mark.usefixtures("helped")
def test_the_workers_of_an_asgi_app_with_an_old_gunicorn_come_by_themselves(host: Host) -> None:
    assert http_get(host, "pinned.test").body == "async\n"
    assert "gunicorn (version 23.0.0)" in host.check_output("/var/www/pinned/current/venv/bin/gunicorn --version")
    with socket.create_connection(("127.0.0.1", published_port(host, 80))) as link, connect("ws://pinned.test/echo", sock=link) as client:
        client.send("old and new")
        assert client.recv(timeout=10) == "old and new"
    assert read_app(host, "pinned").find_untidiness() == []


def test_the_debian_packages_that_building_a_package_without_a_wheel_needs_are_told(refused: Play) -> None:
    assert "add `build_packages: [build-essential, python3-dev]` to the app's `dependencies`" in words(refused)


@pytest.mark.usefixtures("helped")
def test_a_package_without_a_wheel_is_built_with_the_debian_packages_that_the_message_names(host: Host) -> None:
    assert http_get(host, "compiled.test").body == "True\n"
