"""An app that lets others work: each order goes to the queue of its name. Every answer names the release, by `VERSION`."""

import os

import tasks
from flask import Flask, Response, request

app = Flask(__name__)


@app.after_request
def name_version(response):
    response.headers["X-Version"] = tasks.VERSION
    return response


@app.get("/")
def index():
    return f"{tasks.VERSION}\n"


@app.post("/echo")
def echo():
    return Response(request.get_data(), mimetype="application/octet-stream")


@app.post("/orders/<queue>/<number>")
def order(queue, number):
    tasks.QUEUES[queue](number, request.args.get("seconds", 0.1, type=float))
    return "taken\n"


@app.get("/done")
def done():
    return Response(tasks.DONE.read_text() if tasks.DONE.exists() else "", mimetype="text/plain")


@app.get("/process")
def process():
    return {"master": os.getppid()}
