"""Environments change, and installations are cut off; what is half done never counts. It is the same on either Debian."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests.environments import Workbench
    from testinfra.host import Host

testinfra_hosts = ["debian13"]

HOLD, REACHED = "/srv/hold", "/srv/hold-reached"
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
    open(os.path.expanduser("~/reached"), "w").close()
while os.path.exists({HOLD!r}):
    time.sleep(0.1)
setup(name="sleeper", version="1.0", py_modules=[])
"""
"""Waits while there is a certain file, and leaves a process behind that never ends by itself."""


@pytest.fixture
def hold(host: Host) -> Iterator[str]:
    """Let installations of the sleeper wait for as long as this file is there."""
    host.check_output("rm -f %s; touch %s", REACHED, HOLD)  # an installation has a /tmp and a /var/tmp of its own
    yield HOLD
    host.check_output("rm -f %s", HOLD)


def when_it_waits(host: Host, app: str, then: str) -> None:
    """Let the host run a shell command as soon as the sleeper of an app waits."""
    reached = f"/var/cache/webstack-flask/{app}/work/home/reached"
    host.check_output("systemd-run --unit=look --collect sh -c %s", f"until [ -e {reached} ]; do sleep 0.1; done; {then}")


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
    # A project that builds itself, so that nothing has to be fetched before it does.
    outline = '[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n'
    bench.put_build(
        "slow",
        "one",
        {
            "requirements.txt": "./sleeper\n",
            "sleeper/pyproject.toml": outline,
            "sleeper/setuptools.py": "setup = print\n",
            "sleeper/setup.py": SLEEPER,
        },
    )
    when_it_waits(host, "slow", f"touch {REACHED}")
    play = bench.run({"name": "slow", "build": "one"}, timeout=20)
    assert play.status != 0
    assert "took more than 20 s and was stopped" in play.output
    assert host.file(REACHED).exists, "the process was left behind"
    assert bench.environments("slow") == []
    assert host.run("pgrep -u _build-slow").stdout == ""


def test_an_installation_whose_run_is_killed_does_not_count_and_the_next_run_makes_it(host: Host, bench: Workbench, hold: str) -> None:
    bench.put_build("cut", "one", {"requirements.txt": "flask\n./sleeper\n", "sleeper/setup.py": SLEEPER})
    when_it_waits(host, "cut", "kill -KILL $(cat /run/webstack-flask/cut.lock)")
    app = {"name": "cut", "build": "one"}
    assert bench.run(app).status != 0
    assert host.run("pgrep -u _build-cut").stdout != "", "the installation has outlived its run"
    half = bench.environment("cut")
    assert not host.file(f"{half}/environment.json").exists
    host.check_output("su -s /bin/sh _build-cut -c 'touch /var/cache/webstack-flask/cut/work/environment/environment.json'")

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
