"""An app with a database of its own, migrations, and a file of variables: it writes beside its code, as many do."""

import os
import sqlite3
from pathlib import Path

from flask import Flask, request

app = Flask(__name__)
DATABASE = Path(app.instance_path, "ledger.db")
VISITS = Path(__file__).with_name("visits.txt")
MIGRATIONS = Path(__file__).with_name("migrations")


def connect():
    DATABASE.parent.mkdir(exist_ok=True)
    return sqlite3.connect(DATABASE)


@app.cli.command("migrate")
def migrate():
    with connect() as database:
        (done,) = database.execute("PRAGMA user_version").fetchone()
        for number, file in enumerate(sorted(MIGRATIONS.glob("*.sql")), start=1):
            if number > done:
                database.executescript(file.read_text())
                database.execute(f"PRAGMA user_version = {number}")
                print(f"{file.name} in {os.environ['CURRENCY']}")


@app.get("/")
def index():
    with connect() as database:
        rows = database.execute("SELECT amount FROM entries ORDER BY number").fetchall()
    return " ".join(f"{amount} {os.environ['CURRENCY']}" for (amount,) in rows)


@app.post("/")
def add():
    with connect() as database:
        database.execute("INSERT INTO entries (amount) VALUES (?)", (request.form["amount"],))
    with VISITS.open("a") as file:
        file.write("+")
    return VISITS.read_text(), 201
