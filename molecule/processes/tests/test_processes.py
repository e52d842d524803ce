"""What an app runs besides its web process: through switches good and bad, rollback, crashes, a reboot, removal, under a stream of jobs."""

from __future__ import annotations

import copy
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import as_user, http_get, http_request, restart, run_playbook, wait_on_host
from scenario_tests.faulty import new_version, running, words_of
from scenario_tests.hosts import LONG
from scenario_tests.load import show, watch
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_tests.play import Play
    from testinfra.host import Host

NAME, SITE, SHARED = "orders", "orders.test", "/var/www/orders/shared"
QUEUES = ("celery", "rq", "huey")
ALL = ["orders.bot", "orders.celery", "orders.celery.2", "orders.clock", "orders.huey", "orders.rq"]


def describe(host: Host, version: str, fault: str = "", **changes: object) -> dict[str, Any]:
    """Return `flask_apps` with the app in one version, and some keys of its processes changed."""
    (app,) = copy.deepcopy(host.ansible.get_variables()["flask_apps"])
    app["env"] = {"VERSION": version, **({"FAULT": fault} if fault else {})}
    for name, change in changes.items():
        known = app["processes"][name]
        app["processes"][name] = {**({"command": known} if isinstance(known, str) else known), **change}  # type: ignore[dict-item]
    return {"flask_apps": [app]}


def deploy(host: Host, version: str, fault: str = "", **changes: object) -> Play:
    return run_playbook(host, Path("playbooks/deploy.yml"), describe(host, version, fault, **changes))


def current(host: Host) -> str:
    return read_app(host, NAME).current or ""


def show_units(host: Host, *names: str) -> dict[str, dict[str, str]]:
    """Return what systemd says of the processes of all releases, by unit."""
    wanted = ",".join(("Id", "ActiveState", "MainPID", "NRestarts", *names))
    text = host.check_output(f"systemctl show 'orders.*' --property={wanted}")
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    return {block.pop("Id"): block for block in blocks if block}


def at_work(host: Host) -> dict[str, str]:
    """Return the processes that work, and were not told to end, each with the number of its process."""
    return {unit: state["MainPID"] for unit, state in show_units(host).items() if state["ActiveState"] == "active"}


def units(release: str, names: list[str] = ALL) -> set[str]:
    return {f"{name}@{release}.service" for name in names}


def order(host: Host, queue: str, number: object, seconds: float = 0.1) -> None:
    answer = http_request(host, SITE, "POST", f"/orders/{queue}/{number}?seconds={seconds}")
    assert answer.status == 200, answer


def done(host: Host) -> Counter[str]:
    """Return which orders were done, and how often."""
    return Counter(line.rpartition(" ")[0] for line in http_get(host, SITE, "/done").body.splitlines())


def wait_for(host: Host, *orders: str) -> None:
    deadline = time.monotonic() + LONG
    while missing := set(orders) - set(done(host)):
        assert time.monotonic() < deadline, missing
        time.sleep(0.2)


@dataclass
class Orders:
    taken: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@contextmanager
def ordering(host: Host, label: str) -> Iterator[Orders]:
    """Order without end, from each queue, for as long as the block lasts; then see that each order was done, and was done once."""
    seen, over = Orders(), threading.Event()

    def go_on(queue: str) -> None:
        number = 0
        while not over.wait(0.7):
            number += 1
            try:
                order(host, queue, f"{label}-{number}")
                seen.taken.append(f"{queue} {label}-{number}")
            except (OSError, AssertionError) as error:
                seen.errors.append(repr(error))

    clients = [threading.Thread(target=go_on, args=(queue,)) for queue in QUEUES]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        over.set()
        for client in clients:
            client.join()
    assert seen.errors == []
    assert len(seen.taken) > 20
    wait_for(host, *seen.taken)
    counted = done(host)
    assert {what: counted[what] for what in seen.taken if counted[what] != 1} == {}


def clock(host: Host) -> list[str]:
    return str(host.check_output(f"cat {SHARED}/clock.txt")).splitlines()


def test_all_processes_of_the_release_work_each_in_its_queue(host: Host) -> None:
    release = current(host)
    assert set(at_work(host)) == units(release)
    for queue in QUEUES:
        order(host, queue, "first")
    wait_for(host, *(f"{queue} first" for queue in QUEUES))
    assert "polls for first" in host.check_output("journalctl -t orders.bot --output=cat")
    assert host.check_output("systemctl list-unit-files --state=enabled 'orders.*' --no-legend | wc -l") == str(len(ALL))


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


