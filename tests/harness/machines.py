"""Virtual machines under QEMU, each with its state in a directory of its own; started, rebooted, cut off, and removed."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness import accelerator, disks, images, paths, process, system
from harness.process import CommandError, HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.disks import Disk

_DIRECTORY = paths.CACHE / "machines"
_READY_DEADLINE = 240  # seconds; without KVM, on a busy machine
_END_DEADLINE = 10  # seconds
_LOGIN_TIMEOUT = 60  # seconds; QEMU takes a connection at once, whether or not the guest has time for it


@dataclass(frozen=True)
class Shape:
    """What a virtual machine is like."""

    memory: int = 1024
    """MiB."""
    cpus: int = 1
    image: str = ""
    """A Debian cloud image to use in the place of a disk made here."""


@dataclass(frozen=True)
class Guest:
    """A virtual machine, whether it runs or not."""

    name: str
    group: str
    host_name: str
    user: str
    ports: dict[str, int]
    """Port on the guest -> port on 127.0.0.1."""
    identity_file: str
    shape: Shape = field(default_factory=Shape)

    @property
    def directory(self) -> Path:
        """Where its disk, its console and its process number are."""
        return _DIRECTORY / self.name

    @property
    def pid_file(self) -> Path:
        """Written by QEMU."""
        return self.directory / "pid"


def require_programs() -> None:
    """See that machines can run here: install what is missing, or raise HarnessError with what would help."""
    if platform.machine() != "x86_64":
        raise HarnessError(f"Virtual machines are for x86-64 alone, and this machine is {platform.machine()}; containers work here.")
    needed = {accelerator.QEMU: "qemu-system-x86", "qemu-img": "qemu-utils", "ssh": "openssh-client"}
    system.install(
        lambda: [package for program, package in needed.items() if not shutil.which(program)],
        "virtual machines run in QEMU, and are reached over SSH",
    )


def start(guest: Guest, suite: str) -> None:
    """Make the machine and switch it on; it cannot be reached yet. What runs machines is there: see `require_programs`."""
    remove(guest.name)
    public_key = Path(f"{guest.identity_file}.pub").read_text(encoding="ascii")
    disk = disks.own(guest.shape.image) if guest.shape.image else disks.ensure(suite, public_key)
    guest.directory.mkdir(parents=True)
    (guest.directory / "guest.json").write_text(json.dumps(asdict(guest), indent=2) + "\n", encoding="utf-8")
    if disk.kernel is None:
        trusted = [file.read_text(encoding="ascii") for file in images.certificates()]
        disks.write_seed(guest.directory / "seed", guest.host_name, guest.user, public_key, trusted)
    overlay = ("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(disk.file), "-F", disk.shape)
    process.output([*overlay, str(guest.directory / "disk"), disks.SIZE])
    command = arguments(guest, disk, accelerator.choose(disk.kernel))
    (guest.directory / "command.json").write_text(json.dumps(command), encoding="utf-8")
    switch_on(guest.name)


def arguments(guest: Guest, disk: Disk, accelerated: Sequence[str]) -> list[str]:
    """Return QEMU's command line."""
    directory, shape = guest.directory, guest.shape
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{outside}-:{inside}" for inside, outside in guest.ports.items())
    # Nobody attacks here. Where QEMU translates, what a kernel does against attacks on processors costs a fourth of the time; and of a
    # program whose place in memory is drawn by lot QEMU translates everything anew each time that it starts.
    booted = f"root=/dev/vda ro console=ttyS0 mitigations=off norandmaps systemd.hostname={guest.host_name}"
    by_kernel = ("-kernel", str(disk.kernel), "-initrd", str(disk.initrd), "-append", booted)
    by_loader = ("-drive", f"file.driver=vvfat,file.dir={directory / 'seed'},file.label=cidata,format=raw,if=virtio,readonly=on")
    return [
        *(accelerator.QEMU, "-name", guest.name, *accelerated, "-smp", str(shape.cpus), "-m", str(shape.memory)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-daemonize", "-pidfile", str(guest.pid_file)),
        *("-serial", f"file:{directory / 'console.log'}", "-device", "virtio-rng-pci"),
        *("-drive", f"file={directory / 'disk'},format=qcow2,if=virtio,discard=unmap"),
        *(by_kernel if disk.kernel else by_loader),
        *("-netdev", f"user,id=net{forwards}", "-device", "virtio-net-pci,netdev=net,romfile="),
    ]


def switch_on(name: str) -> None:
    """Start the machine's process."""
    process.output(json.loads((_DIRECTORY / name / "command.json").read_text(encoding="utf-8")))


def wait_until_ready(name: str, *, former_boot: str = "") -> str:
    """Wait until the guest has started all there is to start, in another boot than the former one; return what systemd says of it."""
    guest = load(name)
    deadline = time.monotonic() + _READY_DEADLINE
    words = ""
    while time.monotonic() < deadline:
        if not is_on(guest):
            raise HarnessError(f"{name} went off while it booted; its last words were:\n{last_words(guest)}")
        with suppress(CommandError):
            # systemctl fails for every state but "running"; the state itself is looked at here.
            look = "cat /proc/sys/kernel/random/boot_id; systemctl is-system-running --wait || true"
            words = call(guest, look, timeout=_READY_DEADLINE, connect_timeout=5)
            boot, _end, state = words.strip().partition("\n")
            if boot != former_boot and state in ("running", "degraded"):
                return state
        time.sleep(0.5)
    raise HarnessError(f"{name} has not booted after {_READY_DEADLINE} s {words}; its last words were:\n{last_words(guest)}")


def restart(name: str) -> None:
    """Reboot the guest in an orderly way, and wait until it is there again."""
    guest = load(name)
    former = call(guest, "cat /proc/sys/kernel/random/boot_id").strip()
    with suppress(CommandError):  # the connection may end before its answer is here
        call(guest, "sudo systemctl reboot", timeout=_READY_DEADLINE)
    wait_until_ready(name, former_boot=former)


def cut_power(name: str) -> None:
    """End the machine at once: what it has not written to its disk is lost."""
    guest = load(name)
    pid = _pid(guest)
    if pid is None:
        return
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _END_DEADLINE
    while is_on(guest) or _count_threads(pid) > 1:  # which may hold the disk and the ports for longer than it has a command line
        if time.monotonic() > deadline:
            raise HarnessError(f"The process {pid} of {name} does not end.")
        time.sleep(0.05)


def call(guest: Guest, command: str, *, timeout: float = 120, connect_timeout: int = _LOGIN_TIMEOUT) -> str:
    """Run a shell command in the guest as its first user, who is to be let in within `connect_timeout` seconds."""
    options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes", "ServerAliveInterval=10")
    words = [word for option in (*options, f"ConnectTimeout={connect_timeout}") for word in ("-o", option)]
    place = ("-p", str(guest.ports["22"]), f"{guest.user}@127.0.0.1")
    return process.output(["ssh", "-F", "none", "-i", guest.identity_file, *words, *place, command], timeout=timeout)


def exists(name: str) -> bool:
    """Return whether there is a machine of this name."""
    return (_DIRECTORY / name / "guest.json").exists()


def load(name: str) -> Guest:
    """Return a machine by its name."""
    data = json.loads((_DIRECTORY / name / "guest.json").read_text(encoding="utf-8"))
    return Guest(**{**data, "shape": Shape(**data["shape"])})


def list_all() -> Iterator[tuple[Guest, str]]:
    """Return every machine of this clone with its state in a word."""
    for file in sorted(_DIRECTORY.glob("*/guest.json")):
        guest = load(file.parent.name)
        yield guest, "on" if is_on(guest) else "off"


def remove(name: str) -> None:
    """End the machine and delete all of it. That there is none is fine."""
    if exists(name):
        cut_power(name)
    shutil.rmtree(_DIRECTORY / name, ignore_errors=True)


def remove_group(group: str) -> None:
    """Remove all machines of a group."""
    for guest, _state in list_all():
        if guest.group == group:
            remove(guest.name)


def is_on(guest: Guest) -> bool:
    """Return whether the machine's process runs."""
    return _pid(guest) is not None


def last_words(guest: Guest) -> str:
    """Return the end of what the guest has written to its console."""
    with suppress(OSError):
        return "\n".join((guest.directory / "console.log").read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
    return "(none)"


def _pid(guest: Guest) -> int | None:
    """Return the number of the machine's process, and of no other that has got the same number since."""
    try:
        pid = int(guest.pid_file.read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return None
    return pid if str(guest.pid_file) in command else None


def _count_threads(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except FileNotFoundError:
        return 0
