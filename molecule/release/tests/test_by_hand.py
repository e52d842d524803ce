"""What was broken by hand, or by chance, is healed by the next run; what is in order is left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, run_playbook, wait_on_host
from scenario_tests.faulty import (
    EVERYTHING,
    ROOT,
    SITE,
    deploy,
    describe,
    ensure_served,
    new_version,
    served,
    state_of,
    words_of,
)
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]


def test_the_same_version_again_changes_nothing_by_either_playbook(host: Host) -> None:
    live = ensure_served(host)
    before = state_of(host)
    with watch(host, SITE) as seen:
        assert deploy(host, live).succeeded().changed == 0
        assert run_playbook(host, Path(EVERYTHING), describe(host, live)).succeeded().changed == 0
    assert (seen.failures, seen.versions) == ([], [live])
    assert state_of(host) == before


BROKEN = {
    "the socket is deleted": f"rm {ROOT}/current/gunicorn.sock",
    "the record is garbled": f"echo '{{{{' > {ROOT}/current/release.json",
}
"""What stands for all that a host in memory shows: see tests/unit/plugins/module_utils/_release/test_broken_by_hand.py."""


@pytest.mark.parametrize("how", BROKEN)
def test_what_was_broken_by_hand_is_healed_by_the_next_run(host: Host, how: str) -> None:
    live, release = ensure_served(host), state_of(host).current
    host.check_output(BROKEN[how])
    assert state_of(host).find_untidiness() != []
    assert deploy(host, live).succeeded().changed == 1
    state = state_of(host)
    assert (served(host), state.current, state.find_untidiness()) == (live, release, [])


def test_a_deleted_link_is_put_back_even_by_a_run_whose_release_is_bad(host: Host) -> None:
    live = ensure_served(host)
    host.check_output(f"rm {ROOT}/current")
    assert deploy(host, "bad", "import error").status != 0
    assert served(host) == live
    assert state_of(host).find_untidiness() == []


@pytest.mark.parametrize("victim", ["process", "master"])
def test_a_killed_process_is_replaced_and_requests_wait_for_it(host: Host, victim: str) -> None:
    live = ensure_served(host)
    with watch(host, SITE) as seen:
        pid = json.loads(http_get(host, SITE, "/where").body)[victim]
        wait_on_host(host, f"! kill -KILL {pid}")
        host.check_output("sleep 2")
        assert served(host) == live
    # Only what was within the process can be lost, one request for each worker.
    assert len(seen.failures) <= 2, show(seen.failures)
    assert seen.versions == [live]
    assert state_of(host).find_untidiness() == []


def test_a_configuration_that_nginx_refuses_changes_nothing(host: Host) -> None:
    live, before = ensure_served(host), state_of(host)
    with watch(host, SITE) as seen:
        play = run_playbook(host, Path(EVERYTHING), describe(host, "never", nginx={"extra": "no_such_directive on;"}))
    assert play.status != 0
    assert 'unknown directive "no_such_directive"' in words_of(play)
    assert (seen.failures, seen.versions) == ([], [live])
    assert state_of(host) == before
    assert host.run("nginx -t").succeeded
    assert run_playbook(host, Path(EVERYTHING), describe(host, live)).succeeded().changed == 0


def test_while_the_package_index_is_away_users_keep_the_release_and_its_environment(host: Host) -> None:
    live, before = ensure_served(host), state_of(host)
    seal = f"cd {ROOT}/environments && find . -mindepth 1 -printf '%p %T@ %m %u %g\\n' | sort | sha256sum"
    sealed = host.check_output(seal)
    away = {"python_pipenv_environment": {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}}
    wanted = describe(host, "never", dependencies={"packages": ["itsdangerous", "no-such-package"]})
    with watch(host, SITE) as seen:
        play = run_playbook(host, Path("playbooks/deploy.yml"), wanted | away)
    assert play.status != 0
    assert "pip install" in words_of(play)
    assert "No matching distribution found for" in words_of(play)
    assert (seen.failures, seen.versions) == ([], [live])
    assert state_of(host) == before
    assert host.check_output(seal) == sealed
    good = new_version()
    deploy(host, good).succeeded()
    assert served(host) == good
