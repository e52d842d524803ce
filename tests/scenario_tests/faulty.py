"""Deploying the app of tests/apps/faulty, well or badly."""

from __future__ import annotations

import copy
import itertools
import json
import os
import re
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests.hosts import LONG, http_get, inventory_name
from scenario_tests.play import Play, run_playbook
from scenario_tests.releases import AppState, read_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testinfra.host import Host

NAME, SITE = "faulty", "faulty.test"
ROOT = "/var/www/faulty"
DEPLOY, ROLLBACK, EVERYTHING = "playbooks/deploy.yml", "playbooks/rollback.yml", "playbooks/site.yml"
CANDIDATE_RUNS = f"test $(systemctl list-units --plain --no-legend '{NAME}@*.service' | wc -l) = 2"
"""A shell condition: a release has been started beside the live one."""

_numbers = itertools.count(1)


def new_version() -> str:
    """Return a version that has not been deployed before, in this run or an earlier one on the same hosts."""
    return f"v{os.getpid()}-{next(_numbers)}"


def describe(host: Host, version: str, fault: str = "", *, seconds: float = 0, **changes: object) -> dict[str, Any]:
    """Return `flask_apps` with the app in one version, with one fault, and with some of its keys changed."""
    (app,) = copy.deepcopy(host.ansible.get_variables()["flask_apps"])
    app["env"] = {"VERSION": version}
    if fault:
        app["env"] |= {"FAULT": fault, "FAULT_SECONDS": seconds}
    for key, value in changes.items():
        app[key] = {**app[key], **value} if isinstance(value, dict) and isinstance(app.get(key), dict) else value
    return {"flask_apps": [app]}


def deploy(host: Host, version: str, fault: str = "", *, seconds: float = 0, **changes: object) -> Play:
    """Run deploy.yml for the app so described."""
    return run_playbook(host, Path(DEPLOY), describe(host, version, fault, seconds=seconds, **changes))


IMPATIENT: dict[str, Any] = {"health": {"timeout": 1, "deadline": 3}}
"""A change for releases that will never be healthy."""

PATIENT: dict[str, Any] = {"health": {"timeout": 60, "deadline": 8}}
"""For releases that answer, if badly: a question that was asked within the deadline is waited for, on a busy machine for long."""


def roll_back(host: Host, to: str | None = None) -> Play:
    """Run rollback.yml."""
    return run_playbook(host, Path(ROLLBACK), describe(host, "whatever") | ({"to": to} if to else {}))


def state_of(host: Host) -> AppState:
    """Look at the app."""
    return read_app(host, NAME)


def served(host: Host) -> str:
    """Return the version that users get."""
    answer = http_get(host, SITE)
    assert answer.status == 200, answer
    return answer.body.strip()


def ensure_served(host: Host) -> str:
    """See that users get a good release, whatever an earlier test has left, and return its version."""
    version = ""
    with suppress(OSError):
        version = http_get(host, SITE).body.strip()
    if state_of(host).find_untidiness() or not re.fullmatch(r"v\d+-\d+", version):
        version = new_version()
        deploy(host, version).succeeded()
        assert served(host) == version
    return version


def words_of(play: Play) -> str:
    """Return what a run has said, without the line breaks that Ansible puts into long texts."""
    return " ".join(play.output.split())


def start_afresh(host: Host) -> None:
    """Take the app off the host, all but its builds and environments."""
    # Whether a unit had failed, and is there to be forgotten, is all the same here; what is wanted is checked by the tests that follow.
    host.check_output(
        f"systemctl stop '{NAME}@*' --all; "
        f"rm -rf {ROOT}/current {ROOT}/releases /etc/systemd/system/*.wants/{NAME}@* /etc/systemd/system/{NAME}@*; "
        f"systemctl daemon-reload; systemctl reset-failed '{NAME}@*' || true"
    )


@dataclass
class Run:
    """A playbook that runs beside the test."""

    process: subprocess.Popen[str]
    log: Path

    def wait(self) -> Play:
        """Wait for its end."""
        status = self.process.wait(timeout=LONG)
        return Play(status, 0, self.log.read_text(encoding="utf-8"))

    def kill(self) -> None:
        """End it, and its connections, as a power cut at the controller would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def running(host: Host, variables: Mapping[str, Any], playbook: str = DEPLOY) -> Iterator[Run]:
    """Run a playbook beside the block; what is left of it at the end of the block is killed."""
    argv = ["ansible-playbook", "--inventory", os.environ["MOLECULE_INVENTORY_FILE"], "--limit", inventory_name(host)]
    # A connection of its own, which dies with it.
    argv += ["--ssh-extra-args=-o ControlMaster=no -o ControlPath=none", "--extra-vars", json.dumps(variables), playbook]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                argv,
                cwd=os.environ["MOLECULE_PROJECT_DIRECTORY"],
                env=os.environ | {"ANSIBLE_FORCE_COLOR": "0"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        run = Run(process, log)
        try:
            yield run
        except BaseException:
            print(log.read_text(encoding="utf-8"))
            raise
        finally:
            if process.poll() is None:
                run.kill()


def wait_until_idle(host: Host) -> None:
    """Wait until no run holds the app's lock any more."""
    host.check_output(f"flock --timeout {LONG} /run/webstack-flask/{NAME}.lock true")
