"""Whoever has taken over one app has that app and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, http_get

if TYPE_CHECKING:
    from collections.abc import Sequence

    from testinfra.host import Host

testinfra_hosts = ["served"]

BETA = "/var/www/beta"
INTRUDERS = ("alpha", "_build-alpha", "_build-beta", "nobody", "www-data")
SECRETS = ("current/app/app.py", "current/env", "current/gunicorn.conf.py", "current/venv/bin/gunicorn")
DIRECTORIES = ("", "builds", "environments", "releases", "current/", "shared")


def list_allowed(host: Host, user: str, commands: Sequence[str], *, refusal: str = "permission denied") -> list[str]:
    """Return those of the commands that were not refused to a local user; one call tries them all."""
    said = as_user(host, user, "; ".join(f"({command}) 2>&1 | grep . | tail -n 1; echo /" for command in commands)).stdout.split("/\n")[:-1]
    return [command for command, last in zip(commands, said, strict=True) if not last.strip().lower().endswith(refusal)]


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_nobody_else_reads_code_or_configuration(host: Host, intruder: str) -> None:
    commands = [f"cat {BETA}/{path}" for path in SECRETS]
    assert host.run(f"{' && '.join(commands)}").succeeded, "they are there"
    assert list_allowed(host, intruder, commands) == []


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_nobody_else_looks_around_or_writes(host: Host, intruder: str) -> None:
    looks = [f"ls {BETA}/{directory}" for directory in DIRECTORIES]
    assert list_allowed(host, intruder, [*looks, *(f"touch {BETA}/{directory}/mark" for directory in DIRECTORIES)]) == []


def test_nobody_but_the_web_server_reaches_the_socket(host: Host) -> None:
    connect = f"""python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect("{BETA}/current/gunicorn.sock")'"""
    assert as_user(host, "www-data", connect).succeeded
    for intruder in ("alpha", "_build-alpha", "_build-beta", "nobody"):
        assert list_allowed(host, intruder, [connect]) == [], intruder


def test_nobody_else_signals_its_processes(host: Host) -> None:
    master = json.loads(http_get(host, "beta.test", "/where").body)["master"]
    for intruder in ("alpha", "_build-alpha", "_build-beta", "www-data"):
        assert list_allowed(host, intruder, [f"kill -0 {master}"], refusal="not permitted") == [], intruder


def test_an_app_cannot_change_what_it_runs_from(host: Host) -> None:
    files = ("app/app.py", "env", "gunicorn.conf.py", "venv/bin/gunicorn", "release.json")
    directories = ("builds", "environments", "releases", "current/app/", "current/venv/")
    changes = [f"echo x >> {BETA}/current/{path}" for path in files] + [f"touch {BETA}/{directory}/mark" for directory in directories]
    assert list_allowed(host, "beta", changes) == []


def test_a_process_of_one_app_does_not_see_those_of_the_other(host: Host) -> None:
    unit = host.check_output("basename $(readlink %s/current)", BETA)
    assert host.check_output("systemctl show --value --property=ProtectProc %s", f"beta@{unit}.service") == "invisible"
