"""The half of a gallery that nobody but the other one reaches. It keeps the names of its pictures in a database."""

import os
import sqlite3
import sys
from pathlib import Path

from flask import Flask, request

app = Flask(__name__)
DATABASE = Path(os.environ.get("WEBSTACK_FLASK_SHARED", "."), "images.db")
VERSION = os.environ.get("VERSION", "unnamed")

if os.environ.get("FAULT") == "start":
    sys.exit("no images today")


def connect():
    link = sqlite3.connect(DATABASE, timeout=10)
    link.execute("CREATE TABLE IF NOT EXISTS images (name TEXT PRIMARY KEY)")
    return link


@app.get("/images")
def images():
    if os.environ.get("FAULT") == "answer":
        return "no images today", 500
    with connect() as link:
        names = [name for (name,) in link.execute("SELECT name FROM images ORDER BY name")]
    return {"names": names, "version": VERSION}


@app.post("/images/<name>")
def add(name):
    with connect() as link:
        link.execute("INSERT OR IGNORE INTO images VALUES (?)", (name,))
    return {"added": name}


@app.get("/seen")
def seen():
    """Tell all that a caller has said, or nginx for him."""
    return dict(request.headers)
