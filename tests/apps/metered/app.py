"""What the benchmark serves: a page that names its version and its variable, a large one, and one that waits as if for a database."""

import os
import time

from flask import Flask
from version import VERSION

app = Flask(__name__)

LARGE = "".join(f"<tr><td>{number}</td><td>{number * number % 9973}</td><td>{number * 7919 % 99991}</td></tr>\n" for number in range(2400))


@app.get("/")
def index():
    return f"{VERSION} {os.environ.get('VARIABLE', 'none')}\n"


@app.get("/wait")
def wait():
    time.sleep(0.05)
    return "waited\n"


@app.get("/large")
def large():
    return f"<table>\n{LARGE}</table>\n"
