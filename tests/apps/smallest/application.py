"""The smallest app that is served: one page, no dependency file."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index() -> str:
    return "<h1>Served by webstack.flask</h1>\n"
