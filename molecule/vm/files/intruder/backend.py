"""A package that tries, while it is built, what only a kernel can refuse: `WAY` says what it does besides looking around.

Run as a program it does nothing but look around, and prints what it has found.
"""

import ctypes
import json
import os
import socket
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

NAME = "intruder-1.0"
WAY = os.environ.get("WAY", "")
HOME = Path(os.environ["HOME"])
NEW_USER_NAMESPACE, TRACE_ME = 0x10000000, 0

libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    if function(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def aside(act, *arguments):
    """Say how an act ends, in a process of its own: what it changes of itself is gone with it."""
    receiver, sender = os.pipe()
    if not os.fork():
        try:
            act(*arguments)
            word = "done"
        except OSError as error:
            word = error.strerror
        os.write(sender, word.encode())
        os._exit(0)
    os.close(sender)
    os.wait()
    return os.read(receiver, 100).decode()


def own_group():
    """The directory of its own control group, which says what it may take."""
    return Path("/sys/fs/cgroup", Path("/proc/self/cgroup").read_text().strip().rpartition(":/")[2])


def give_to_all():
    with tempfile.NamedTemporaryFile(dir=HOME) as mine:
        Path(mine.name).chmod(0o4755)


def look_around():
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "is root in a world of its own": aside(call, libc.unshare, NEW_USER_NAMESPACE),
        "opens the disk": aside(open, "/dev/vda"),
        "opens the kernel's log": aside(open, "/dev/kmsg"),
        "reads a setting of the kernel": aside(open, "/proc/sys/kernel/core_pattern"),
        "asks the kernel for its routes": aside(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0),
        "writes its own limits": aside(open, own_group() / "pids.max", "w"),
        "is traced": aside(call, libc.ptrace, TRACE_ME, 0, 0, 0),
        "leaves a program with its rights": aside(give_to_all),
        "sees the first process": Path("/proc/1").exists(),
        **{key: status[key].strip().lstrip("0") for key in ("NoNewPrivs", "Seccomp", "CapEff", "CapBnd")},
    }


def take_everything():
    """Fork and eat without end, and so does each that is forked."""
    eaten = []
    while True:
        with suppress(OSError, MemoryError):
            os.fork()
            eaten.append(b"x" * (4 << 20))


def build_wheel(wheel_directory, *_arguments, **_settings):
    wheel = f"{NAME}-py3-none-any.whl"
    if WAY == "takes everything":
        take_everything()
    if WAY == "waits":
        (HOME / "waits").write_text(os.environ["MARK"])
        time.sleep(3600)
    found = look_around()
    with zipfile.ZipFile(Path(wheel_directory, wheel), "w") as file:
        file.writestr("intruder.json", json.dumps(found))
        file.writestr(f"{NAME}.dist-info/METADATA", "Metadata-Version: 2.1\nName: intruder\nVersion: 1.0\n")
        file.writestr(f"{NAME}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: intruder\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{NAME}.dist-info/RECORD", "")
    return wheel


if __name__ == "__main__":
    print(json.dumps(look_around()))
