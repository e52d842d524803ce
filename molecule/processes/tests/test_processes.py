"""What an app runs besides its web process: at work, through switches good and bad under a stream of jobs, crashes and a reboot."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, restart, run_playbook
from scenario_tests.faulty import new_version, words_of
from scenario_tests.hosts import LONG
from scenario_tests.load import show, watch
from scenario_tests.orders import ALL, QUEUES, SITE, at_work, clock, current, deploy, describe, order, ordering, show_units, units, wait_for

if TYPE_CHECKING:
    from testinfra.host import Host


def test_all_processes_of_the_release_work_each_in_its_queue(host: Host) -> None:
    release = current(host)
    assert set(at_work(host)) == units(release)
    for queue in QUEUES:
        order(host, queue, "first")
    wait_for(host, *(f"{queue} first" for queue in QUEUES))
    assert "polls for first" in host.check_output("journalctl -t orders.bot --output=cat")
    assert host.check_output("systemctl list-unit-files --state=enabled 'orders.*@*.service' --no-legend | wc -l") == str(len(ALL))


def test_a_process_may_do_no_more_than_the_app_and_as_much_as_it_says_itself(host: Host) -> None:
    release = current(host)
    read = [
        *("User", "Group", "ProtectSystem", "ProtectHome", "NoNewPrivileges", "CapabilityBoundingSet", "SystemCallFilter", "UMask"),
        *("RestrictAddressFamilies", "PrivateTmp", "PrivateDevices", "RestrictNamespaces", "ProtectProc", "ReadWritePaths", "MemoryMax"),
    ]
    web = show_service(host, f"orders@{release}.service", read)
    for unit in units(release):
        own = show_service(host, unit, read)
        assert own.pop("MemoryMax") == ("268435456" if "huey" in unit else "infinity")
        assert own == {name: value for name, value in web.items() if name != "MemoryMax"}
    (bot,) = (pid for unit, pid in at_work(host).items() if ".bot@" in unit)
    assert as_user(host, "nobody", f"cat /proc/{bot}/environ").rc != 0
    scores = [
        host.run(f"systemd-analyze security {unit}").stdout.split()[-3]
        for unit in (f"orders@{release}.service", f"orders.bot@{release}.service")
    ]
    assert scores[0] == scores[1]


def show_service(host: Host, unit: str, names: list[str]) -> dict[str, str]:
    text = host.check_output(f"systemctl show {unit} --property={','.join(names)}")
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.mark.any_debian("debian12")
def test_no_request_and_no_job_is_lost_and_none_is_done_twice_by_a_switch_good_or_bad_or_back(host: Host) -> None:
    first, version = current(host), new_version()
    with ordering(host, version), watch(host, SITE) as seen:
        deploy(host, version).succeeded()
        second = current(host)
        assert second != first
        assert set(at_work(host)) == units(second)
        before = at_work(host)

        bad = deploy(host, new_version(), "worker")
        assert bad.status != 0
        assert "does not run: " in words_of(bad)
        assert "do not start" in words_of(bad)
        assert current(host) == second
        # Workers have gone on as if nothing had been; but of the clock there must never be two.
        assert {unit: pid for unit, pid in at_work(host).items() if ".clock@" not in unit} == {
            unit: pid for unit, pid in before.items() if ".clock@" not in unit
        }
        assert set(at_work(host)) == units(second)

        run_playbook(host, Path("playbooks/rollback.yml"), describe(host, version)).succeeded()
        assert current(host) == first
        assert set(at_work(host)) == units(first)
    assert seen.failures == [], show(seen.failures)
    assert "is not alone" not in " ".join(clock(host))
    assert all(one.split()[0] != other.split()[0] for one, other in pairwise(clock(host))), clock(host)


def test_each_process_is_started_again_when_it_is_killed_and_after_a_reboot(host: Host) -> None:
    deploy(host, new_version()).succeeded()
    before = at_work(host)
    host.check_output(f"kill -9 {' '.join(before.values())}")
    deadline = time.monotonic() + LONG
    while at_work(host).keys() != before.keys() or set(at_work(host).values()) & set(before.values()):
        assert time.monotonic() < deadline, show_units(host)
        time.sleep(0.5)
    assert {state["NRestarts"] for state in show_units(host).values()} == {"1"}
    restart(host)
    while at_work(host).keys() != before.keys():
        assert time.monotonic() < deadline, show_units(host)
        time.sleep(0.5)
    label = new_version()
    for queue in QUEUES:
        order(host, queue, label)
    wait_for(host, *(f"{queue} {label}" for queue in QUEUES))
