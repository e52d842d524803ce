"""Apps that pin an old gunicorn, and apps of which a package has to be compiled: what is lacking is told, and helps."""

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
    from collections.abc import Callable, Iterator

    from scenario_tests import Play
    from testinfra.host import Host

    Deploy = Callable[..., Play]

# Compilers and gunicorn are the same to all of this on either Debian.
testinfra_hosts = ["debian13"]

ECHO = Path(__file__).parents[3] / "tests/apps/asgi_echo"
SITE = Path("playbooks/site.yml")
COUNTING = """\
import psutil

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{psutil.cpu_count() > 0}\\n".encode()]
"""


@pytest.fixture
def deploy(host: Host) -> Iterator[Deploy]:
    """Serve one app more, and remove it in the end."""

    def run(**app: object) -> Play:
        return run_playbook(host, SITE, {"flask_apps": [{"name": "another", "server_names": ["another.test"], **app}]})

    yield run
    run(source={"path": str(ECHO)}, asgi="main:app", state="absent").succeeded()


def test_an_asgi_app_with_an_old_gunicorn_is_told_which_workers_to_use_and_they_come_by_themselves(
    host: Host, deploy: Deploy, tmp_path: Path
) -> None:
    source = shutil.copytree(ECHO, tmp_path / "echo")
    (source / "requirements.txt").write_text("starlette\ngunicorn==23.0.0\n", encoding="utf-8")
    app: dict[str, Any] = {"source": {"path": str(source)}, "asgi": "main:app"}

    failed = deploy(**app)
    assert failed.status != 0
    assert "set `gunicorn: {worker_class: uvicorn_worker.UvicornWorker}`" in " ".join(failed.output.split())
    assert read_app(host, "another").current is None

    deploy(**app, gunicorn={"worker_class": "uvicorn_worker.UvicornWorker"}).succeeded()
    assert http_get(host, "another.test").body == "async\n"
    assert "gunicorn (version 23.0.0)" in host.check_output("/var/www/another/current/venv/bin/gunicorn --version")
    with socket.create_connection(("127.0.0.1", published_port(host, 80))) as link, connect("ws://another.test/echo", sock=link) as client:
        client.send("old and new")
        assert client.recv(timeout=10) == "old and new"
    assert read_app(host, "another").find_untidiness() == []


def test_a_package_without_a_wheel_is_built_with_the_debian_packages_that_the_message_names(
    host: Host, deploy: Deploy, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(COUNTING, encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("--no-binary=psutil\npsutil\n", encoding="utf-8")
    app: dict[str, Any] = {"source": {"path": str(tmp_path)}, "wsgi": "app:app"}

    assert not host.package("build-essential").is_installed
    failed = deploy(**app)
    assert failed.status != 0
    assert "add `build_packages: [build-essential, python3-dev]` to the app's `dependencies`" in " ".join(failed.output.split())
    assert read_app(host, "another").current is None

    deploy(**app, dependencies={"build_packages": ["build-essential", "python3-dev"]}).succeeded()
    assert http_get(host, "another.test").body == "True\n"
