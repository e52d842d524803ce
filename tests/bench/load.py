"""Traffic: load generators on a host of their own, and one client here that sees when another version answers."""

from __future__ import annotations

import http.client
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.process import HarnessError

from bench.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class Traffic:
    """What a load generator has seen. Durations are in milliseconds."""

    rate: float
    """Answers per second."""
    p99: float
    slowest: float
    failed: int


def read_wrk(text: str) -> Traffic:
    """Return what the output of `wrk --latency` says."""
    rate = float(_find(r"Requests/sec:\s+([\d.]+)", text))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    failed = sum(map(int, errors.groups())) if errors else 0
    slowest = _find(r"Latency\s+\S+\s+\S+\s+(\S+)", text)
    return Traffic(rate, _milliseconds(_find(r"99%\s+(\S+)", text)), _milliseconds(slowest), failed + (int(refused[1]) if refused else 0))


def read_hey(text: str) -> Traffic:
    """Return what hey's summary says."""
    answers = {status: int(count) for status, count in re.findall(r"^\s+\[(\d{3})\]\s+(\d+) responses", text, re.MULTILINE)}
    errors = re.findall(r"^\s+\[(\d+)\]\s+(?!\d+ responses)", text.partition("Error distribution:")[2], re.MULTILINE)
    failed = sum(map(int, errors)) + sum(count for status, count in answers.items() if status != "200")
    return Traffic(
        rate=float(_find(r"Requests/sec:\s+([\d.]+)", text)),
        p99=1000 * float(_find(r"99% in ([\d.]+) secs", text)),
        slowest=1000 * float(_find(r"Slowest:\s+([\d.]+) secs", text)),
        failed=failed,
    )


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if not found:
        raise HarnessError(f"the load generator's output has nothing like {pattern!r}:\n{text}")
    return found[1]


def _milliseconds(text: str) -> float:
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[unit]


@dataclass
class Generator:
    """A host that makes traffic for another one of its network."""

    fleet: Fleet

    @classmethod
    def start(cls) -> Generator:
        """Start the host, and install wrk and hey on it."""
        fleet = Fleet.start("load")
        fleet.script("apt-get update -qq\napt-get install -qq --yes --no-install-recommends wrk hey\n")
        return cls(fleet)

    def press(self, url: str, name: str, *, clients: int = 20, seconds: int = 6, headers: Sequence[str] = ()) -> Traffic:
        """Ask as fast as answers come."""
        asked = " ".join(f"-H '{header}'" for header in (f"Host: {name}", *headers))
        return read_wrk(self.fleet.ask(f"wrk --latency -t1 -c{clients} -d{seconds}s --timeout 10s {asked} {url}"))

    def rush(self, url: str, name: str, *, clients: int) -> Traffic:
        """Ask twice with each of many clients that all come at the same moment."""
        return read_hey(self.fleet.ask(f"hey -n {2 * clients} -c {clients} -t 60 -host {name} {url}"))

    def visit(self, url: str, name: str, *, seconds: float, clients: int = 20, each: int = 10) -> Traffic:
        """Ask at a steady rate, each client so many times a second."""
        return read_hey(self.fleet.ask(f"hey -z {seconds:.1f}s -c {clients} -q {each} -host {name} {url}"))


@dataclass
class Sight:
    """What one client has seen of a site: which page came first when, and how many requests failed."""

    first: dict[str, float] = field(default_factory=dict)
    """Page -> when it was first seen, on the clock of `time.monotonic`."""
    asked: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def look_at(port: int, name: str, *, pause: float = 0.03) -> Iterator[Sight]:
    """Keep asking the site ``name`` at a port of 127.0.0.1 for its page, for as long as the block lasts."""
    sight, over = Sight(), threading.Event()

    def look() -> None:
        while not over.wait(pause):
            sight.asked += 1
            try:
                status, page = fetch(port, name)
            except (OSError, http.client.HTTPException) as error:
                sight.failures.append(repr(error))
                continue
            if status == 200:
                sight.first.setdefault(page, time.monotonic())
            else:
                sight.failures.append(str(status))

    client = threading.Thread(target=look)
    client.start()
    try:
        yield sight
    finally:
        over.set()
        client.join()


def fetch(port: int, name: str, path: str = "/") -> tuple[int, str]:
    """Return the status and the page of the site ``name`` at a port of 127.0.0.1."""
    status, body = fetch_bytes(port, name, path)
    return status, body.decode(errors="replace").strip()


def fetch_bytes(port: int, name: str, path: str, *, gzip: bool = False) -> tuple[int, bytes]:
    """Return the status and the body as it was sent, compressed if that is asked for."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        link.request("GET", path, headers={"Host": name, "Connection": "close", "Accept-Encoding": "gzip" if gzip else "identity"})
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


def time_until(sight: Sight, page: str, started: float) -> float:
    """Return the seconds from a start until a page was seen; raise HarnessError if it never was, or if a request failed."""
    if sight.failures:
        raise HarnessError(f"{len(sight.failures)} of {sight.asked} requests failed, such as {sight.failures[0]}")
    if page not in sight.first:
        raise HarnessError(f"the page {page!r} was never seen, only {', '.join(sight.first)}")
    return sight.first[page] - started
