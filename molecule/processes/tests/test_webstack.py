"""The command webstack on the host: what it tells of apps that are well, and what it runs in them."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import courier, one_of, run_playbook
from scenario_tests.faulty import DEPLOY, new_version
from scenario_tests.orders import NAME, SHARED, current, describe, ensure_well, tell_status

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

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


@pytest.fixture(scope="module")
def well(host: Host) -> str:
    """Have both apps well, whatever was before; give the version of the one that is not the courier."""
    version = ensure_well(host)
    host.check_output(f"systemctl reset-failed '{NAME}.*'")
    if host.run("webstack").rc != 0:
        version = new_version()
        run_playbook(host, Path(DEPLOY), courier.beside(describe(host, version), host, version)).succeeded()
    return version


@pytest.mark.usefixtures("well")
def test_it_tells_of_all_apps_and_of_one_what_is_so(host: Host) -> None:
    told = tell_status(host)
    assert (told["release"], told["health"], told["troubles"]) == (current(host), "healthy", [])
    # A container may have no account of its memory.
    accounted = host.check_output(f"systemctl show --property=MemoryCurrent --value {NAME}@{current(host)}.service").isdecimal()
    assert (told["memory"] > 10 << 20) == accounted
    assert tell_status(host, "courier")["health"] == ""
    lines = host.check_output("webstack").splitlines()
    assert sorted(line.split()[0] for line in lines) == ["app", "courier", NAME]
    assert host.run("runuser -u nobody -- webstack").rc == 2


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


def test_each_part_of_an_app_shows_its_own_lines(host: Host, well: str) -> None:
    assert f"polls for {well}" in host.check_output(f"webstack {NAME} logs bot --lines 5")
    assert "polls for" not in host.check_output(f"webstack {NAME} logs web --lines 500")
    assert '"GET / HTTP' in host.check_output(f"webstack {NAME} logs nginx --grep 'GET / '")
    assert host.run(f"webstack {NAME} logs nonsense").rc == 2
    follow = f"timeout 20 webstack {NAME} logs often --follow --lines 0 | grep --quiet --max-count 1 often"
    assert host.run(follow).rc == 0
