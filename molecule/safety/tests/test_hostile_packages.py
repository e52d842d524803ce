"""What a package does while it is installed harms the app that asks for it, and nobody else: not root, not a later installation."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, one_of, run_playbook, wait_on_host
from scenario_tests.faulty import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = one_of("debian13", "debian12")

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")
THIEF = Path(__file__).parents[1] / "files/thief"
UNIT = "thief-build.service"
PASSWORD = "known-to-the-index-alone"  # noqa: S105 - it is to be looked for

_TAKE_FILE = """
import array, os, signal, socket
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
port = socket.socket(socket.AF_UNIX)
port.bind("\\0accomplice")
port.listen()
print("ready", flush=True)
link, _ = port.accept()
_, ancillary, _, _ = link.recvmsg(1, socket.CMSG_SPACE(4))
(descriptor,) = array.array("i", ancillary[0][2])
signal.sigwait({signal.SIGTERM})
print(os.write(descriptor, b"late\\n"), flush=True)
"""
"""A process of another account that is handed a file, and writes to it when it is told to."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return shutil.copytree(THIEF, tmp_path / "thief")


@pytest.fixture(scope="module", autouse=True)
def _no_thief_stays(host: Host) -> Iterator[None]:
    """The tests are one story: an installation fails, one succeeds, one is killed, and what comes then succeeds."""
    yield
    run_playbook(host, REMOVE, {"app": "thief"}).succeeded()


def describe(source: Path, **dependencies: object) -> dict[str, Any]:
    entry = {"name": "thief", "source": {"path": str(source)}, "wsgi": "wsgi:app", "server_names": ["thief.test"]}
    return {"flask_apps": [{**entry, "dependencies": dependencies}]}


def is_still_there(host: Host) -> bool:
    """Whether something that the package has started holds its port, whatever its number is by now."""
    return bool(host.run("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 54999), 5)'").succeeded)


@contextmanager
def accomplice(host: Host) -> Iterator[None]:
    """Let a process of another app wait for a file."""
    host.check_output("rm -f /run/accomplice; touch /run/accomplice; chmod 666 /run/accomplice")
    host.check_output(
        "systemd-run --unit=accomplice --property=User=alpha --property=StandardOutput=file:/run/accomplice python3 -c %s", _TAKE_FILE
    )
    wait_on_host(host, "grep -q ready /run/accomplice")
    try:
        yield
    finally:
        host.run("systemctl stop accomplice; rm /run/accomplice")


def assert_that_it_is_tidy(host: Host) -> None:
    owners = host.check_output("find /var/www/thief/environments /var/www/thief/builds -printf '%u\\n' | sort -u")
    assert owners == "root"
    assert host.check_output("ls -A /var/cache/webstack-flask/thief") == ""


def test_an_environment_that_root_cannot_copy_costs_its_own_app_alone(host: Host, source: Path) -> None:
    variables = describe(source, environment={"THIEF_DEPTH": "3000"})
    variables["flask_apps"] += host.ansible.get_variables()["flask_apps"]
    outcome = run_playbook(host, SITE, variables)
    assert outcome.status != 0
    assert "levels" in outcome.output
    assert http_get(host, "alpha.test").status == 200
    assert host.check_output("find /var/www/thief/environments /var/cache/webstack-flask/thief -mindepth 1") == ""


def test_a_package_finds_nothing_leaves_nothing_and_what_it_has_handed_on_is_of_no_use(host: Host, source: Path) -> None:
    with accomplice(host):
        run_playbook(host, SITE, describe(source)).succeeded()
        assert not is_still_there(host)
        assert json.loads(http_get(host, "thief.test").body) == {
            "reads another's secrets": "Permission denied",
            "writes beside the apps": "Read-only file system",
            "writes into its own cache": "Read-only file system",
            "sees processes of others": False,
            "asks other services": "Permission denied",
            "is poisoned": False,
        }
        host.check_output("systemctl kill --signal=TERM accomplice")
        wait_on_host(host, "grep -q ^5 /run/accomplice")  # the write itself has succeeded
        assert "late" not in host.check_output("cat /var/www/thief/current/venv/pyvenv.cfg")
    assert_that_it_is_tidy(host)


def test_a_run_that_is_killed_leaves_no_credentials_and_the_next_one_ends_what_it_has_started(host: Host, source: Path) -> None:
    (source / "requirements.txt").write_text("./parts\ngunicorn\n")  # another environment than that of the test before
    login = {"index_url": f"https://somebody:{PASSWORD}@pypi.org/simple", "environment": {"THIEF_SECONDS": "600"}}
    with running(host, describe(source, **login), str(SITE)) as run:
        wait_on_host(host, "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 54999), 5)' 2>/dev/null", pause=0.5)
        assert PASSWORD not in host.check_output("ps -eo args; systemctl show %s", UNIT)
        assert host.check_output("systemctl show --value --property=TasksMax %s", UNIT) == "1024"
        assert host.check_output("systemctl show --value --property=MemoryMax %s", UNIT) != "infinity"
        run.kill()
    host.check_output("kill -KILL $(cat /run/webstack-flask/thief.lock)")
    assert host.service(UNIT).is_running, "it does not belong to the run"
    places = "/etc /run /tmp /var/cache /var/lib /var/tmp /var/www"
    found = host.run(f"grep --recursive --files-with-matches --devices=skip --exclude-dir=systemd -e %s {places}", PASSWORD)
    assert found.stdout == ""

    run_playbook(host, SITE, describe(source)).succeeded()
    assert not is_still_there(host)
    assert not host.service(UNIT).is_running
    assert json.loads(http_get(host, "thief.test").body)["is poisoned"] is False, "by one of the two installations before"
    assert_that_it_is_tidy(host)
