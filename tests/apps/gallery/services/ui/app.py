"""The public half of a gallery: it has no pictures of its own, and asks the other service for them."""

import os

import requests
from flask import Flask, g, render_template_string, request

app = Flask(__name__)
IMAGES = os.environ.get("IMAGES_URL", "http://127.0.0.1:1")
PAGE = """<!doctype html><title>{{ title }}</title><link rel="stylesheet" href="/static/style.css">
{% for name in names %}<p>{{ name }}</p>
{% endfor %}
"""

if os.environ.get("FAULT") == "start":
    raise RuntimeError("no pages today")


def ask(method, path, **more):
    answer = requests.request(method, IMAGES + path, timeout=10, **more)
    answer.raise_for_status()
    g.version = answer.headers.get("X-Version", "")
    return answer


@app.after_request
def name_version(response):
    response.headers["X-Version"] = g.get("version", "")
    return response


@app.get("/")
def index():
    return render_template_string(PAGE, title=os.environ.get("GALLERY_TITLE", "Nameless"), names=ask("GET", "/images").json())


@app.post("/images/<name>")
def add(name):
    return ask("POST", f"/images/{name}").json()


@app.post("/echo")
def echo():
    return ask("POST", "/echo", data=request.get_data()).content


@app.get("/seen")
def seen():
    """Show what the other service is told of a caller who says that he is somebody else."""
    return ask("GET", "/seen", headers={"X-Webstack-Caller": "root"}).json()
