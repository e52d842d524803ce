"""A site is closed for maintenance from the desk, a new version is deployed behind it, and it is opened again on the host."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, one_of, run_playbook
from scenario_tests.faulty import new_version
from scenario_tests.load import show, watch
from scenario_tests.orders import NAME, SITE, deploy, describe, ensure_well, tell_status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

PAGE = "No orders are taken now."


def read_nginx(host: Host) -> str:
    """Return the workers of nginx: a reload would give it other ones. Those of an earlier one may still have a request to end."""
    return str(host.check_output("pgrep -fx 'nginx: worker process'"))


@pytest.fixture(autouse=True)
def opened(host: Host) -> Iterator[None]:
    """Have the site open after each test, whatever came of it."""
    yield
    host.run(f"webstack {NAME} maintenance off")


def test_a_version_is_deployed_behind_a_closed_site(host: Host) -> None:
    before, after, nginx = ensure_well(host), new_version(), read_nginx(host)
    host.check_output(f"systemctl reset-failed '{NAME}.*'")  # of jobs that other tests had fail
    closing = describe(host, before) | {"flask_app": NAME, "flask_maintenance": "on"}
    with watch(host, SITE) as seen:
        assert run_playbook(host, Path("playbooks/maintenance.yml"), closing).succeeded().changed == 1
        closed = len(seen.samples)
        deploy(host, after).succeeded()
    statuses = [sample.status for sample in sorted(seen.samples, key=lambda sample: sample.sent)]
    assert {*statuses} == {200, 503}, show(seen.failures)
    assert {*statuses[closed + 4 :]} == {503}, "each of the four clients may have been under way"
    assert read_nginx(host) == nginx

    host.check_output("systemctl restart nginx")
    answer = http_get(host, SITE)
    assert (answer.status, answer.headers["retry-after"], PAGE in answer.body) == (503, "300", True)
    assert [http_get(host, SITE, path).status for path in ("/static/closed.html", "/done")] == [200, 200]
    told = tell_status(host)
    assert (told["maintenance"] is not None, told["health"], told["troubles"]) == (True, "healthy", [])
    again = json.loads(host.check_output(f"webstack {NAME} maintenance on --json"))
    assert (again["changed"], again["maintenance"]) == (False, told["maintenance"])

    nginx = read_nginx(host)
    assert host.check_output(f"webstack {NAME} maintenance off") == f"{NAME} is open"
    answer = http_get(host, SITE)
    assert (answer.status, answer.body.strip()) == (200, after)
    assert read_nginx(host) == nginx
    assert tell_status(host)["maintenance"] is None


def test_what_has_no_site_cannot_be_closed(host: Host) -> None:
    refused = host.run("webstack courier maintenance on")
    assert (refused.rc, "courier has no web process" in refused.stderr) == (2, True)
    assert not host.file("/var/www/courier/maintenance.html").exists
