"""What the workers of three queues do: an order takes a while, and one line in a file tells that it was done, by which release."""

import os
import sys
import time
from pathlib import Path

from celery import Celery
from huey import RedisHuey
from redis import Redis
from rq import Queue

REDIS = "redis://127.0.0.1:6379/0"
VERSION = os.environ.get("VERSION", "unnamed")
DONE = Path(os.environ["WEBSTACK_FLASK_SHARED"], "done.txt")

if os.environ.get("FAULT") == "worker" and os.environ.get("WEBSTACK_FLASK_PROCESS") == "celery":
    sys.exit(f"the workers of {VERSION} do not start")

celery = Celery(broker=REDIS)
huey = RedisHuey(url=REDIS)


def work(queue, number, seconds):
    """Take so many seconds; if they are less than 0, as long as it takes until there is a file of the order's name."""
    time.sleep(max(0, seconds))
    while seconds < 0 and not Path(DONE.parent, number).exists():
        time.sleep(0.1)
    with DONE.open("ab", buffering=0) as file:
        file.write(f"{queue} {number} {VERSION}\n".encode())


@celery.task
def work_for_celery(number, seconds):
    work("celery", number, seconds)


@huey.task()
def work_for_huey(number, seconds):
    work("huey", number, seconds)


QUEUES = {
    "celery": work_for_celery.delay,
    "huey": work_for_huey,
    # RQ would end a job after three minutes.
    "rq": lambda number, seconds: Queue(connection=Redis.from_url(REDIS)).enqueue(work, "rq", number, seconds, job_timeout=-1),
}
