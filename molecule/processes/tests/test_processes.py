"""What an app runs besides its web process: at work, and after crashes and a reboot."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, courier, http_get, restart, run_playbook
from scenario_tests.faulty import new_version
from scenario_tests.hosts import LONG
from scenario_tests.orders import (
    ALL,
    QUEUES,
    SITE,
    at_work,
    current,
    ensure_well,
    order,
    read_jobs,
    show_units,
    units,
    wait_for,
)

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


@pytest.fixture(scope="module")
def rebooted(host: Host) -> float:
    """Have the host rebooted with a good release live and all its processes at work, and return the time after that."""
    ensure_well(host)
    before = at_work(host).keys()
    restart(host)
    began = time.time()
    deadline = time.monotonic() + LONG
    while at_work(host).keys() != before:
        assert time.monotonic() < deadline, show_units(host)
        time.sleep(0.5)
    return began


def test_each_process_is_started_again_when_it_is_killed(host: Host) -> None:
    ensure_well(host)
    before, former = at_work(host), show_units(host)
    host.check_output(f"kill -9 {' '.join(before.values())}")
    deadline = time.monotonic() + LONG
    while at_work(host).keys() != before.keys() or set(at_work(host).values()) & set(before.values()):
        assert time.monotonic() < deadline, show_units(host)
        time.sleep(0.5)
    assert {int(state["NRestarts"]) - int(former[unit]["NRestarts"]) for unit, state in show_units(host).items()} == {1}


@pytest.mark.usefixtures("rebooted")
def test_processes_work_after_a_reboot(host: Host) -> None:
    label = new_version()
    for queue in QUEUES:
        order(host, queue, label)
    wait_for(host, *(f"{queue} {label}" for queue in QUEUES))
    assert courier.at_work(host) == courier.at_boot(host) == [f"courier.deliver@{courier.current(host)}.service"]


def test_jobs_run_after_a_reboot(host: Host, rebooted: float) -> None:
    version = http_get(host, SITE).body.strip()
    deadline = time.monotonic() + LONG
    while not [at for at, said in read_jobs(host, "begins", "often") if at > rebooted and said == version]:
        assert time.monotonic() < deadline
        time.sleep(1)


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("rebooted")
def test_a_run_has_nothing_to_do_after_a_reboot(host: Host) -> None:
    # Not for one with a site: Docker writes the hosts file anew.
    described = courier.describe(host, courier.version(host))
    assert run_playbook(host, Path("playbooks/site.yml"), described).succeeded().changed_tasks == []
