"""Disposable Debian hosts with systemd and sshd, reached over SSH as an ordinary user reaches a server.

They are containers, or virtual machines where somebody asks for one: see machines.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import socket
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from harness import cgroups, docker, images, locks, machines, paths, process, system
from harness.process import CommandError, HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USER = "admin"
LABEL = "webstack.flask.clone"
"""Label of all containers and networks; its value is the clone that made them."""

KEY = paths.CACHE / "ssh" / "id_ed25519"
_READY_DEADLINE = 90  # seconds
_PORT_ATTEMPTS = 5
_PORT_RANGE = range(20000, 32000)


@dataclass(frozen=True)
class Wanted:
    """A host to start."""

    group: str
    """What it belongs to: a molecule scenario, or ``demo``. Hosts of a group share a network."""
    name: str
    """Its host name, by which the others of the group find it."""
    suite: str
    """Debian suite, such as ``trixie``."""
    ports: tuple[int, ...] = (80,)
    """What to publish on 127.0.0.1 beside SSH."""
    machine: machines.Shape | None = None
    """What the virtual machine is like; without it the host is a container. Machines do not find each other by name."""


@dataclass(frozen=True)
class Host:
    """A host that runs."""

    name: str
    container: str
    """Name of the container, or of the virtual machine."""
    address: str
    port: int
    user: str
    identity_file: str
    ports: dict[str, int]
    """Port on the host -> port on 127.0.0.1. Both stay the same when the host restarts."""


def start_all(wanted: Sequence[Wanted]) -> list[Host]:
    """Start hosts at the same time; when one fails, remove them all."""
    containers = [one for one in wanted if one.machine is None]
    for suite in dict.fromkeys(one.suite for one in containers):
        images.ensure(suite)
    _ensure_key()
    if len(containers) < len(wanted):
        machines.require_programs()
    for group in dict.fromkeys(one.group for one in containers):
        _ensure_network(group)
    try:
        with ThreadPoolExecutor(len(wanted) or 1) as pool:
            return list(pool.map(start, wanted))
    except BaseException:
        for group in dict.fromkeys(one.group for one in wanted):
            stop_group(group)
        raise


def start(wanted: Wanted) -> Host:
    """Start one host in the place of an earlier one of the same name, and wait until systemd and sshd are up."""
    container = container_name(wanted.group, wanted.name)
    ports = _start_container(wanted, container) if wanted.machine is None else _start_machine(wanted, wanted.machine, container)
    return Host(
        name=wanted.name,
        container=container,
        address="127.0.0.1",
        port=ports["22"],
        user=USER,
        identity_file=str(KEY),
        ports=ports,
    )


def _start_container(wanted: Wanted, container: str) -> dict[str, int]:
    """Return the published ports."""
    _remove(container)
    ports = _create(wanted, container)
    if _wait_for_systemd(container) == "degraded":
        failed = docker.call("exec", container, "systemctl", "list-units", "--failed", "--plain", "--no-legend")
        raise HarnessError(f"{container} booted, but with failed units:\n{failed.strip()}")
    _wait_for_ssh(ports["22"], container)
    return ports


def _start_machine(wanted: Wanted, shape: machines.Shape, name: str) -> dict[str, int]:
    """Return the published ports."""
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        ports = dict(zip(("22", *map(str, wanted.ports)), free_ports(1 + len(wanted.ports)), strict=True))
        guest = machines.Guest(name, wanted.group, wanted.name, USER, ports, str(KEY), shape)
        try:
            machines.start(guest, wanted.suite)
            break
        except CommandError as error:
            machines.remove(name)
            if "Could not set up host forwarding rule" not in error.output or attempt == _PORT_ATTEMPTS:
                raise
    if machines.wait_until_ready(name) == "degraded":
        failed = machines.call(guest, "systemctl list-units --failed --plain --no-legend")
        raise HarnessError(f"{name} booted, but with failed units:\n{failed.strip()}")
    return ports


def restart(container: str, ssh_port: int) -> None:
    """Reboot a host, and wait until it can be reached again. Units may fail: whoever asked looks at that."""
    if machines.exists(container):
        machines.restart(container)
        return
    docker.call("restart", container)
    _wait_for_systemd(container)
    _wait_for_ssh(ssh_port, container)


def stop_group(group: str) -> None:
    """Remove all hosts of a group, and their network. None being there is fine."""
    machines.remove_group(group)
    here = f"label={LABEL}={paths.ROOT}"
    for container in docker.call("ps", "-aq", "-f", here, "-f", f"label={LABEL}.group={group}").split():
        _remove(container)
    for network in docker.call("network", "ls", "-q", "-f", here, "-f", f"label={LABEL}.group={group}").split():
        docker.call("network", "rm", network)


def list_all() -> list[tuple[str, str, str]]:
    """Return (group, container, status) of every host that this clone started and that is still there."""
    shape = f'{{{{.Label "{LABEL}.group"}}}}\t{{{{.Names}}}}\t{{{{.Status}}}}'
    lines = docker.call("ps", "-a", "-f", f"label={LABEL}={paths.ROOT}", "--format", shape).splitlines()
    listed = [(guest.group, guest.name, f"virtual machine, {state}") for guest, state in machines.list_all()]
    for line in lines:
        group, name, status = line.split("\t")
        listed.append((group, name, status))
    return sorted(listed)


def stop_everything() -> None:
    """Remove every host and network of this clone, and of no other."""
    networks = docker.call("network", "ls", "-f", f"label={LABEL}={paths.ROOT}", "--format", f'{{{{.Label "{LABEL}.group"}}}}')
    for group in {*networks.split(), *(entry[0] for entry in list_all())}:
        stop_group(group)


def container_name(group: str, name: str) -> str:
    """Return a container's name: one that tells what it is, and that two clones on one machine do not share."""
    clone = hashlib.sha256(str(paths.ROOT).encode()).hexdigest()[:4]
    return f"flask-{group}-{name}-{clone}"


