"""A package with an application factory, and two directories of files."""

import os

from flask import Flask


def create_app(greeting="hello"):
    app = Flask(__name__)

    @app.get("/")
    def index():
        return f"{greeting}\n"

    @app.get("/env/<name>")
    def env(name):
        return os.environ[name]

    return app
