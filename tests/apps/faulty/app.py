"""An app that goes wrong on demand: `FAULT` says how. Every answer names the release, by `VERSION`. It starts as `app:app`."""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from flask import Flask, Response, abort, redirect, request

VERSION = os.environ.get("VERSION", "unnamed")
FAULT = os.environ.get("FAULT", "")
FAULT_SECONDS = float(os.environ.get("FAULT_SECONDS", "0"))

MASTER = os.getppid()
if FAULT == "import error":
    raise ImportError(f"the import of {VERSION} went wrong")
if FAULT == "exit at start":
    raise SystemExit(f"{VERSION} wants no more")
if FAULT == "death at start":
    os.kill(MASTER, signal.SIGKILL)
if FAULT == "hang on import":
    time.sleep(3600)
if FAULT == "death after start":
    threading.Timer(FAULT_SECONDS, os.kill, (MASTER, signal.SIGKILL)).start()

app = Flask(__name__)


def fill_the_disk(path):
    if not path.exists():
        with suppress(OSError), path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))


@app.before_request
def go_wrong():
    if FAULT == "fails behind a proxy" and "X-Forwarded-For" in request.headers:
        abort(500)
    if FAULT == "death of the first visitor" and request.path == "/":
        threading.Timer(FAULT_SECONDS, os.kill, (MASTER, signal.SIGKILL)).start()
    if FAULT == "fills the disk" and request.path == "/":
        fill_the_disk(Path(os.environ["HOME"], "filling"))


@app.after_request
def name_version(response):
    response.headers["X-Version"] = VERSION
    if FAULT == "header too long for nginx":
        response.headers["X-Long"] = "x" * 40_000
    return response


@app.get("/")
def index():
    return f"{VERSION}\n"


@app.get("/health")
def health():
    if FAULT == "health 500":
        abort(500)
    if FAULT == "health 301":
        return redirect("/elsewhere", 301)
    if FAULT == "health wrong":
        return "", 204
    if FAULT == "health slow":
        time.sleep(FAULT_SECONDS)
    return "well\n"


@app.post("/echo")
def echo():
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.get("/slow")
def slow():
    time.sleep(request.args.get("seconds", 1.0, type=float))
    return f"{VERSION}\n"


@app.get("/write")
def write():
    try:
        Path(request.args["path"]).write_text(VERSION)
    except OSError as error:
        return error.strerror, 403
    return "written\n"


@app.get("/env")
def env():
    return dict(os.environ)


@app.get("/where")
def where():
    return {"directory": str(Path.cwd()), "process": os.getpid(), "master": os.getppid()}
