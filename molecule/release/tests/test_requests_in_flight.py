"""What becomes of requests that take longer than a switch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, one_of, wait_on_host
from scenario_tests.faulty import (
    CANDIDATE_RUNS,
    NAME,
    SITE,
    deploy,
    describe,
    ensure_served,
    new_version,
    running,
    served,
    state_of,
    words_of,
)
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")


def test_requests_in_flight_end_within_the_drain_limit_and_are_cut_off_after_it(host: Host) -> None:
    live, version = ensure_served(host), new_version()
    slow_start = describe(host, version, "health slow", seconds=1.9, drain=8)
    with watch(host, SITE) as seen, running(host, slow_start) as run, ThreadPoolExecutor() as clients:
        wait_on_host(host, CANDIDATE_RUNS)
        quick = clients.submit(http_get, host, SITE, "/slow?seconds=6")
        endless = clients.submit(http_get, host, SITE, "/slow?seconds=600", timeout=120)
        play = run.wait().succeeded()
        assert (quick.result().status, quick.result().body) == (200, f"{live}\n")
        assert endless.result().status == 502
    assert "was stopped with 1 request(s) still in it after 8 s" in words_of(play)
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [live, version]
    assert served(host) == version
    assert state_of(host).find_untidiness() == []


def test_the_oldest_gunicorn_that_is_taken_ends_its_requests_as_well(host: Host) -> None:
    version, old = new_version(), {"gunicorn_version": "20.1.0"}
    deploy(host, new_version(), dependencies=old).succeeded()
    assert "gunicorn (version 20.1.0)" in host.check_output("/var/www/%s/current/venv/bin/gunicorn --version", NAME)
    slow_start = describe(host, version, "health slow", seconds=1.9, drain=8, dependencies=old)
    with watch(host, SITE) as seen, running(host, slow_start) as run, ThreadPoolExecutor() as clients:
        wait_on_host(host, CANDIDATE_RUNS)
        answer = clients.submit(http_get, host, SITE, "/slow?seconds=6")
        run.wait().succeeded()
        assert answer.result().status == 200
    assert seen.failures == [], show(seen.failures)
    assert served(host) == version
    assert state_of(host).find_untidiness() == []


@pytest.mark.parametrize(("service", "meanwhile", "afterwards"), [({}, "12", "[not set]"), ({"CPUWeight": 300}, "300", "300")])
def test_a_release_that_starts_leaves_the_processor_to_the_live_one(
    host: Host, service: dict[str, int], meanwhile: str, afterwards: str
) -> None:
    def command_to_weigh(releases: str) -> str:
        return f"systemctl show --property=CPUWeight --value '{NAME}@{releases}.service'"

    ensure_served(host)
    before = host.check_output(command_to_weigh(state_of(host).current or ""))
    with running(host, describe(host, new_version(), "health slow", seconds=1.5, service=service)) as run:
        weights = wait_on_host(host, CANDIDATE_RUNS, then=command_to_weigh("*"))
        run.wait().succeeded()
    assert sorted(weights.split("\n\n")) == sorted([before, meanwhile])
    assert host.check_output(command_to_weigh(state_of(host).current or "")) == afterwards
