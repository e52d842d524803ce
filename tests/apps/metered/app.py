"""What the benchmark serves: a page that names its version and its variable, and one that waits as if for a database."""

import os
import time

from flask import Flask
from version import VERSION

app = Flask(__name__)


@app.get("/")
def index():
    return f"{VERSION} {os.environ.get('VARIABLE', 'none')}\n"


@app.get("/wait")
def wait():
    time.sleep(0.05)
    return "waited\n"
