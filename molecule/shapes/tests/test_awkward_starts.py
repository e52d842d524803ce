"""Apps that are awkward when they start, or when they are asked how they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, run_playbook
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scenario_tests import Play
    from testinfra.host import Host

    Deploy = Callable[..., Play]

# None of it depends on the Debian release.
testinfra_hosts = ["debian12"]

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")
NAME = "awkward"
HOME = f"/var/www/{NAME}/shared"

# Only the first process that imports it gets through. It wants everybody to use https, and says so at each of its pages but one.
APP = """\
import os, sqlite3

sqlite3.connect(os.path.expanduser("~/awkward.db")).execute("create table visits (day text)")

def app(environ, start_response):
    if environ["PATH_INFO"] == "/up":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"{environ['wsgi.multiprocess']}\\n".encode()]
    start_response("301 Moved Permanently", [("Location", f"https://{environ['HTTP_HOST']}/")])
    return []
"""


@pytest.fixture
def deploy(host: Host, tmp_path: Path) -> Iterator[Deploy]:
    """Serve the app alone, and remove it with its data in the end."""
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    app = {
        "name": NAME,
        "server_names": [f"{NAME}.test"],
        "source": {"path": str(tmp_path)},
        "wsgi": "app:app",
        "dependencies": {"file": "none"},
    }

    def run(**changes: Any) -> Play:  # noqa: ANN401 - keys of an app
        return run_playbook(host, SITE, {"flask_apps": [{**app, **changes}]})

    yield run
    run_playbook(host, REMOVE, {"app": NAME, "remove_data": True}).succeeded()


def test_workers_that_race_for_an_empty_database_are_told_and_a_preloaded_app_starts_once(host: Host, deploy: Deploy) -> None:
    failed = deploy(gunicorn={"workers": 4}, watch=20)  # which ends when those that have lost the race are noticed
    assert failed.status != 0
    assert "table visits already exists" in failed.output
    assert read_app(host, NAME).current is None

    host.check_output("rm %s", f"{HOME}/{NAME}.db")
    deploy(gunicorn={"workers": 4, "preload_app": True}).succeeded()
    answer = http_get(host, f"{NAME}.test")
    assert (answer.status, answer.headers["location"]) == (301, f"https://{NAME}.test/")
    assert http_get(host, f"{NAME}.test", "/up").body == "True\n"


def test_an_app_for_one_process_that_redirects_everything_is_asked_for_another_page(host: Host, deploy: Deploy) -> None:
    one = {"worker_class": "gthread", "workers": 1, "threads": 8}
    strict = deploy(gunicorn=one, health={"statuses": [200], "timeout": 60, "deadline": 5})
    assert strict.status != 0
    assert "301" in strict.output

    host.check_output("rm %s", f"{HOME}/{NAME}.db")
    deploy(gunicorn=one, health={"path": "/up", "statuses": [200]}).succeeded()
    assert http_get(host, f"{NAME}.test", "/up").body == "False\n"
