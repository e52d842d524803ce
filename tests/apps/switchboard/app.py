"""What connects an app with its Redis: two queues with their workers, a cache, sessions, limits, and redis-py itself."""

import asyncio
import operator
import os
import time

import redis
from celery import Celery
from flask import Flask, request, session
from flask_caching import Cache
from flask_limiter import Limiter
from flask_session import Session
from rq import Queue

URL, SOCKET = os.environ["REDIS_URL"], os.environ["REDIS_SOCKET"]

app = Flask(__name__)
store = redis.from_url(URL)
app.config.update(CACHE_TYPE="RedisCache", CACHE_REDIS_URL=URL, SESSION_TYPE="redis", SESSION_REDIS=store)
cache = Cache(app)
Session(app)
limiter = Limiter(lambda: "all", app=app, storage_uri=f"redis+unix://{SOCKET}")
celery = Celery("app", broker=f"redis+socket://{SOCKET}", backend=f"redis+socket://{SOCKET}")
queue = Queue(connection=store)


@celery.task
def add(first, second):
    return first + second


@app.get("/sum/celery")
def add_by_celery():
    return str(add.delay(1, 2).get(timeout=20))


@app.get("/sum/rq")
def add_by_rq():
    job = queue.enqueue(operator.add, 1, 2)
    while not job.is_finished:
        time.sleep(0.1)
        job.refresh()
    return str(job.return_value())


@app.get("/cached")
@cache.cached(timeout=300)
def tell_time():
    return str(time.time())


@app.get("/visits")
def count_visits():
    session["visits"] = session.get("visits", 0) + 1
    return str(session["visits"])


@app.get("/limited")
@limiter.limit("1/hour")
def be_limited():
    return "once"


@app.get("/asynchronous")
def ask():
    async def ping():
        async with redis.asyncio.from_url(URL) as client:
            return await client.ping()

    return str(asyncio.run(ping()))


@app.get("/value")
def read():
    return store.get("value") or b""


@app.post("/value")
def write():
    store.set("value", request.form["value"])
    return "", 201


@app.post("/command")
def command():
    """Do what somebody would who has taken over the app."""
    try:
        return repr(store.execute_command(*request.form["words"].split()))
    except redis.RedisError as error:
        return str(error), 403


@app.cli.command("greet")
def greet():
    store.set("greeting", "a release command has run")
