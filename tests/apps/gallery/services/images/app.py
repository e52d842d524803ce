"""The half of a gallery that nobody but the other one reaches. It keeps the names of its pictures in a database."""

import os
import sqlite3
from pathlib import Path

from flask import Flask, request

app = Flask(__name__)
DATABASE = Path(os.environ.get("WEBSTACK_FLASK_SHARED", "."), "images.db")
VERSION = os.environ.get("VERSION", "unnamed")

if os.environ.get("FAULT") == "start":
    raise RuntimeError("no images today")


def connect():
    link = sqlite3.connect(DATABASE, timeout=10)
    link.execute("CREATE TABLE IF NOT EXISTS images (name TEXT PRIMARY KEY)")
    return link


@app.after_request
def name_version(response):
    response.headers["X-Version"] = VERSION
    return response


@app.get("/images")
def images():
    with connect() as link:
        return [name for (name,) in link.execute("SELECT name FROM images ORDER BY name")]


@app.post("/images/<name>")
def add(name):
    with connect() as link:
        link.execute("INSERT OR IGNORE INTO images VALUES (?)", (name,))
    return {"added": name}


@app.post("/echo")
def echo():
    return request.get_data()


@app.get("/seen")
def seen():
    """Show all that a caller has said, or nginx for him."""
    return dict(request.headers)
