"""What serving costs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bench.figures import AT_LEAST, Pairs, Question, Row, alternate
from bench.place import NAME, PORT_ALONE, SITE, Bench, Served, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.load import Traffic

_SECONDS = 6
_VISIT = 9
"""Seconds of steady traffic, within which one deploy fits."""

_WARM = """
import sys, urllib.request
question = urllib.request.Request(sys.argv[1], headers={"Host": sys.argv[2]})
try:
    for number in range(200):
        status = urllib.request.urlopen(question, timeout=5).status
    print(status)
except OSError as error:
    print(error)
"""
"""Makes every worker answer a few times, and prints the last status."""


def throughput(bench: Bench) -> list[Row]:
    """Ask through nginx as fast as answers come, beside gunicorn alone on the same cores."""
    served, generator = bench.served, bench.generator
    served.start_alone()
    served.fleet.forget_closed_connections()
    generator.fleet.forget_closed_connections()
    found: dict[str, list[Traffic]] = {"served:80": [], f"served:{PORT_ALONE}": []}

    def press(target: str) -> float:
        found[target].append(generator.press(f"http://{target}/", SITE, seconds=_SECONDS))
        return found[target][-1].rate

    rates = alternate(bench.rounds(6), lambda: press("served:80"), lambda: press(f"served:{PORT_ALONE}"))
    served.fleet.ask("systemctl stop alone.service")
    failed = sum(traffic.failed for traffic in found["served:80"])
    late = Pairs([traffic.p99 for traffic in found["served:80"]], [traffic.p99 for traffic in found[f"served:{PORT_ALONE}"]])
    return [
        Question("serving", "requests per second through nginx", "gunicorn alone", 0.8, AT_LEAST, "requests/s").answer(
            rates, note=f"{failed} requests failed"
        ),
        Question("serving", "p99 through nginx under that load", "gunicorn alone", 1.25, unit="ms").answer(late),
    ]


def switch(bench: Bench) -> list[Row]:
    """Visit steadily while a release is switched, beside the same visits at rest."""
    served, generator = bench.served, bench.generator
    found: dict[bool, list[Traffic]] = {True: [], False: []}

    def visit(action: Callable[[], object] | None) -> float:
        worker = threading.Timer(1, action) if action else None
        if worker:
            worker.start()
        traffic = generator.visit("http://served:80/", SITE, seconds=_VISIT)
        if worker:
            worker.join()
        found[action is not None].append(traffic)
        return traffic.p99

    def deploy() -> None:
        served.change_variable()
        served.play("deploy")

    served.fleet.aside = True
    late = alternate(bench.rounds(5), lambda: visit(deploy), lambda: visit(None))
    served.fleet.aside = False
    slowest = Pairs([traffic.slowest for traffic in found[True]], [traffic.slowest for traffic in found[False]])
    failed = sum(traffic.failed for traffic in found[True])
    return [
        Question("switch", "p99 while a release is switched, 200 requests/s", "the same load at rest", 2, unit="ms").answer(
            late, note=f"{failed} requests failed"
        ),
        Question("switch", "slowest request while a release is switched", "the same load at rest", None, unit="ms").answer(slowest),
    ]


def memory(bench: Bench) -> list[Row]:
    """Weigh the app at rest, beside a hand-written unit with the same workers."""
    served = bench.served
    served.start_alone()
    ours = f"{NAME}@$(basename $(readlink /var/www/{NAME}/current)).service"
    port = served.port

    def weigh(unit: str, other: str, url: str) -> float:
        served.fleet.ask(f"systemctl stop {other}; systemctl restart {unit}")
        wait_until(lambda: "200" in served.fleet.ssh(f"python3 - {url} {SITE}", feed=_WARM).output, f"{unit} answers")
        return weigh_unit(served, unit)

    rows = alternate(
        bench.rounds(3),
        lambda: weigh(ours, "alone.service", "http://127.0.0.1/"),
        lambda: weigh("alone.service", ours, f"http://127.0.0.1:{PORT_ALONE}/"),
    )
    served.fleet.ask(f"systemctl stop alone.service; systemctl start {ours}")
    wait_until(lambda: bool(served.page), f"port {port} answers")
    return [Question("memory", "memory of an app at rest", "a hand-written unit with the same workers", 1.1, unit="MB").answer(rows)]


def weigh_unit(served: Served, unit: str) -> float:
    """Return the memory of a unit's processes in MB; what they share is counted once (PSS)."""
    main = served.fleet.ask(f"systemctl show --value -p MainPID {unit}")
    sizes = served.fleet.ask(f"cat $(for p in {main} $(pgrep -P {main}); do echo /proc/$p/smaps_rollup; done) | awk '/^Pss:/ {{print $2}}'")
    return sum(map(int, sizes.split())) / 1024
