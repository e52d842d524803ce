"""A board of notices in a database that other programs look into, too: PostgreSQL, wherever DATABASE_URL says."""

import os
import time
from pathlib import Path

import drivers
from flask import Flask, request
from sqlalchemy import create_engine, text

app = Flask(__name__)
engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
MIGRATIONS = Path(__file__).with_name("migrations")


@app.cli.command("migrate")
def migrate():
    with engine.begin() as database:
        database.execute(text("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)"))
        done = set(database.execute(text("SELECT name FROM migrations")).scalars())
        for file in sorted(MIGRATIONS.glob("*.sql")):
            if file.name not in done:
                database.execute(text(file.read_text()))
                database.execute(text("INSERT INTO migrations VALUES (:name)"), {"name": file.name})


@app.cli.command("seed")
def seed():
    add_notice("welcome")


@app.cli.command("announce")
def announce():
    add_notice("the process has come up")
    while True:
        time.sleep(3600)


@app.cli.command("tidy")
def tidy():
    add_notice("the job has run")


@app.get("/")
@app.get("/notices")
def show():
    with engine.connect() as database:
        return "\n".join(database.execute(text("SELECT content FROM notices ORDER BY number")).scalars())


@app.post("/notices")
def add():
    add_notice(request.form["content"])
    return "", 201


def add_notice(content):
    with engine.begin() as database:
        database.execute(text("INSERT INTO notices (content) VALUES (:content)"), {"content": content})


@app.post("/echo")
def echo():
    content = request.get_data(as_text=True)
    add_notice(content.strip())
    return content


@app.get("/drivers")
def ask_drivers():
    """Tell who each library is to the server, given the same URL."""
    return drivers.ask_all(os.environ["DATABASE_URL"])
