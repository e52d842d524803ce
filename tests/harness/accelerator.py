"""How QEMU runs a guest: in KVM where that works, else by translating its instructions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import locks, paths, process
from harness.process import say

QEMU = "qemu-system-x86_64"
KVM = ("-accel", "kvm", "-cpu", "host")
TRANSLATION = ("-accel", "tcg,thread=multi,tb-size=256", "-cpu", "Nehalem")
"""An old processor: programs choose wide registers where a newer one is said to have them, and each of those is made of many steps here."""

_TIMEOUT = 15  # seconds
_DEVICE = Path("/dev/kvm")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_FOUND = paths.CACHE / "accelerator"


def choose(kernel: Path | None) -> tuple[str, ...]:
    """Return QEMU's options; whether KVM works is found out once after each boot of this machine.

    Without a kernel to try it with it counts as not working, unless it is known that it does.
    """
    with locks.of_clone("accelerator"):  # machines that start at once find it out once
        return _choose(kernel)


def _choose(kernel: Path | None) -> tuple[str, ...]:
    boot = _BOOT.read_text(encoding="ascii").strip()
    known = _FOUND.read_text(encoding="ascii").split() if _FOUND.exists() else []
    if known[:1] == [boot]:
        return KVM if known[1:] == ["kvm"] else TRANSLATION
    if kernel is None or not _DEVICE.exists():
        return TRANSLATION
    works = can_run(kernel)
    if not works:
        say("KVM does not run a kernel here, so QEMU translates: virtual machines are slower, and nothing else.")
    _FOUND.write_text(f"{boot} {'kvm' if works else 'translation'}\n", encoding="ascii")
    return KVM if works else TRANSLATION


def can_run(kernel: Path) -> bool:
    """Let a kernel run until it finds that it has no disk, and ends. That /dev/kvm is there proves nothing: a guest may hang in it."""
    with tempfile.TemporaryDirectory() as folder:
        console = Path(folder, "console")
        trial = [
            *(QEMU, *KVM, "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-kernel", str(kernel), "-append", "console=ttyS0 panic=-1", "-serial", f"file:{console}"),
        ]
        return process.succeeds(trial, timeout=_TIMEOUT) and "Linux version" in console.read_text(errors="replace")
