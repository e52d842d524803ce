"""The code to start lies in one directory, its dependencies are listed in another, and a module of its own is in a third."""

import words
from flask import Flask

api = Flask(__name__)


@api.get("/")
def index():
    return words.WELCOME
