"""Acting on the hosts of a scenario from outside, as its users do."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import hosts, machines
from harness.scenario import EVERY_DEBIAN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testinfra.backend.base import CommandResult
    from testinfra.host import Host


LONG = 600
"""Seconds to wait for what comes in any case: a virtual machine without KVM may need them."""


def one_of(first: str, *others: str) -> list[str]:
    """Return the hosts on which to run tests for which the Debian does not matter: the first, or with ``./dev test --all`` each."""
    return [first, *others] if EVERY_DEBIAN in os.environ else [first]


@dataclass(frozen=True)
class Answer:
    """What a web server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: str


def http_get(host: Host, name: str, path: str = "/", *, port: int = 80, timeout: float = 60) -> Answer:
    """Ask for a page of the site ``name`` over the published port, as a browser elsewhere would."""
    return http_request(host, name, "GET", path, port=port, timeout=timeout)


def http_request(
    host: Host,
    name: str,
    method: str,
    path: str,
    *,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    port: int = 80,
    timeout: float = 60,
) -> Answer:
    """Send one request for the site ``name`` on a connection of its own, and wait so many seconds; redirects are not followed."""
    link = http.client.HTTPConnection("127.0.0.1", published_port(host, port), timeout=timeout)
    try:
        link.request(method, path, body=body, headers={"Host": name, **(headers or {})})
        answer = link.getresponse()
        return Answer(
            status=answer.status,
            headers={key.lower(): value for key, value in answer.getheaders()},
            body=answer.read().decode(errors="replace"),
        )
    finally:
        link.close()


def as_user(host: Host, user: str, command: str) -> CommandResult:
    """Run a shell command on the host as another local user."""
    return host.run(f"runuser -u {shlex.quote(user)} -- sh -c {shlex.quote(command)}")


def published_port(host: Host, port: int) -> int:
    """Return the port of 127.0.0.1 that leads to ``port`` of the host."""
    return int(_instance(host)["ports"][str(port)])


def restart(host: Host) -> None:
    """Reboot the host, and wait until systemd has started all there is to start and sshd answers."""
    instance = _instance(host)
    hosts.restart(str(instance["container"]), int(instance["port"]))


def wait_on_host(host: Host, condition: str, then: str = "true", *, pause: float = 0.02) -> str:
    """Wait, on the host itself, until a shell condition holds; run a command at once, and return what it prints.

    To look takes a virtual machine without KVM longer than a longer pause does, and slows down what is waited for.
    """
    script = f"until {condition}; do sleep {pause}; done; {then}"
    return str(host.check_output(f"timeout {LONG} sh -c %s", script))


def inventory_name(host: Host) -> str:
    """Return the name that the inventory has for the host."""
    return str(host.backend.get_hostname())


def cut_power(host: Host) -> None:
    """Cut the power of a virtual machine, switch it on again, and wait until it is there."""
    name = str(_instance(host)["container"])
    machines.cut_power(name)
    machines.switch_on(name)
    machines.wait_until_ready(name)


@contextmanager
def other_clock(host: Host) -> Iterator[None]:
    """Set the clock of a virtual machine right again, whatever it was set to in the block."""
    try:
        yield
    finally:
        host.check_output("date --set %s", f"@{time.time():.0f}")


def _instance(host: Host) -> dict[str, Any]:
    return read_instance(inventory_name(host))


def read_instance(name: str) -> dict[str, Any]:
    """Return what the harness wrote down when it started the host."""
    entries: list[dict[str, Any]] = json.loads(Path(os.environ["MOLECULE_INSTANCE_CONFIG"]).read_text(encoding="utf-8"))
    return next(entry for entry in entries if entry["instance"] == name)


def take_fingerprint(host: Host) -> str:
    """Return a digest of the names, times and sizes of what a deploy would change."""
    places = (
        "/etc /var/www /var/cache/webstack-flask /var/tmp /var/lib/dpkg/status -not -path /var/tmp -not -path '/var/tmp/systemd-private-*'"
    )
    return str(host.check_output(f"find {places} -printf '%p %T@ %s\\n' 2>/dev/null | sort | sha256sum"))
