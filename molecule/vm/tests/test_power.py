"""A machine that reboots, or loses its power, comes back with the right release, and the next run finishes what was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_tests import cut_power, restart, wait_on_host
from scenario_tests.faulty import ROOT, SITE, deploy, describe, ensure_served, new_version, running, served, state_of
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]


def test_a_switch_under_load_costs_no_request_and_a_reboot_comes_back_to_it(host: Host) -> None:
    before, version = ensure_served(host), new_version()
    with watch(host, SITE, pause=0.5) as seen:  # what a translated guest answers beside its work
        deploy(host, version).succeeded()
    assert len(seen.samples) > 40
    assert (seen.failures, seen.versions) == ([], [before, version]), show(seen.failures)
    restart(host)
    assert served(host) == version
    assert state_of(host).find_untidiness() == []


def test_after_a_power_cut_between_the_link_and_its_proof_users_are_served_and_the_next_run_finishes(host: Host) -> None:
    before, version = ensure_served(host), new_version()
    link = f"releases/{state_of(host).current}"
    with running(host, describe(host, version, watch=20)):
        wait_on_host(host, f"test $(readlink {ROOT}/current) != {link}", pause=0.5)
        cut_power(host)
    assert served(host) in (before, version)
    deploy(host, version).succeeded()
    assert served(host) == version
    assert state_of(host).find_untidiness() == []
