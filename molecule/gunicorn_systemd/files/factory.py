"""Makes an app when it is called, as many Flask apps do."""

from __future__ import annotations

from app import app
from flask import Flask


def make_app(title: str) -> Flask:
    app.config["TITLE"] = title
    app.add_url_rule("/title", "title", lambda: app.config["TITLE"])
    return app
