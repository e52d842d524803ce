"""A package that does, while it is built, what a hostile one would: it looks around, leaves processes and files, and hands files on."""

import array
import os
import socket
import time
import zipfile
from contextlib import suppress
from pathlib import Path

NAME = "thief-1.0"
HOME = Path(os.environ["HOME"])
ENVIRONMENT = Path(os.environ["VIRTUAL_ENV"])
WORK = Path.cwd()
POISON = HOME / ".config/pip/pip.conf"


def try_to(act, *arguments):
    try:
        act(*arguments)
    except OSError as error:
        return error.strerror
    return "done"


def look_around():
    return {
        "reads another's secrets": try_to(Path("/var/www/beta/current/env").read_text),
        "writes beside the apps": try_to(Path("/var/www/mark").touch),
        "writes into its own cache": try_to((HOME.parents[1] / "mark").touch),
        "sees processes of others": Path("/proc/1").exists(),
        "asks other services": try_to(os.listdir, "/run/dbus"),
        "is poisoned": POISON.exists(),
    }


def leave_poison():
    """Later installations would ask a server of ours."""
    POISON.parent.mkdir(parents=True, exist_ok=True)
    POISON.write_text("[global]\nindex-url = http://127.0.0.1:1/\n")


def hand_on_a_file():
    """Somebody else keeps a file of the environment open for writing."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as link, (ENVIRONMENT / "pyvenv.cfg").open("a") as file:
        link.connect("\0accomplice")
        link.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))])


def stay():
    """Leave a process that is another one each time that somebody looks; that it is there shows by its port."""
    if os.fork():
        return
    os.setsid()
    port = socket.socket()
    port.bind(("127.0.0.1", 54999))
    port.listen()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)
    os._exit(0)


def dig(levels):
    """Leave directories in directories in the environment."""
    os.chdir(ENVIRONMENT)
    for _level in range(levels):
        Path("d").mkdir()
        os.chdir("d")


def build_wheel(wheel_directory, *_arguments, **_settings):
    found = look_around()
    leave_poison()
    hand_on_a_file()
    stay()
    dig(int(os.environ.get("THIEF_DEPTH", "0")))
    time.sleep(float(os.environ.get("THIEF_SECONDS", "0")))
    wheel = f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(Path(WORK, wheel_directory, wheel), "w") as file:
        file.writestr("thief.py", f"FOUND = {found!r}\n")
        file.writestr(f"{NAME}.dist-info/METADATA", "Metadata-Version: 2.1\nName: thief\nVersion: 1.0\n")
        file.writestr(f"{NAME}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: thief\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{NAME}.dist-info/RECORD", "")
    return wheel
