"""What the role promises of environments, whoever installs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from scenario_tests import as_user

if TYPE_CHECKING:
    from scenario_tests.environments import Workbench
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

SCENARIO = Path(__file__).parents[1]
APPS = [app["name"] for app in yaml.safe_load((SCENARIO / "apps.yml").read_text(encoding="utf-8"))["python_pipenv_apps"]]


@pytest.mark.parametrize("app", APPS)
def test_the_app_can_import_flask_and_start_gunicorn(bench: Workbench, app: str) -> None:
    bench.python(app, "import flask")
    assert "gunicorn (version " in bench.as_app(app, f"{bench.environment(app)}/bin/gunicorn --version").stdout


def test_a_lock_file_is_installed_to_the_letter(bench: Workbench) -> None:
    lock = json.loads((SCENARIO / "files/builds/locked/Pipfile.lock").read_text(encoding="utf-8"))["default"]
    locked = {name: package["version"].removeprefix("==") for name, package in lock.items()}
    assert locked.items() <= bench.installed("locked").items()


def test_gunicorn_is_added_in_the_role_s_version_where_nothing_brings_it(bench: Workbench) -> None:
    assert [bench.installed(app)["gunicorn"] for app in ("locked", "named", "witness", "editable")] == ["27.0.1"] * 4


def test_an_app_can_have_another_version_of_gunicorn_and_its_own_counts_most(bench: Workbench) -> None:
    assert bench.installed("required")["gunicorn"] == "22.0.0"
    assert bench.installed("piped")["gunicorn"] == "23.0.0"


def test_requirements_are_followed_with_what_they_include_and_constrain(bench: Workbench) -> None:
    found = bench.installed("required")
    assert (found["flask"], found["itsdangerous"]) == ("3.0.3", "2.1.2"), "named packages do not change what the files brought"
    assert found["click"].startswith("8.")


def test_what_is_installed_in_editable_mode_is_imported_from_the_build(bench: Workbench) -> None:
    # The build of this scenario is made by hand, so that everybody may read it.
    where = bench.python("editable", "import shop; print(shop.GREETING, shop.__file__)")
    assert where == "from the build /var/www/editable/builds/one/source/shop/__init__.py"


def test_an_installation_runs_as_a_user_who_can_write_to_nothing_else(host: Host, bench: Workbench) -> None:
    findings = json.loads(host.check_output("cat %s/lib/python3*/site-packages/witness/findings.json", bench.environment("witness")))
    user = host.user("_build-witness")
    assert findings["uid"] == user.uid
    assert findings["uid"] not in (0, host.user("admin").uid)
    assert findings["home"] == "/var/cache/webstack-flask/witness/work/home"
    assert findings["writing"]
    assert set(findings["writing"].values()) <= {"PermissionError", "OSError"}  # the second for a file system that cannot be written
    assert user.shell == "/usr/sbin/nologin"
    assert host.run("getent shadow _build-witness").stdout.split(":")[1].startswith(("!", "*"))


def test_nothing_that_an_installation_leaves_running_goes_on(host: Host, bench: Workbench) -> None:
    build = bench.environment("witness")
    assert host.file(f"{build}/intruder").exists, "it did run, and wrote"
    assert host.run("pgrep -u _build-witness").stdout == ""
    assert host.check_output("find %s -mindepth 1 -newer %s/environment.json", build, build) == ""


def test_no_app_s_installation_can_write_what_another_installs_from(host: Host) -> None:
    assert host.check_output("find /var/cache/webstack-flask -user _build-witness -not -path '*/witness/*'") == ""
    for other in ("", "/locked", "/witness", "/.wheels"):
        assert as_user(host, "_build-witness", f"touch /var/cache/webstack-flask{other}/x").rc != 0, other


@pytest.mark.parametrize("app", APPS)
def test_an_environment_belongs_to_root_and_the_app_cannot_change_it(host: Host, bench: Workbench, app: str) -> None:
    path = bench.environment(app)
    assert host.check_output("find %s -printf '%%u:%%g\\n' | sort -u", path) == f"root:{app}"
    assert host.check_output("find %s -not -type l -perm /6022", path) == ""
    for command in (f"touch {path}/x", f"touch {path}/bin/python", f"echo >> {path}/bin/gunicorn", f"rm {path}/pyvenv.cfg"):
        assert bench.as_app(app, command).rc != 0, command


@pytest.mark.parametrize("stranger", ["nobody", "www-data", "admin", "_build-locked"])
def test_another_user_does_not_look_into_it(host: Host, bench: Workbench, stranger: str) -> None:
    path = bench.environment("named")
    refused = as_user(host, stranger, f"ls {path}; ls {bench.root('named')}/environments; cat {path}/environment.json")
    assert refused.stdout == ""
    assert refused.stderr.count("Permission denied") == 3


@pytest.mark.any_debian("debian13")
def test_builds_with_the_same_dependencies_share_an_environment_and_ten_apps_cost_no_more_round_trips_than_one(
    host: Host, bench: Workbench
) -> None:
    host.check_output("cp -r /var/www/locked/builds/one /var/www/locked/builds/two && touch /var/www/locked/builds/two/new-code.py")
    before = bench.environments("locked")
    one = bench.run(bench.apps["locked"] | {"build": "two"}, options=("-vvv",)).succeeded()
    all_of_them = bench.run(*bench.apps.values(), options=("-vvv",)).succeeded()
    assert (one.changed, all_of_them.changed) == (0, 0)
    assert one.round_trips == all_of_them.round_trips
    assert bench.environments("locked") == before
