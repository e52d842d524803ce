"""The command webstack on the host: what it tells of apps that are well and of some that are not, and what it runs in them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import one_of, run_playbook, wait_on_host
from scenario_tests.faulty import new_version
from scenario_tests.orders import NAME, SHARED, current, deploy, describe
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

LOGS = "/var/log/webstack-flask"
TYPIST = """
import os, pty, select, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
for line in ("import tasks, sys; print(sys.stdin.isatty(), 6 * 7)", "exit()"):
    said = b""
    while b">>> " not in said and select.select([terminal], [], [], 60)[0]:
        said += os.read(terminal, 4096)
    print(said.decode())
    os.write(terminal, f"{line}\\r".encode())
print(os.waitpid(child, 0)[1])
"""
"""Python that types at a terminal when it is asked to."""


def tell(host: Host, app: str = NAME) -> dict[str, Any]:
    """Return what it says of an app, and see that its exit status is as it says."""
    ended = host.run(f"webstack {app} --json")
    told: dict[str, Any] = json.loads(ended.stdout)
    assert ended.rc == (0 if told["ok"] else 1)
    return told


@pytest.fixture
def well(host: Host) -> Iterator[str]:
    """Have the app well, whatever was before, and afterwards; give its version."""
    version = new_version()
    deploy(host, version).succeeded()
    host.check_output(f"systemctl reset-failed '{NAME}.*'")
    yield version
    host.check_output(f"systemctl reset-failed '{NAME}.*'; systemctl start {NAME}.bot@{current(host)}.service")


def test_it_tells_of_all_apps_and_of_one_what_is_so(host: Host, well: str) -> None:
    told = tell(host)
    assert (told["release"], told["health"], told["troubles"]) == (current(host), "healthy", [])
    # A container may have no account of its memory.
    accounted = host.check_output(f"systemctl show --property=MemoryCurrent --value {NAME}@{current(host)}.service").isdecimal()
    assert (told["memory"] > 10 << 20) == accounted
    assert tell(host, "courier")["health"] == ""
    lines = host.check_output("webstack").splitlines()
    assert sorted(line.split()[0] for line in lines) == ["app", "courier", NAME]
    assert run_playbook(host, Path("playbooks/deploy.yml"), describe(host, well)).succeeded().changed == 0
    assert host.run("runuser -u nobody -- webstack").rc == 2


@pytest.mark.usefixtures("well")
def test_it_tells_what_is_wrong_and_why_the_last_deploy_has_failed_the_worst_first(host: Host) -> None:
    live = current(host)
    assert deploy(host, new_version(), "worker").status != 0
    host.run(f"systemctl start {NAME}.bad.job.service")
    host.check_output(f"systemctl stop {NAME}.bot@{live}.service")
    told = tell(host)
    assert (told["release"], told["health"]) == (live, "healthy")
    deployed, job, process = sorted(told["troubles"])
    assert deployed.startswith("the deploy of release ")
    assert process == "the process bot does not run: it has stopped"
    assert job == "the last run of the job bad has failed: its process ended with exit status 1"
    assert host.run("webstack").stdout.splitlines()[1].split()[0] == NAME
    why = host.run(f"webstack {NAME} why")
    assert why.rc == 1
    assert "has failed:" in why.stdout
    assert f"Users were left with release {live}." in why.stdout
    listed = host.check_output(f"webstack {NAME} releases")
    assert [line.split()[-2] for line in listed.splitlines() if live in line] == ["live"]
    assert " failed" in listed
    host.check_output(f"systemctl kill --signal=STOP {NAME}@{live}.service")
    try:
        assert tell(host)["troubles"][0] == "it is not healthy: GET / was not answered within 3 s"
    finally:
        host.check_output(f"systemctl kill --signal=CONT {NAME}@{live}.service")
    host.check_output(f"mkdir --parents {LOGS} && echo 'no such package' > {LOGS}/{NAME}-installation.log")
    assert "an installation of packages has failed" in " ".join(tell(host)["troubles"])
    assert "no such package" in host.run(f"webstack {NAME} why").stdout
    deploy(host, new_version()).succeeded()
    assert host.check_output(f"webstack {NAME} why") == f"the last deploy of {NAME} went well"


def test_a_command_runs_as_the_app_would_and_its_exit_status_comes_back(host: Host, well: str) -> None:
    def run(words: str) -> tuple[int, str]:
        ended = host.run(f"webstack {NAME} run {words}")
        return ended.rc, ended.stdout.strip()

    assert run("'id --user --name; printenv VERSION'") == (0, f"{NAME}\n{well}")
    assert run(f"-- printf '%s|' 'a b' '$HOME' ';' {shlex.quote(chr(10))}") == (0, "a b|$HOME|;|\n|".strip())
    assert run("'exit 7'") == (7, "")
    assert run("'touch /etc/mine || touch $HOME/mine'") == (0, "")
    assert host.file(f"{SHARED}/mine").user == NAME
    assert run("-- python -c 'import tasks, sys; print(sys.prefix)'")[1] == f"/var/www/{NAME}/releases/{current(host)}/venv"
    assert run("--timeout 1 -- sleep 600")[0] != 0
    assert host.run(f"webstack {NAME} run --release 0123 env").rc == 2


def test_on_a_terminal_there_is_a_shell_with_the_code_of_the_app(host: Host) -> None:
    ended = host.run(f"timeout 120 python3 -c {shlex.quote(TYPIST)} webstack {NAME} shell")
    assert "True 42" in ended.stdout, ended


def test_a_release_in_which_something_runs_by_hand_stays_until_it_ends(host: Host, well: str) -> None:
    release = current(host)
    host.check_output(f"rm -f {SHARED}/go; (webstack {NAME} run 'until test -e $HOME/go; do sleep 0.2; done') > /dev/null 2>&1 & echo")
    wait_on_host(host, f"systemctl list-units --plain --no-legend '{NAME}.*.run@{release}.service' | grep -q running")
    deploy(host, new_version()).succeeded()
    deploy(host, new_version()).succeeded()
    assert release in read_app(host, NAME).records, well
    host.check_output(f"touch {SHARED}/go")
    wait_on_host(host, f"! systemctl list-units --plain --no-legend '{NAME}.*.run@*' | grep -q .")
    deploy(host, new_version()).succeeded()
    assert release not in read_app(host, NAME).records


def test_each_part_of_an_app_shows_its_own_lines(host: Host, well: str) -> None:
    assert f"polls for {well}" in host.check_output(f"webstack {NAME} logs bot --lines 5")
    assert "polls for" not in host.check_output(f"webstack {NAME} logs web --lines 500")
    assert '"GET / HTTP' in host.check_output(f"webstack {NAME} logs nginx --grep 'GET / '")
    assert host.run(f"webstack {NAME} logs nonsense").rc == 2
    follow = f"timeout 20 webstack {NAME} logs often --follow --lines 0 | grep --quiet --max-count 1 often"
    assert host.run(follow).rc == 0
