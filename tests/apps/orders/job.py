"""A job that takes a while: it writes down when it was started, and by which release, and again when it ends."""

import os
import sys
import time
from pathlib import Path

JOBS = Path(os.environ["WEBSTACK_FLASK_SHARED"], "jobs.txt")


def say(word):
    line = f"{word} {sys.argv[1]} {int(time.time())} {os.environ.get('VERSION')}"
    print(line)
    with JOBS.open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


say("begins")
time.sleep(float(sys.argv[2]))
if len(sys.argv) > 3:
    sys.exit(f"{sys.argv[1]} has failed: {sys.argv[3]}")
say("ends")
