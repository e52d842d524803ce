"""What whoever keeps apps running does each day: jobs and completion on the machine, lines and commands from the desk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import inventory_name, one_of, run_playbook
from scenario_tests.faulty import words_of
from scenario_tests.orders import NAME, current, describe, ensure_well

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

TIMER = f"{NAME}.often.job.timer"
COMPLETED = """
. /usr/local/share/bash-completion/completions/webstack
COMP_WORDS=(webstack %s '') COMP_CWORD=%d
$(complete -p webstack | sed -E 's/.*-F ([a-z_]+).*/\\1/')
echo "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def version(host: Host) -> str:
    return ensure_well(host)


def run(host: Host, playbook: str, version: str, **variables: str) -> Play:
    return run_playbook(host, Path(f"playbooks/{playbook}.yml"), {**describe(host, version), "flask_app": NAME, **variables})


@pytest.mark.usefixtures("version")
def test_a_job_is_run_and_listed_suspended_and_resumed(host: Host) -> None:
    failed = host.run(f"webstack {NAME} jobs run bad")
    assert failed.rc == 1
    assert re.fullmatch(r"(?s).*bad has failed: no money\nit has failed: its process ended with exit status 1\n", failed.stdout), failed
    listed = host.run(f"webstack {NAME} jobs")
    assert listed.rc == 1, "the last run of one was no good"
    assert re.search(rf"(?m)^bad .* failed: its process ended with exit status 1 +{current(host)}$", listed.stdout), listed
    assert host.run(f"webstack {NAME} jobs run none").rc == 2

    assert host.run(f"webstack {NAME} jobs run often").rc == 0
    said = [host.check_output(f"webstack {NAME} jobs {act} often") for act in ("suspend", "suspend")]
    assert said == ["often is suspended", "often was suspended already"]
    assert host.run(f"systemctl is-active {TIMER} || systemctl is-enabled {TIMER}").stdout.split() == ["inactive", "disabled"]
    told = {job["name"]: job for job in json.loads(host.run(f"webstack {NAME} jobs --json").stdout)}
    assert (told["often"]["suspended"], told["often"]["runs"][0]["result"]) == (True, "success")
    said = [host.check_output(f"webstack {NAME} jobs {act} often") for act in ("resume", "resume")]
    assert said == ["often runs at its times again", "often was not suspended"]
    assert host.check_output(f"systemctl is-active {TIMER} && systemctl is-enabled {TIMER}").split() == ["active", "enabled"]


@pytest.mark.usefixtures("version")
def test_bash_completes_apps_jobs_and_releases(host: Host) -> None:
    def complete(*words: str) -> list[str]:
        return str(host.check_output("bash -c %s", COMPLETED % (" ".join(words), len(words) + 1))).split()

    assert complete() == ["courier", NAME]
    assert complete(NAME, "jobs", "run") == ["bad", "long", "often"]
    assert current(host) in complete(NAME, "rollback", "--release")
    assert set(complete(NAME, "restart")) == {"web", "bot", "celery", "clock", "huey", "rq"}
    refused = host.run(f"webstack {NAME} backups")
    assert refused.rc == 2
    assert f"the app {NAME} has no backups on this host" in refused.stderr


def test_lines_and_commands_come_from_the_desk(host: Host, version: str) -> None:
    name = inventory_name(host)
    lines = run(host, "logs", version, flask_part="bot", flask_lines="500", flask_grep=f"polls for {version}").succeeded()
    assert re.search(rf"{name}  \S+ .*polls for {version}", lines.output), lines.output
    failed = run(host, "run", version, flask_command="id --user --name; printf '\\033[31m\\n'; exit 7")
    assert failed.status == 2
    assert f"{name} {NAME}" in words_of(failed)
    assert "\\x1b[31m" in failed.output
    assert f"has ended with exit status 7 on {name}" in words_of(failed)
    assert f"sudo webstack {NAME} shell" in words_of(run(host, "run", version).succeeded())
