"""The public half of a gallery: it has no pictures of its own, and asks the other service for them, as the course has it."""

import os

import requests
from flask import Flask, render_template_string, request

app = Flask(__name__)
IMAGES = os.environ.get("IMAGES_URL", "http://127.0.0.1:1")
PAGE = """<!doctype html><title>{{ title }}</title><link rel="stylesheet" href="/static/style.css">
{% for name in names %}<p>{{ name }}</p>
{% endfor %}<footer>images {{ version }}</footer>
"""


@app.get("/")
def index():
    answer = requests.get(f"{IMAGES}/images", timeout=10)
    answer.raise_for_status()
    found = answer.json()
    return render_template_string(PAGE, title=os.environ.get("GALLERY_TITLE", "Nameless"), **found)


@app.post("/images/<name>")
def add(name):
    return requests.post(f"{IMAGES}/images/{name}", timeout=10).json()


@app.get("/seen")
def seen():
    """Tell what the other service is told of a caller that has something to say there for himself."""
    return requests.get(f"{IMAGES}/seen", headers={"X-Webstack-Caller": request.args.get("as", "")}, timeout=10).json()


@app.get("/url")
def url():
    return IMAGES
