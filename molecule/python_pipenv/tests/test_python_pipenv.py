"""What the role promises of environments, whoever installs, and whatever is interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from scenario_tests import as_user

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests.environments import Workbench
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

SCENARIO = Path(__file__).parents[1]
APPS = [app["name"] for app in yaml.safe_load((SCENARIO / "apps.yml").read_text(encoding="utf-8"))["python_pipenv_apps"]]
HOLD, REACHED = "/var/tmp/hold", "/var/tmp/hold-reached"  # noqa: S108 - on a host of the scenario
SLEEPER = f"""\
import os, time
from setuptools import setup

def stay_behind():
    if os.fork():
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    while True:
        time.sleep(60)

if os.path.exists({HOLD!r}):
    stay_behind()
    open({REACHED!r}, "w").close()
while os.path.exists({HOLD!r}):
    time.sleep(0.1)
setup(name="sleeper", version="1.0", py_modules=[])
"""
"""Waits while there is a certain file, and leaves a process behind that never ends by itself."""


@pytest.fixture
def hold(host: Host) -> Iterator[str]:
    """Let installations of the sleeper wait for as long as this file is there."""
    host.check_output("rm -f %s; touch %s", REACHED, HOLD)
    yield HOLD
    host.check_output("rm -f %s", HOLD)


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
    assert findings["home"] == "/var/cache/webstack-flask/witness/home"
    assert set(findings["writing"].values()) == {"PermissionError"}
    assert user.shell == "/usr/sbin/nologin"
    assert host.run("getent shadow _build-witness").stdout.split(":")[1].startswith(("!", "*"))


def test_nothing_that_an_installation_leaves_running_goes_on(host: Host, bench: Workbench) -> None:
    build = bench.environment("witness")
    assert host.file(f"{build}/intruder").exists, "it did run, and wrote"
    assert host.run("pgrep -u _build-witness").stdout == ""
    assert host.check_output("find %s -mindepth 1 -newer %s/environment.json", build, build) == ""


def test_no_app_s_installation_can_write_what_another_installs_from(host: Host) -> None:
    assert host.check_output("find /var/cache/webstack-flask -user _build-witness -not -path '*/witness/*'") == ""
    for other in ("", "/locked", "/locked/home", "/locked/home/.cache"):
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


def test_an_environment_whose_interpreter_is_gone_is_built_anew_in_its_place(host: Host, bench: Workbench) -> None:
    path = bench.environment("required")
    host.check_output("ln -sfn /usr/bin/python3.2 %s/bin/python", path)
    assert bench.run(bench.apps["required"]).succeeded().changed == 1
    assert bench.environment("required") == path
    bench.python("required", "import flask")


def test_another_dependency_is_another_environment_and_check_mode_says_so(host: Host, bench: Workbench) -> None:
    before = bench.environments("required")
    changed = bench.apps["required"] | {"packages": ["itsdangerous"]}
    assert bench.run(changed, check=True).succeeded().changed == 1
    assert bench.environments("required") == before
    assert bench.run(changed).succeeded().changed == 1
    new = set(bench.environments("required")) - set(before)
    assert len(new) == 1
    host.check_output("rm -r /var/www/required/environments/%s", new.pop())


def test_an_installation_that_takes_too_long_is_ended_with_all_that_it_has_started(host: Host, bench: Workbench, hold: str) -> None:
    del hold
    bench.put_build("slow", "one", {"requirements.txt": "./sleeper\n", "sleeper/setup.py": SLEEPER})
    play = bench.run({"name": "slow", "build": "one"}, timeout=12)
    assert play.status != 0
    assert "took more than 12 s and was stopped" in play.output
    assert host.file(REACHED).exists, "the process was left behind"
    assert bench.environments("slow") == []
    assert host.run("pgrep -u _build-slow").stdout == ""


def test_an_installation_whose_run_is_killed_does_not_count_and_the_next_run_makes_it(host: Host, bench: Workbench, hold: str) -> None:
    bench.put_build("cut", "one", {"requirements.txt": "flask\n./sleeper\n", "sleeper/setup.py": SLEEPER})
    its_own = "[ $parent -gt 1 ] && [ $(ps -o user= -p $parent) = root ]"
    kill_module = f"for parent in $(ps -o ppid= -u _build-cut); do {its_own} && kill -KILL $parent; done"
    host.check_output("systemd-run --unit=killer --collect sh -c %s", f"until [ -e {REACHED} ]; do sleep 0.1; done; {kill_module}")
    app = {"name": "cut", "build": "one"}
    assert bench.run(app).status != 0
    assert host.run("pgrep -u _build-cut").stdout != "", "the installation has outlived its run"
    half = bench.environment("cut")
    assert not host.file(f"{half}/environment.json").exists
    host.check_output("su -s /bin/sh _build-cut -c 'touch %s/environment.json'", half)

    host.check_output("rm -f %s", hold)
    assert bench.run(app).succeeded().changed == 1
    assert bench.environment("cut") == half
    assert host.run("pgrep -u _build-cut").stdout == ""
    bench.python("cut", "import flask")
    assert host.check_output("find %s -not -user root", half) == ""


def test_a_pipenv_that_is_not_there_is_named(bench: Workbench) -> None:
    bench.put_build("unmade", "one", {"Pipfile": "[packages]\n"})
    play = bench.run({"name": "unmade", "build": "one"}, executable="/usr/bin/pipenv9")
    assert "unmade: there is no program /usr/bin/pipenv9 on the host" in play.output
    assert bench.environments("unmade") == []


def test_an_option_that_there_is_not_is_refused_with_those_that_there_are(bench: Workbench) -> None:
    play = bench.run({"name": "locked", "build": "one", "package": "flask"})
    assert play.status != 0
    assert "python_pipenv_apps.package. Supported parameters include: additions, build, build_packages" in play.output
