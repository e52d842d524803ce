"""Deploying the app of tests/apps/orders, and ordering from it."""

from __future__ import annotations

import copy
import json
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests.faulty import new_version
from scenario_tests.hosts import LONG, http_get, http_request, wait_on_host
from scenario_tests.play import run_playbook
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from testinfra.host import Host

    from scenario_tests.play import Play

NAME, SITE, SHARED = "orders", "orders.test", "/var/www/orders/shared"
QUEUES = ("celery", "rq", "huey")
UNTIL_TOLD = -1
"""Seconds of an order that takes until it is told to end."""
ALL = ("orders.bot", "orders.celery", "orders.celery.2", "orders.clock", "orders.huey", "orders.rq")


def describe(host: Host, version: str, fault: str = "", **changes: object) -> dict[str, Any]:
    """Return `flask_apps` with the app in one version, and some keys of its processes changed."""
    app = next(copy.deepcopy(app) for app in host.ansible.get_variables()["flask_apps"] if app["name"] == NAME)
    app["env"] |= {"VERSION": version, **({"FAULT": fault} if fault else {})}
    for name, change in changes.items():
        known = app["processes"][name]
        app["processes"][name] = {**({"command": known} if isinstance(known, str) else known), **change}  # type: ignore[dict-item]
    return {"flask_apps": [app]}


def deploy(host: Host, version: str, fault: str = "", **changes: object) -> Play:
    return run_playbook(host, Path("playbooks/deploy.yml"), describe(host, version, fault, **changes))


def current(host: Host) -> str:
    return read_app(host, NAME).current or ""


def ensure_well(host: Host) -> str:
    """See that a good release is live and all its processes work, whatever an earlier test has left, and return its version.

    A release that is described otherwise than by its version alone has a version of another form.
    """
    version = ""
    with suppress(OSError):
        version = http_get(host, SITE).body.strip()
    is_plain = re.fullmatch(r"first|v\d+-\d+", version)
    if not is_plain or read_app(host, NAME).find_untidiness() or set(at_work(host)) != units(current(host)):
        version = new_version()
        deploy(host, version).succeeded()
    return version


def show_units(host: Host, *names: str) -> dict[str, dict[str, str]]:
    """Return what systemd says of the processes of all releases, by unit."""
    wanted = ",".join(("Id", "ActiveState", "MainPID", "NRestarts", *names))
    text = host.check_output(f"systemctl show 'orders.*@*.service' --property={wanted}")
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    return {block.pop("Id"): block for block in blocks if block and ".job@" not in block["Id"]}


def at_work(host: Host) -> dict[str, str]:
    """Return the processes that work, and were not told to end, each with the number of its process."""
    return {unit: state["MainPID"] for unit, state in show_units(host).items() if state["ActiveState"] == "active"}


def units(release: str, names: Sequence[str] = ALL) -> set[str]:
    return {f"{name}@{release}.service" for name in names}


def order(host: Host, queue: str, number: object, seconds: float = 0.1) -> None:
    answer = http_request(host, SITE, "POST", f"/orders/{queue}/{number}?seconds={seconds}")
    assert answer.status == 200, answer


def begin_long(host: Host, number: str) -> str:
    """Have the worker of RQ of the live release at an order that takes until it is told to end, and return its unit."""
    worker = f"orders.rq@{current(host)}.service"
    order(host, "rq", number, UNTIL_TOLD)
    wait_on_host(host, f"systemctl status {worker} | grep -q '{number}'")
    return worker


def tell(host: Host, number: str) -> None:
    """Let an order end."""
    host.check_output(f"touch {SHARED}/{number}")


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


def read_jobs(host: Host, word: str, job: str) -> list[tuple[int, str]]:
    """Return when a job has begun, or ended, and in which version, in the order of the file."""
    lines = [line.split() for line in host.check_output(f"cat {SHARED}/jobs.txt").splitlines()]
    return [(int(at), version) for said, name, at, version in lines if (said, name) == (word, job)]


def tell_status(host: Host, app: str = NAME) -> dict[str, Any]:
    """Return what the command webstack says of an app, and see that its exit status is as it says."""
    ended = host.run(f"webstack {app} --json")
    told: dict[str, Any] = json.loads(ended.stdout)
    assert ended.rc == (0 if told["ok"] else 1)
    return told


def clock(host: Host) -> list[str]:
    return str(host.check_output(f"cat {SHARED}/clock.txt")).splitlines()
