"""Traffic for an app while something happens to it: a crowd of clients that is counted, and a few that are watched closely."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scenario_tests.hosts import inventory_name, published_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from testinfra.host import Host

VERSION_HEADER = "X-Version"
"""By it the app of tests/apps/faulty says which release an answer comes from."""

_TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Sample:
    """One request of a watched client, and what came of it."""

    sent: float
    """On the clock of `time.monotonic`, as `received` is."""
    received: float
    what: str
    status: int
    version: str
    error: str = ""

    @property
    def failed(self) -> bool:
        """Whether a user would have been let down."""
        return bool(self.error) or self.status != 200


@dataclass
class Watch:
    """What the watched clients have seen."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def failures(self) -> list[Sample]:
        """The requests that went wrong."""
        return [sample for sample in self.samples if sample.failed]

    @property
    def versions(self) -> list[str]:
        """The releases that answered, in the order in which each was first seen; one seen again after another is listed again.

        Two releases answer side by side while one is being left: a request counts as an answer of the old one only
        if it was sent after the new one had answered.
        """
        seen: list[str] = []
        newest = 0.0
        for sample in sorted((one for one in self.samples if not one.failed), key=lambda one: one.received):
            if not seen or (sample.version != seen[-1] and sample.sent > newest):
                seen.append(sample.version)
                newest = sample.received
        return seen


@contextmanager
def watch(host: Host, name: str, *, pause: float = 0.1) -> Iterator[Watch]:
    """Keep asking the site ``name`` for as long as the block lasts: GET and POST, with keep-alive and without."""
    seen, over = Watch(), threading.Event()
    port = published_port(host, 80)
    kinds = itertools.product(("GET", "POST"), ("keep-alive", "close"))
    clients = [threading.Thread(target=_ask_on, args=(port, name, *kind, pause, seen.samples, over)) for kind in kinds]
    for client in clients:
        client.start()
    try:
        yield seen
    finally:
        over.set()
        for client in clients:
            client.join()


def _ask_on(port: int, name: str, method: str, connection: str, pause: float, samples: list[Sample], over: threading.Event) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    what = f"{method}, {connection}"
    for number in itertools.count():
        body = f"{what} {number}\n"
        headers = {"Host": name, "Connection": connection}
        sent = time.monotonic()
        try:
            link.request(method, "/echo" if method == "POST" else "/", body=body if method == "POST" else None, headers=headers)
            answer = link.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            samples.append(Sample(sent, time.monotonic(), what, 0, "", repr(error)))
            link.close()
        else:
            wrong = answer.status == 200 and method == "POST" and text != body
            trouble = f"echoed {text!r} for {body!r}" if wrong else ""
            samples.append(Sample(sent, time.monotonic(), what, answer.status, answer.headers.get(VERSION_HEADER, ""), trouble))
        if over.wait(pause):
            link.close()
            return


@dataclass(frozen=True)
class Count:
    """What `hey` has counted."""

    statuses: Counter[int]
    errors: Counter[str]
    slowest: float

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return self.statuses.total() + self.errors.total()

    @property
    def failed(self) -> int:
        """How many of them were not answered with 200."""
        return self.requests - self.statuses[200]

    def __str__(self) -> str:
        """Return it in a line."""
        return f"{self.failed} of {self.requests} failed, slowest {self.slowest:.2f} s {dict(self.statuses)} {dict(self.errors)}"


@dataclass
class Crowd:
    """Clients whose requests are counted; the counts are there when the block has ended."""

    counts: dict[str, Count] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return sum(count.requests for count in self.counts.values())

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(count.failed for count in self.counts.values())

    def __str__(self) -> str:
        """Return a line for each kind of client."""
        return "\n".join(f"{kind}: {count}" for kind, count in self.counts.items())


@contextmanager
def crowd(target: Host, name: str, *, clients: int = 4, rate: int = 10, source: str = "load", scheme: str = "http") -> Iterator[Crowd]:
    """Let `hey` ask the site ``name`` from the host ``source`` for as long as the block lasts.

    There are four kinds of clients, as for ``watch``, ``clients`` of each kind, and each of them makes ``rate`` requests
    a second. What is read is hey's summary: its CSV leaves out requests that got no answer at all.
    """
    load = target.get_host(f"ansible://{source}", ansible_inventory=target.backend.ansible_inventory, sudo=True)
    counted = Crowd()
    kinds = {
        "GET, keep-alive": ("/", []),
        "GET, close": ("/", ["-disable-keepalive"]),
        "POST, keep-alive": ("/echo", ["-m", "POST", "-d", "x" * 2000]),
        "POST, close": ("/echo", ["-m", "POST", "-d", "x" * 2000, "-disable-keepalive"]),
    }

    def count(kind: str, place: str, path: str, options: Sequence[str]) -> None:
        hey = ["hey", "-z", "600s", "-c", str(clients), "-q", str(rate), "-host", name, *options]
        url = f"{scheme}://{inventory_name(target)}{path}"
        ended = load.run("echo $$ > %s; exec " + " ".join(["%s"] * (len(hey) + 1)), place, *hey, url)
        counted.counts[kind] = read_summary(ended.stdout)

    places = [f"/run/hey-{number}" for number in range(len(kinds))]
    load.check_output(f"rm -f {' '.join(places)}")
    runs = [threading.Thread(target=count, args=(kind, place, *how)) for place, (kind, how) in zip(places, kinds.items(), strict=True)]
    for run in runs:
        run.start()
    try:
        _wait_for(lambda: load.run(f"cat {' '.join(places)}").succeeded)
        time.sleep(1)
        yield counted
    finally:
        # On SIGINT hey lets requests in flight end, and then counts.
        load.run(f"kill -INT $(cat {' '.join(places)})")
        for run in runs:
            run.join()


def read_summary(text: str) -> Count:
    """Return what hey's summary says."""
    statuses = {int(status): int(number) for status, number in re.findall(r"^\s+\[(\d{3})\]\s+(\d+) responses", text, re.MULTILINE)}
    distribution = text.partition("Error distribution:")[2]
    errors = {error: int(number) for number, error in re.findall(r"^\s+\[(\d+)\]\s+(.*)$", distribution, re.MULTILINE)}
    slowest = re.search(r"Slowest:\s+([\d.]+) secs", text)
    assert statuses or errors, f"hey has counted nothing: {text}"
    return Count(Counter(statuses), Counter(errors), float(slowest[1]) if slowest else 0.0)


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "the load does not start"
        time.sleep(0.1)


def show(samples: Sequence[Sample]) -> str:
    """Return some samples to read in a failed test."""
    return json.dumps([vars(sample) for sample in samples[:10]], indent=1)