def test_a_long_job_holds_up_neither_the_run_nor_the_next_one_and_its_release_stays_until_it_is_done(host: Host) -> None:
    one, two, three = (new_version() for _ in range(3))
    deploy(host, one).succeeded()
    release = current(host)
    order(host, "rq", f"long-{one}", 90)
    worker = f"orders.rq@{release}.service"
    wait_on_host(host, f"systemctl status {worker} | grep -q 'long-{one}'")
    deploy(host, two).succeeded()
    again = deploy(host, two).succeeded()
    assert again.changed == 0, again.changed_tasks
    deploy(host, three).succeeded()
    assert show_units(host)[worker]["ActiveState"] == "deactivating"
    assert f"rq long-{one}" not in done(host)
    assert release in read_app(host, NAME).records
    wait_for(host, f"rq long-{one}")
    assert done(host)[f"rq long-{one}"] == 1
    wait_on_host(host, f"! systemctl list-units --all --plain --no-legend | grep -q {worker}")
    deploy(host, new_version()).succeeded()
    assert release not in read_app(host, NAME).records


def test_one_that_is_still_ending_starts_again_by_itself_when_users_are_taken_back_to_it(host: Host) -> None:
    deploy(host, new_version()).succeeded()
    release, label = current(host), new_version()
    order(host, "rq", f"back-{label}", 60)
    worker = f"orders.rq@{release}.service"
    wait_on_host(host, f"systemctl status {worker} | grep -q 'back-{label}'")
    deploy(host, new_version()).succeeded()
    run_playbook(host, Path("playbooks/rollback.yml"), describe(host, "whatever")).succeeded()
    assert current(host) == release
    assert show_units(host)[worker]["ActiveState"] == "deactivating"
    wait_for(host, f"rq back-{label}")
    wait_on_host(host, f"systemctl is-active {worker}")
    assert set(at_work(host)) == units(release)
    assert done(host)[f"rq back-{label}"] == 1


def test_more_and_fewer_of_a_process_touch_nothing_else(host: Host) -> None:
    version = new_version()
    deploy(host, version).succeeded()
    before, release = at_work(host), current(host)
    web = http_get(host, SITE, "/process").body

    def scaled(count: int) -> dict[str, str]:
        play = deploy(host, version, celery={"count": count}).succeeded()
        assert play.changed == 1, play.changed_tasks
        assert deploy(host, version, celery={"count": count}).succeeded().changed == 0
        assert current(host) == release
        assert http_get(host, SITE, "/process").body == web
        wait_on_host(host, "! systemctl list-units 'orders.*' | grep -q deactivating")
        return at_work(host)

    third = f"orders.celery.3@{release}.service"
    assert scaled(3).items() - before.items() == {(third, at_work(host)[third])}
    assert set(scaled(0)) == units(release, [name for name in ALL if "celery" not in name])
    assert scaled(2).keys() == before.keys()


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


def test_a_run_that_is_killed_while_the_workers_change_is_made_good_by_the_next(host: Host) -> None:
    deploy(host, new_version()).succeeded()
    release, version = current(host), new_version()
    with running(host, describe(host, version)) as run:
        wait_on_host(host, f"systemctl list-units --plain --no-legend 'orders.*' | grep -v {release} | grep -q service")
        host.check_output("pkill -9 -f AnsiballZ || true")
        run.kill()
    deploy(host, version).succeeded()
    assert set(at_work(host)) == units(current(host))
    assert "is not alone" not in " ".join(clock(host))


def test_a_removal_lets_the_jobs_end_and_leaves_nothing(host: Host) -> None:
    version = new_version()
    deploy(host, version).succeeded()
    order(host, "rq", f"last-{version}", 10)
    wait_on_host(host, f"systemctl status 'orders.rq@*' | grep -q 'last-{version}'")
    run_playbook(host, Path("playbooks/remove.yml"), {**describe(host, version), "flask_app": NAME}).succeeded()
    assert f"rq last-{version} {version}" in host.check_output(f"cat {SHARED}/done.txt")
    assert host.check_output("find /etc/systemd/system -name 'orders*'") == ""
    assert host.check_output("systemctl list-units --all --plain --no-legend 'orders*'") == ""