def save(hosts: Sequence[Host], file: Path) -> None:
    """Write hosts down as JSON, for tests and later commands."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(host) for host in hosts], indent=2) + "\n", encoding="utf-8")


def load(file: Path) -> list[Host]:
    """Read what ``save`` wrote."""
    return [Host(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]


def _create(wanted: Wanted, container: str) -> dict[str, int]:
    """Create and start the container; return its published ports."""
    for attempt in range(1, _PORT_ATTEMPTS + 1):
        ports = dict(zip(("22", *map(str, wanted.ports)), free_ports(1 + len(wanted.ports)), strict=True))
        docker.call(*_create_arguments(wanted, container, ports))
        try:
            docker.call("cp", "-", f"{container}:/", feed=_authorized_keys())
            docker.call("start", container)
        except CommandError as error:
            _remove(container)
            taken = "already allocated" in error.output or "address already in use" in error.output
            if not taken or attempt == _PORT_ATTEMPTS:
                raise
        else:
            return ports
    raise AssertionError  # the last attempt returns or raises


def _create_arguments(wanted: Wanted, container: str, ports: dict[str, int]) -> list[str]:
    """Return what boots systemd in a container without --privileged."""
    return [
        "create",
        *("--name", container),
        *("--hostname", wanted.name),
        *("--label", f"{LABEL}={paths.ROOT}"),
        *("--label", f"{LABEL}.group={wanted.group}"),
        *("--network", _network_name(wanted.group)),
        *("--network-alias", wanted.name),
        *(f"--publish=127.0.0.1:{outside}:{inside}" for inside, outside in ports.items()),
        *("--cap-add", "SYS_ADMIN"),
        *("--security-opt", "seccomp=unconfined"),
        *("--security-opt", "apparmor=unconfined"),
        *("--cgroupns", "host"),
        *("--volume", f"{cgroups.source_for(wanted.suite)}:/sys/fs/cgroup:rw"),
        *("--tmpfs", "/run"),
        *("--tmpfs", "/run/lock"),
        images.ensure(wanted.suite),
    ]


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens at this moment.

    They come from below the range that the kernel hands to outgoing connections, so that they are still free when a
    host restarts and takes them again.
    """
    found: list[int] = []
    for port in random.sample(_PORT_RANGE, len(_PORT_RANGE)):
        if len(found) == count:
            break
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
    return found


def _authorized_keys() -> bytes:
    """Return a tar archive that lets our key in, with the ownership that sshd insists on."""
    content = KEY.with_suffix(".pub").read_bytes()
    entry = tarfile.TarInfo(f"home/{USER}/.ssh/authorized_keys")
    entry.size, entry.mode, entry.uid, entry.gid = len(content), 0o600, 1000, 1000
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def _wait_for_systemd(container: str) -> str:
    """Wait until systemd has started all that it is to start; return ``running`` or ``degraded``."""
    deadline = time.monotonic() + _READY_DEADLINE
    state = ""
    while time.monotonic() < deadline:
        try:
            state = docker.call("exec", container, "systemctl", "is-system-running").strip()
        except CommandError as error:
            state = error.output.strip()
        if state in ("running", "degraded"):
            return state
        if "is not running" in state:
            words = docker.call("logs", "--tail=20", container)
            raise HarnessError(f"{container} ended while it booted; its last words were:\n{words.strip()}")
        time.sleep(0.2)
    raise HarnessError(f"{container} has not booted after {_READY_DEADLINE} s; systemd says: {state}")


def _wait_for_ssh(port: int, container: str) -> None:
    deadline = time.monotonic() + _READY_DEADLINE
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
                if link.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise HarnessError(f"sshd of {container} does not answer at 127.0.0.1:{port}.")


def _ensure_key() -> None:
    with locks.of_clone("key"):
        if KEY.exists():
            return
        system.require("ssh-keygen", ["openssh-client"], "hosts are reached over SSH")
        KEY.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        process.output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "webstack.flask test hosts", "-f", str(KEY)])


def _network_name(group: str) -> str:
    return container_name(group, "net")


def _ensure_network(group: str) -> None:
    name = _network_name(group)
    if process.succeeds([*docker.command(), "network", "inspect", name]):
        return
    docker.call(
        "network",
        "create",
        *("--label", f"{LABEL}={paths.ROOT}"),
        *("--label", f"{LABEL}.group={group}"),
        name,
    )


def _remove(container: str) -> None:
    process.succeeds([*docker.command(), "rm", "--force", "--volumes", container])
