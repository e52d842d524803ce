"""Whoever has taken over one app has that app and nothing else."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, http_get, run_playbook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["served"]

SITE = Path("playbooks/site.yml")
SECRET = "shown to nobody"  # noqa: S105 - it is to be looked for
BETA = "/var/www/beta"
INTRUDERS = ("alpha", "_build-alpha", "_build-beta", "nobody", "www-data")
SECRETS = ("current/app/app.py", "current/env", "current/gunicorn.conf.py", "current/venv/bin/gunicorn")
DIRECTORIES = ("", "builds", "environments", "releases", "current/", "shared")


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_nobody_else_reads_code_or_configuration(host: Host, intruder: str) -> None:
    for path in SECRETS:
        assert host.run("cat %s", f"{BETA}/{path}").succeeded, "it is there"
        assert "Permission denied" in as_user(host, intruder, f"cat {BETA}/{path}").stderr, path


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_nobody_else_looks_around_or_writes(host: Host, intruder: str) -> None:
    for directory in DIRECTORIES:
        assert "Permission denied" in as_user(host, intruder, f"ls {BETA}/{directory}").stderr, directory
        assert "Permission denied" in as_user(host, intruder, f"touch {BETA}/{directory}/mark").stderr, directory


@pytest.mark.parametrize("intruder", ["alpha", "_build-alpha", "_build-beta", "nobody"])
def test_nobody_but_the_web_server_reaches_the_socket(host: Host, intruder: str) -> None:
    connect = f'import socket; socket.socket(socket.AF_UNIX).connect("{BETA}/current/gunicorn.sock")'
    assert as_user(host, "www-data", f"python3 -c '{connect}'").succeeded
    assert "Permission denied" in as_user(host, intruder, f"python3 -c '{connect}'").stderr


@pytest.mark.parametrize("intruder", ["alpha", "_build-alpha", "_build-beta", "www-data"])
def test_nobody_else_signals_its_processes(host: Host, intruder: str) -> None:
    master = json.loads(http_get(host, "beta.test", "/where").body)["master"]
    assert "not permitted" in as_user(host, intruder, f"kill -0 {master}").stderr.lower()


def test_an_app_cannot_change_what_it_runs_from(host: Host) -> None:
    for path in ("app/app.py", "env", "gunicorn.conf.py", "venv/bin/gunicorn", "release.json"):
        assert "Permission denied" in as_user(host, "beta", f"echo x >> {BETA}/current/{path}").stderr, path
    for directory in ("builds", "environments", "releases", "current/app/", "current/venv/"):
        assert "Permission denied" in as_user(host, "beta", f"touch {BETA}/{directory}/mark").stderr, directory


def test_a_process_of_one_app_does_not_see_those_of_the_other(host: Host) -> None:
    unit = host.check_output("basename $(readlink %s/current)", BETA)
    assert host.check_output("systemctl show --value --property=ProtectProc,ProcSubset %s", f"beta@{unit}.service").split() == [
        "invisible",
        "pid",
    ]


def test_secrets_are_in_no_journal_unit_or_process_list(host: Host) -> None:
    for command in ("journalctl --no-pager", "systemctl cat '*'", "ps -eo args"):
        assert "secret-of-beta" not in host.run(command).stdout, command


def test_a_secret_is_in_no_output_and_no_journal_however_much_is_asked_for(host: Host) -> None:
    apps = host.ansible.get_variables()["flask_apps"]
    for app in apps:
        app["env"] = {"TOKEN": f"{SECRET} of {app['name']}"}
    since = host.check_output("date +%s")
    play = run_playbook(host, SITE, {"flask_apps": apps}, options=["-vvv"]).succeeded()
    assert play.changed > 0
    journal = host.check_output("journalctl --no-pager --output=cat --since=@%s", since)
    assert "gunicorn" in journal, "it is the right part of the journal"
    for text in (play.output, journal):
        assert SECRET not in text
        assert not any(SECRET.encode() in decoded for decoded in decode_words(text))


def decode_words(text: str) -> Iterator[bytes]:
    """Yield what the words of a text stand for that may be in base64."""
    for word in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", text):
        yield base64.b64decode(word[: len(word) // 4 * 4])
