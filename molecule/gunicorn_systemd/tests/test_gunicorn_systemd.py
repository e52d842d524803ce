"""What the role promises, with Debian's own gunicorn and nothing else of this collection."""

from __future__ import annotations

import copy
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from scenario_tests import as_user, restart, run_role
from scenario_tests.releases import AppState, ask_socket, read_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_tests import Answer, Play
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

PLAIN, OPTIONS = "plain", "many_options-1"
ROOTS = {PLAIN: "/var/www/plain", OPTIONS: "/srv/sites/options"}
APPS: dict[str, dict[str, Any]] = {
    app["name"]: app for app in yaml.safe_load(Path(__file__).with_name("..").joinpath("apps.yml").read_text())["gunicorn_systemd_apps"]
}


def ask(host: Host, app: str, target: str = "/") -> Answer:
    """Ask an app where the web server would."""
    return ask_socket(host, f"{ROOTS[app]}/current/gunicorn.sock", target)


def state_of(host: Host, app: str) -> AppState:
    """Look at an app."""
    return read_app(host, app, ROOTS[app])


def run_apps(host: Host, app: str, **changes: object) -> Play:
    """Run the role for one of the apps, with some of its keys changed."""
    return run_role(host, "gunicorn_systemd", {"gunicorn_systemd_apps": [copy.deepcopy(APPS[app]) | changes]})


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        time.sleep(0.2)


def unit_of(host: Host, app: str) -> str:
    """Return the service of the current release."""
    return f"{app}@{state_of(host, app).current}.service"


@pytest.mark.parametrize("app", ROOTS)
def test_the_app_answers_on_its_socket(host: Host, app: str) -> None:
    assert ask(host, app).status == 200
    assert state_of(host, app).find_untidiness() == []


@pytest.mark.parametrize("app", ROOTS)
def test_the_socket_is_for_the_web_server_alone(host: Host, app: str) -> None:
    socket = host.file(f"{ROOTS[app]}/current/gunicorn.sock")
    assert (socket.user, socket.group, socket.mode) == ("root", "www-data", 0o660)
    connect = f'import socket; socket.socket(socket.AF_UNIX).connect("{ROOTS[app]}/current/gunicorn.sock")'
    assert as_user(host, "www-data", f"python3 -c '{connect}'").succeeded
    for stranger in ("nobody", *(set(ROOTS) - {app})):
        refused = as_user(host, stranger, f"python3 -c '{connect}'")
        assert refused.failed
        assert "Permission denied" in refused.stderr


@pytest.mark.parametrize("app", ROOTS)
def test_another_user_reads_no_variable_and_no_configuration(host: Host, app: str) -> None:
    for file in ("env", "gunicorn.conf.py"):
        for stranger in ("nobody", "www-data", *(set(ROOTS) - {app})):
            assert "Permission denied" in as_user(host, stranger, f"cat {ROOTS[app]}/current/{file}").stderr


@pytest.mark.parametrize("app", ROOTS)
def test_the_service_is_fenced_in(host: Host, app: str) -> None:
    assert host.run("systemd-analyze security --no-pager --threshold=15 %s", unit_of(host, app)).rc == 0


@pytest.mark.parametrize("app", ROOTS)
def test_the_app_writes_to_its_shared_directory_and_nowhere_else(host: Host, app: str) -> None:
    root = ROOTS[app]
    assert ask(host, app, f"/write?path={root}/shared/mark").status == 200
    for place in (f"{root}/current/app", f"{root}/current/venv", f"{root}/current", root, "/var/log", "/etc", "/home"):
        assert ask(host, app, f"/write?path={place}/mark").status == 403, place


def test_variables_arrive_exactly(host: Host) -> None:
    environment = json.loads(ask(host, OPTIONS, "/env").body)
    assert {name: environment[name] for name in ("VERSION", "ODD", "EMPTY", "RAW")} == {**APPS[OPTIONS]["env"], "RAW": "yes"}
    assert environment["HOME"] == environment["WEBSTACK_FLASK_SHARED"] == "/srv/sites/options/shared"
    assert (environment["WEBSTACK_FLASK_APP"], environment["WEBSTACK_FLASK_RELEASE"]) == (OPTIONS, state_of(host, OPTIONS).current)


def test_a_factory_is_called_in_the_directory_that_is_named(host: Host) -> None:
    assert ask(host, OPTIONS, "/title").body == "many options"
    assert json.loads(ask(host, OPTIONS, "/where").body)["directory"].endswith("/builds/first/source/web")


def test_gunicorn_runs_as_it_is_told(host: Host) -> None:
    master = json.loads(ask(host, OPTIONS, "/where").body)["master"]
    workers = host.check_output(f"pgrep --parent {master}").split()
    assert len(workers) == 1
    assert host.check_output("systemctl show --value --property=TimeoutStopUSec %s", unit_of(host, OPTIONS)) == "13s"


def test_the_service_has_the_limits_and_the_ways_out_that_its_release_describes(host: Host) -> None:
    master = json.loads(ask(host, OPTIONS, "/where").body)["master"]
    assert re.search(r"^Max open files +2000 +2000 ", host.file(f"/proc/{master}/limits").content_string, re.MULTILINE)
    assert ask(host, OPTIONS, "/write?path=/srv/exchange/mark").body == "Permission denied"
    assert ask(host, PLAIN, "/write?path=/srv/exchange/mark").body == "Read-only file system"


