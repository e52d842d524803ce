"""A clock of which there must never be two: it says when it begins and when it ends, and whether another one was there."""

import os
import signal
import sys
import time
from pathlib import Path

SHARED = Path(os.environ["WEBSTACK_FLASK_SHARED"])
HELD, LOG = SHARED / "clock.held", SHARED / "clock.txt"


def say(word):
    with LOG.open("a") as file:
        file.write(f"{word} {os.environ.get('VERSION')}\n")


def end(*_signal):
    time.sleep(0.5)
    HELD.unlink()
    say("ends")
    sys.exit(0)


if HELD.exists() and Path(f"/proc/{HELD.read_text()}").exists():
    say("is not alone")
HELD.write_text(str(os.getpid()))
signal.signal(signal.SIGTERM, end)
say("begins")
while True:
    time.sleep(0.2)
