"""The roles that would change something, says a check run, are those that do, from a bare host to a removed app.

One exception: which dependencies a build names cannot be read before it is there, so a plan for new code names its environment, too.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, run_playbook, take_fingerprint

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["bare"]

SITE = Path("playbooks/site.yml")
SOURCE = Path(__file__).parents[3] / "tests/apps/faulty"
SECRET = "do-not-show-me"  # noqa: S105 - it is to be looked for


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(SOURCE, tmp_path_factory.mktemp("source") / "app")


def describe(source: Path, **changes: object) -> dict[str, Any]:
    app = {"name": "planned", "source": {"path": str(source)}, "wsgi": "app:app", "server_names": ["planned.test"], **changes}
    return {"flask_apps": [app]}


def assert_that_the_plan_is_true(host: Host, variables: dict[str, Any], *, unforeseeable: frozenset[str] = frozenset()) -> list[str]:
    """Make a plan and carry it out; return the roles that have changed something."""
    before = take_fingerprint(host)
    plan = run_playbook(host, SITE, variables, check=True).succeeded()
    assert take_fingerprint(host) == before, "a plan changes nothing"
    done = run_playbook(host, SITE, variables).succeeded()
    assert list_roles(plan) == sorted({*list_roles(done), *unforeseeable})
    assert SECRET not in plan.output + done.output
    assert run_playbook(host, SITE, variables, check=True).succeeded().changed_tasks == []
    return list_roles(done)


def list_roles(play: Play) -> list[str]:
    """Return the roles of which a task has changed something, or would."""
    return sorted({task.partition(" : ")[0].removeprefix("webstack.flask.") for task in play.changed_tasks})


def test_the_first_deploy_on_a_bare_host(host: Host, source: Path) -> None:
    assert not host.package("nginx").is_installed
    roles = ["app_source", "debian_packages", "etc_hosts", "gunicorn_systemd", "nginx_site", "python_pipenv"]
    assert assert_that_the_plan_is_true(host, describe(source)) == roles
    assert http_get(host, "planned.test").status == 200


def test_a_change_of_the_code(host: Host, source: Path) -> None:
    (source / "app.py").write_text((source / "app.py").read_text() + "\n# Changed.\n")
    changed = assert_that_the_plan_is_true(host, describe(source), unforeseeable=frozenset({"python_pipenv"}))
    assert changed == ["app_source", "gunicorn_systemd"]


def test_a_change_of_a_setting_that_is_secret(host: Host, source: Path) -> None:
    changed = assert_that_the_plan_is_true(host, describe(source, env={"VERSION": SECRET}))
    assert changed == ["gunicorn_systemd"]
    assert http_get(host, "planned.test").body.strip() == SECRET


def test_a_removal(host: Host, source: Path) -> None:
    changed = assert_that_the_plan_is_true(host, describe(source, state="absent"))
    assert changed == ["app_removal", "etc_hosts", "nginx_site"]
    assert not host.file("/var/www/planned/current").exists