def test_what_a_release_says_of_its_service_comes_and_goes_with_it(host: Host) -> None:
    def limit() -> str:
        return str(host.check_output("systemctl show --value --property=TasksMax %s", unit_of(host, OPTIONS)))

    before = state_of(host, OPTIONS).current
    failed = run_apps(host, OPTIONS, service={"TasksMax": 60}, commands=["false"])
    assert failed.status != 0
    assert limit() == "50"
    run_apps(host, OPTIONS, service={"TasksMax": 70}, commands=[]).succeeded()
    assert limit() == "70"
    run_apps(host, OPTIONS).succeeded()
    assert (limit(), state_of(host, OPTIONS).current) == ("50", before)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({"MemoryMx": "1G"}, "Unknown key 'MemoryMx'"),
        ({"MemoryMax": "plenty"}, "Invalid memory limit 'plenty'"),
        ({"User": "root"}, "service.User cannot be set: each app has a user of its own"),
    ],
)
def test_what_systemd_would_pass_over_is_refused_and_nothing_is_left_of_it(host: Host, service: dict[str, str], words: str) -> None:
    before = state_of(host, OPTIONS)
    drop_ins = host.check_output("ls -d /etc/systemd/system/*.service.d/*")
    refused = run_apps(host, OPTIONS, service=service)
    assert refused.status != 0
    assert words in refused.output
    after = state_of(host, OPTIONS)
    assert (after.current, after.find_untidiness()) == (before.current, [])
    assert host.check_output("ls -d /etc/systemd/system/*.service.d/*") == drop_ins


def test_release_commands_have_run_once_as_the_app(host: Host) -> None:
    lines = host.file("/srv/sites/options/shared/commands").content_string.splitlines()
    assert lines[0] == "one in /srv/sites/options/builds/first/source/web"
    assert [line.split()[0] for line in lines[1:]] == ["Python", "Flask", "Werkzeug", "2000"]
    assert host.file("/srv/sites/options/shared/commands").user == OPTIONS


@pytest.mark.parametrize("app", ROOTS)
@pytest.mark.parametrize("victim", ["process", "master"])
def test_a_killed_process_is_replaced(host: Host, app: str, victim: str) -> None:
    pid = json.loads(ask(host, app, "/where").body)[victim]
    host.check_output(f"kill -KILL {pid}")
    wait_for(lambda: host.run(f"test -e /proc/{pid}").failed)  # before that a worker may answer that dies with its master
    assert ask(host, app).status == 200
    assert state_of(host, app).find_untidiness() == []


@pytest.mark.any_debian("debian13")
def test_a_failing_release_command_leaves_the_former_release_and_shows_its_words(host: Host) -> None:
    before = state_of(host, OPTIONS).current
    failed = run_apps(host, OPTIONS, commands=["echo the table is locked; exit 3"], env={"VERSION": "two"})
    assert failed.status != 0
    assert "failed with exit status 3" in failed.output
    assert "the table is locked" in failed.output
    assert ask(host, OPTIONS).body == "one\n"
    after = state_of(host, OPTIONS)
    assert (after.current, after.find_untidiness()) == (before, [])
    assert after.failed
    assert before not in after.failed


@pytest.mark.any_debian("debian13")
def test_a_callable_that_does_not_exist_leaves_the_former_release_and_shows_why(host: Host) -> None:
    before = state_of(host, OPTIONS).current
    failed = run_apps(host, OPTIONS, wsgi="factory:no_such_app")
    assert failed.status != 0
    assert failed.tells_of_a_death, failed.output
    assert "no_such_app" in failed.output
    assert ask(host, OPTIONS).body == "one\n"
    after = state_of(host, OPTIONS)
    assert (after.current, after.find_untidiness()) == (before, [])


@pytest.mark.any_debian("debian13")
def test_a_changed_variable_is_a_new_release_with_the_same_build_and_environment(host: Host) -> None:
    before = state_of(host, PLAIN)
    assert run_apps(host, PLAIN, env={"VERSION": "two"}).succeeded().changed == 1
    assert ask(host, PLAIN).body == "two\n"
    after = state_of(host, PLAIN)
    assert after.current != before.current
    assert (after.builds, after.environments, after.find_untidiness()) == (before.builds, before.environments, [])

    assert run_apps(host, PLAIN).succeeded().changed == 1
    assert state_of(host, PLAIN).current == before.current


@pytest.mark.any_debian("debian13")
def test_check_mode_tells_what_would_change_and_hides_values(host: Host) -> None:
    before = state_of(host, PLAIN)
    apps = [APPS[PLAIN] | {"env": {"TOKEN": "do-not-show-me"}}]
    plan = run_role(host, "gunicorn_systemd", {"gunicorn_systemd_apps": apps}, check=True, options=["-vvv"]).succeeded()
    assert plan.changed == 1
    assert "+TOKEN" in plan.output
    assert "do-not-show-me" not in plan.output.replace(json.dumps(apps), "")
    assert state_of(host, PLAIN) == before


def test_everything_runs_again_after_a_reboot(host: Host) -> None:
    before = {app: state_of(host, app) for app in ROOTS}
    restart(host)
    for app in ROOTS:
        assert ask(host, app).status == 200
        assert state_of(host, app) == before[app]
