"""A run that is cut off, by a kill or by a reboot, leaves the site served, and the next run finishes without a clean-up."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, restart, run_playbook, wait_on_host
from scenario_tests.faulty import (
    CANDIDATE_RUNS,
    DEPLOY,
    NAME,
    PATIENT,
    ROOT,
    SITE,
    deploy,
    describe,
    ensure_served,
    new_version,
    roll_back,
    running,
    served,
    state_of,
    wait_until_idle,
    words_of,
)
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian13"]

LOCK = f"/run/webstack-flask/{NAME}.lock"
MODULE = f"$(cat {LOCK})"
"""The process on the host that does the work."""


@dataclass(frozen=True)
class Stage:
    """A stage of a run: how the host shows that it is reached, and what makes it last long enough to be seen."""

    reached: str
    changes: dict[str, Any] = field(default_factory=dict)
    fault: str = ""
    seconds: float = 0
    in_flight: float = 0
    """Seconds that a request takes which is made before the switch."""


STAGES = {
    "while dependencies are installed": Stage(
        f"pgrep -u _build-{NAME} -f 'pip install'", {"dependencies": {"packages": [f"blinker!=0.{os.getpid()}"]}}
    ),
    "between the link and its proof": Stage(f"test $(readlink {ROOT}/current) != {{before}}", {"watch": 5}),
    "while the former release ends its requests": Stage(
        f"test $(readlink {ROOT}/current) != {{before}} && grep -q 'verified\": [0-9]' {ROOT}/current/release.json && {CANDIDATE_RUNS}",
        {"drain": 30},
        fault="health slow",
        seconds=1.5,
        in_flight=20,
    ),
}


@pytest.mark.parametrize("name", STAGES)
def test_after_a_kill_users_are_served_and_the_next_run_finishes(host: Host, name: str) -> None:
    stage, before, version = STAGES[name], ensure_served(host), new_version()
    variables = describe(host, version, stage.fault, seconds=stage.seconds, **stage.changes)
    link = f"releases/{state_of(host).current}"
    with watch(host, SITE) as seen, ThreadPoolExecutor() as clients:
        with running(host, variables) as run:
            if stage.in_flight:
                wait_on_host(host, CANDIDATE_RUNS)
                long = clients.submit(http_get, host, SITE, f"/slow?seconds={stage.in_flight}")
            wait_on_host(host, stage.reached.format(before=link), then=f"kill -KILL {MODULE}")
            run.kill()
        assert served(host) in (before, version)
        assert deploy(host, version, stage.fault, seconds=stage.seconds, **stage.changes).succeeded().changed >= 1
        assert served(host) == version
    assert not stage.in_flight or long.result().body == f"{before}\n"
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [before, version]
    assert state_of(host).find_untidiness() == []


def test_when_the_controller_alone_dies_the_host_is_left_in_order_and_the_next_run_finishes(host: Host) -> None:
    before, version = ensure_served(host), new_version()
    with watch(host, SITE) as seen:
        with running(host, describe(host, version, "health slow", seconds=1.5)) as run:
            wait_on_host(host, CANDIDATE_RUNS)
            run.kill()
        wait_until_idle(host)
        assert served(host) in (before, version)
        deploy(host, version, "health slow", seconds=1.5).succeeded()
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [before, version]
    assert state_of(host).find_untidiness() == []


def test_a_switch_that_was_cut_off_to_a_release_that_proves_bad_is_taken_back_and_the_fixed_one_goes_live(host: Host) -> None:
    before, bad, fixed = ensure_served(host), new_version(), new_version()
    release = state_of(host).current
    with running(host, describe(host, bad, watch=5)) as run:
        wait_on_host(host, f"test $(readlink {ROOT}/current) != releases/{release}", then=f"kill -KILL {MODULE}")
        run.kill()
    assert served(host) == bad
    host.check_output(f"echo 'FAULT=\"import error\"' >> {ROOT}/current/env && pkill -KILL -u {NAME} -f $(readlink {ROOT}/current)")

    play = deploy(host, "worse", "health 500", **PATIENT)
    assert play.status != 0
    assert "a run that was cut off had left release" in words_of(play)
    assert f"went back to release {release}" in words_of(play), play.output
    assert served(host) == before
    deploy(host, fixed).succeeded()
    assert served(host) == fixed
    assert state_of(host).find_untidiness() == []


def test_of_deploys_at_once_one_works_and_the_others_wait_and_say_so_or_give_up_in_words(host: Host) -> None:
    before, first, second = ensure_served(host), new_version(), new_version()
    held = describe(host, first, release_commands=["until test -e $HOME/go; do sleep 0.2; done"])
    with watch(host, SITE) as seen, running(host, held) as run:
        wait_on_host(host, f"systemctl is-active -q {NAME}-release-command")
        impatient = run_playbook(host, Path(DEPLOY), describe(host, "impatient") | {"gunicorn_systemd_lock_timeout": 1})
        with running(host, describe(host, second)) as patient:
            wait_on_host(host, f"test $(find /proc/[0-9]*/fd -lname {LOCK} 2>/dev/null | cut -d/ -f3 | sort -u | wc -l) = 2", pause=0.5)
            host.check_output(f"sleep 2; touch {ROOT}/shared/go")
            run.wait().succeeded()
            waited = patient.wait().succeeded()
    host.check_output(f"rm {ROOT}/shared/go")
    assert impatient.status != 0
    assert "another run has been changing this app for more than 1 s" in words_of(impatient)
    assert re.search(r"waited \d+ s for another run on this host", words_of(waited))
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [before, first, second]
    assert state_of(host).find_untidiness() == []


def test_the_right_release_comes_up_after_a_reboot(host: Host) -> None:
    older, newer = new_version(), new_version()
    deploy(host, older).succeeded()
    deploy(host, newer).succeeded()
    restart(host)
    assert served(host) == newer
    roll_back(host).succeeded()
    restart(host)
    assert served(host) == older
    assert state_of(host).find_untidiness() == []


def test_after_a_reboot_during_a_deploy_users_are_served_and_the_next_run_finishes(host: Host) -> None:
    stage, before, version = STAGES["between the link and its proof"], ensure_served(host), new_version()
    link = f"releases/{state_of(host).current}"
    with running(host, describe(host, version, stage.fault, seconds=stage.seconds, **stage.changes)):
        wait_on_host(host, stage.reached.format(before=link))
        restart(host)
    assert served(host) in (before, version)
    deploy(host, version, stage.fault, seconds=stage.seconds, **stage.changes).succeeded()
    assert served(host) == version
    assert state_of(host).find_untidiness() == []
