"""What a check run says would change is what does, from a bare host to a removed app: the roles, and the release to the letter."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, run_playbook, take_fingerprint
from scenario_tests.releases import read_app

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


def assert_that_the_plan_is_true(host: Host, variables: dict[str, Any], refusal: str = "") -> list[str]:
    """Make a plan and carry it out; return the roles that have changed something. Both say why an app is refused, if one is."""
    before = take_fingerprint(host)
    plan = run_playbook(host, SITE, variables, check=True)
    assert take_fingerprint(host) == before, "a plan changes nothing"
    done = run_playbook(host, SITE, variables)
    for play in (plan, done):
        assert (play.status != 0) == bool(refusal), play.output
        assert refusal in play.output
        assert SECRET not in play.output
    assert list_roles(plan) == list_roles(done)
    if find_release(done):
        assert find_release(plan) == find_release(done) == read_app(host, "planned").current
    return list_roles(done)


def find_release(play: Play) -> str | None:
    """Return the release that the app is to have, as the difference shows it."""
    match = re.search(r"^\+--- current\n\+([0-9a-f]{12})$|^ --- current\n(?:-\S+\n)?\+([0-9a-f]{12})$", play.output, re.MULTILINE)
    return (match[1] or match[2]) if match else None


def list_roles(play: Play) -> list[str]:
    """Return the roles of which a task has changed something, or would."""
    return sorted({task.partition(" : ")[0].removeprefix("webstack.flask.") for task in play.changed_tasks})


def test_the_first_deploy_on_a_bare_host(host: Host, source: Path) -> None:
    assert not host.package("nginx").is_installed
    roles = ["app_source", "debian_packages", "etc_hosts", "gunicorn_systemd", "nginx_site", "python_pipenv"]
    assert assert_that_the_plan_is_true(host, describe(source)) == roles
    assert http_get(host, "planned.test").status == 200


def test_a_change_of_the_code_and_of_a_setting_that_is_secret(host: Host, source: Path) -> None:
    (source / "app.py").write_text((source / "app.py").read_text() + "\n# Changed.\n")
    assert assert_that_the_plan_is_true(host, describe(source, env={"VERSION": SECRET})) == ["app_source", "gunicorn_systemd"]
    assert http_get(host, "planned.test").body.strip() == SECRET


def test_a_change_of_what_is_to_be_installed_beside_an_app_that_cannot_be_deployed(host: Host, source: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(source, tmp_path / "broken")
    (broken / "requirements.txt").write_text("-r base.txt\n")
    (source / "requirements.txt").write_text((source / "requirements.txt").read_text() + "itsdangerous<3\n")
    before = read_app(host, "planned").current
    variables = describe(source)
    variables["flask_apps"] += describe(broken, name="broken", server_names=["broken.test"])["flask_apps"]
    refusal = "broken: the requirements include base.txt, which the source does not have"
    # Whatever is described has its name in the hosts file.
    assert assert_that_the_plan_is_true(host, variables, refusal) == ["app_source", "etc_hosts", "gunicorn_systemd", "python_pipenv"]
    assert read_app(host, "planned").current != before


def test_a_run_with_nothing_new(host: Host, source: Path) -> None:
    assert assert_that_the_plan_is_true(host, describe(source)) == []


def test_a_removal(host: Host, source: Path) -> None:
    changed = assert_that_the_plan_is_true(host, describe(source, state="absent"))
    assert changed == ["app_removal", "etc_hosts", "nginx_site"]
    assert not host.file("/var/www/planned/current").exists
