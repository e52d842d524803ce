"""Nothing but a worker: it says when it begins and when it ends, and may be told to die at once."""

import os
import signal
import sys
import time
from pathlib import Path

LOG = Path(os.environ["WEBSTACK_FLASK_SHARED"], "log.txt")


def say(word):
    with LOG.open("a") as file:
        file.write(f"{word} {os.environ.get('VERSION')}\n")


def end(*_signal):
    say("ends")
    sys.exit(0)


if os.environ.get("FAULT"):
    sys.exit("nothing to deliver")
signal.signal(signal.SIGTERM, end)
say("begins")
while True:
    time.sleep(0.2)
