"""Under full traffic, no switch, good or bad, costs a request."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import http_get, one_of, run_role
from scenario_tests.faulty import PATIENT, ROOT, SITE, deploy, new_version, roll_back, served, state_of, words_of
from scenario_tests.load import crowd, show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = one_of("debian13", "debian12")

CONVENTIONAL = Path(__file__).parent / "conventional.service"


BAD_RELEASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "import error": ({}, ("ImportError: the import of bad",)),
    "death at start": ({}, ()),
    "health 500": (PATIENT, ("was not healthy within 8 s: GET /health answered 500; expected 200",)),
    "fails behind a proxy": (PATIENT, ("was not healthy within 8 s: GET /health answered 500; expected 200",)),
    "release command fails": (
        {"release_commands": ["flask no-such-command"]},
        ("the release command `flask no-such-command`", "failed with exit status 2", "No such command 'no-such-command'"),
    ),
}
"""Faults, each with what it takes to show them, and what the operator is told."""

DEADLY = ("import error", "death at start")


def test_ten_switches_good_and_bad_cost_no_request_and_no_user_meets_a_bad_release(host: Host) -> None:
    zero, one, two, three = (new_version() for _number in range(4))
    deploy(host, zero).succeeded()
    with crowd(host, SITE) as everyone, watch(host, SITE) as seen:
        deploy(host, one).succeeded()
        deploy(host, two, gunicorn={"workers": 2, "worker_class": "gthread", "threads": 4}).succeeded()
        roll_back(host).succeeded()
        roll_back(host).succeeded()
        deploy(host, three).succeeded()
        for fault, (changes, words) in BAD_RELEASES.items():
            play = deploy(host, "bad", fault, **changes)
            assert play.status != 0
            assert fault not in DEADLY or play.tells_of_a_death, play.output
            for word in words:
                assert word in words_of(play), play.output
    print(everyone)
    assert everyone.requests > 1000
    assert everyone.failed == 0, str(everyone)
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [zero, one, two, one, two, three]
    state = state_of(host)
    assert state.find_untidiness() == []
    assert len(state.failed) == 2
    assert served(host) == three


def test_the_same_load_loses_requests_in_conventional_restarts(host: Host) -> None:
    state = state_of(host)
    record = state.records[state.current or ""]
    assert record
    unit = CONVENTIONAL.read_text().format(app=f"{ROOT}/builds/{record['build']}", venv=f"{ROOT}/environments/{record['environment']}")
    host.check_output("printf %%s %s > /run/systemd/system/conventional.service && systemctl daemon-reload", unit)
    host.check_output("systemctl start conventional.service")
    sites = [{"name": "conventional", "server_names": ["conventional.test"], "upstream": "unix:/run/conventional/gunicorn.sock"}]
    try:
        run_role(host, "nginx_site", {"nginx_site_install": False, "nginx_site_sites": sites}).succeeded()
        wait_until_served(host)
        with crowd(host, "conventional.test") as everyone:
            for _number in range(3):
                host.check_output("systemctl restart conventional.service")
                wait_until_served(host)
    finally:
        host.check_output("systemctl stop conventional.service; rm /run/systemd/system/conventional.service; systemctl daemon-reload")
        gone = [{"name": "conventional", "state": "absent"}]
        run_role(host, "nginx_site", {"nginx_site_install": False, "nginx_site_sites": gone}).succeeded()
    print(everyone)
    assert everyone.requests > everyone.failed > 0, str(everyone)


def wait_until_served(host: Host) -> None:
    """Wait until users of the conventional service get an answer."""
    deadline = time.monotonic() + 60
    while (answer := http_get(host, "conventional.test")).status != 200:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
