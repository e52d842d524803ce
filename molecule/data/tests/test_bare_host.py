"""What a plan says on a host that has nothing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scenario_tests import run_playbook, take_fingerprint

from .conftest import SITE

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["bare"]


def test_a_plan_from_nothing_tells_of_the_database_and_of_redis_and_changes_nothing(host: Host) -> None:
    source = {"path": f"{os.environ['MOLECULE_PROJECT_DIRECTORY']}/tests/apps/noticeboard"}
    app = {"name": "notices", "source": source, "wsgi": "app:app", "server_names": ["notices.test"], "database": "postgresql"}
    before = take_fingerprint(host)
    plan = run_playbook(host, SITE, {"flask_apps": [{**app, "redis": True}]}, check=True).succeeded()
    assert "webstack.flask.postgresql : Keep | Give each app its database" in plan.changed_tasks
    assert "notices, its database: database made" in " ".join(plan.output.split())
    assert "notices, its Redis: made" in " ".join(plan.output.split())
    assert take_fingerprint(host) == before
    assert not host.package("postgresql").is_installed
    assert not host.package("redis-server").is_installed
