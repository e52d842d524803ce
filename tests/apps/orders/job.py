"""A job: it writes down when it was started, and by which release, and again when it ends. It may wait until it is told to end."""

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
while sys.argv[2:] == ["told"] and not Path(JOBS.parent, f"{sys.argv[1]}-{os.environ.get('VERSION')}").exists():
    time.sleep(0.2)
if sys.argv[2:3] == ["fail"]:
    sys.exit(f"{sys.argv[1]} has failed: {sys.argv[3]}")
say("ends")
