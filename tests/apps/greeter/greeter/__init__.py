"""A package with an application factory, and two directories of files."""

import os

from flask import Flask, url_for


def create_app(greeting="hello"):
    app = Flask(__name__)

    @app.get("/")
    def index():
        return f"{greeting}\n"

    @app.get("/link")
    def link():
        return url_for("index")

    @app.get("/env/<name>")
    def env(name):
        return os.environ[name]

    return app
