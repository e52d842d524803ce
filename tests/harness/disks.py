"""Disks of virtual machines: made of a container image once, or a Debian cloud image that the user has."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import docker, images, locks, paths, process
from harness.process import HarnessError, say

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE = "8G"
"""Of the disk that a guest sees. What it does not use takes no room here."""

_DISKS = paths.CACHE / "disks"


@dataclass(frozen=True)
class Disk:
    """What a guest starts from. It is never written: each guest writes beside it."""

    file: Path
    shape: str
    """Of the file: ``raw`` or ``qcow2``."""
    kernel: Path | None = None
    """Started by QEMU itself, with `initrd`; a disk without them brings a boot loader."""
    initrd: Path | None = None


def ensure(suite: str, public_key: str) -> Disk:
    """Return the disk of a bare host of this suite which lets the key in; make it when it is not there yet."""
    tag = images.ensure_machine(suite)
    directory = _DISKS / f"{suite}-{images.recipe_digest([tag.encode(), public_key.encode(), SIZE.encode()])}"
    with locks.of_clone(f"disk-{suite}"):
        if not directory.is_dir():
            say(f"Making the disk of a bare Debian {suite} machine (once, half a minute) ...")
            for old in _DISKS.glob(f"{suite}-*"):
                shutil.rmtree(old)
            _make(tag, directory, public_key)
    return Disk(directory / "disk", "raw", directory / "kernel", directory / "initrd")


def _make(tag: str, directory: Path, public_key: str) -> None:
    """Let a container pack its own file system: so nobody has to be root here."""
    _DISKS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_DISKS, prefix=".making-") as scratch:
        packed = Path(scratch, "packed")
        packed.mkdir()
        docker.call(
            *("run", "--rm", "--interactive", "--network=none", "--volume", f"{packed}:/media"),
            *("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
            *(tag, "/pack.sh", SIZE, f"{os.getuid()}:{os.getgid()}"),
            feed=public_key,
        )
        packed.rename(directory)


def own(image: str) -> Disk:
    """Return the disk that is a cloud image of the user's."""
    file = Path(image).expanduser().resolve()
    if not file.is_file():
        raise HarnessError(f"There is no file {file}; name a Debian cloud image, such as debian-13-genericcloud-amd64.qcow2.")
    return Disk(file, json.loads(process.output(["qemu-img", "info", "--output=json", str(file)]))["format"])


def write_seed(directory: Path, host_name: str, user: str, public_key: str, certificates: Sequence[str]) -> None:
    """Write what cloud-init in a cloud image reads: who may log in, and which certificates count.

    Its documentation calls the place "NoCloud": a file system with the label ``cidata``, which QEMU makes of this directory.
    """
    directory.mkdir(parents=True, exist_ok=True)
    person = {"name": user, "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL", "ssh_authorized_keys": [public_key.strip()]}
    wanted = {"users": [person], **({"ca_certs": {"trusted": list(certificates)}} if certificates else {})}
    (directory / "user-data").write_text("#cloud-config\n" + json.dumps(wanted, indent=1) + "\n", encoding="utf-8")  # JSON is YAML too
    (directory / "meta-data").write_text(json.dumps({"instance-id": host_name, "local-hostname": host_name}) + "\n", encoding="utf-8")
