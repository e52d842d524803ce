"""What database.yml does with databases between deploys: nothing is written over, and nothing goes that somebody needs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, http_get, run_playbook

from .conftest import SITE, Postgres
from .test_migrations import change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenario_tests.play import Play
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

NAME = "copybook"
DATABASE, ROLLBACK, REMOVE = (Path(f"playbooks/{name}.yml") for name in ("database", "rollback", "remove"))
TRANSFERS = "/var/lib/webstack-flask/transfers"
NOTICES = "SELECT content FROM notices ORDER BY number"


def care(host: Host, do: str, app: str = "notices", given: Mapping[str, object] | None = None, *, check: bool = False) -> Play:
    more = {f"flask_{key}": value for key, value in (given or {}).items()}
    return run_playbook(host, DATABASE, {"flask_do": do, "flask_app": app, **more}, check=check)


def words(play: Play) -> str:
    return " ".join(play.output.split())


def new_database(play: Play, app: str) -> str:
    (database,) = set(re.findall(rf"{app}\.\d{{8}}t\d{{6}}", play.succeeded().output))
    return str(database)


@pytest.fixture
def copybook() -> dict[str, Any]:
    """Return an app of its own, without a notice and without the extension that the other one has."""
    return {
        "name": NAME,
        "source": {"path": f"{os.environ['MOLECULE_PROJECT_DIRECTORY']}/tests/apps/noticeboard"},
        "wsgi": "app:app",
        "server_names": [f"{NAME}.test"],
        "health": {"path": "/notices"},
        "release_commands": ["flask migrate"],
        "database": {"engine": "postgresql", "scheme": "postgresql+psycopg"},
    }


@pytest.mark.any_debian("debian13")
def test_a_dump_comes_to_this_computer_and_goes_into_a_new_database_and_nothing_is_written_over(
    host: Host, postgres: Postgres, tmp_path: Path
) -> None:
    postgres.ask("INSERT INTO notices (content) VALUES ('dumped')", "notices")
    rows, file = postgres.ask(NOTICES, "notices"), tmp_path / "notices.dump"
    assert "would be dumped" in words(care(host, "dump", given={"to": str(file)}, check=True).succeeded())
    assert not file.exists()
    care(host, "dump", given={"to": str(file)}).succeeded()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    before = file.read_bytes()
    assert "is there already, and was not written over" in words(care(host, "dump", given={"to": str(file)}))
    assert file.read_bytes() == before
    care(host, "dump", given={"to": str(file), "overwrite": True}).succeeded()
    assert file.read_bytes() != before

    there = postgres.ask("SELECT datname FROM pg_database")
    assert care(host, "load", given={"from": str(file)}, check=True).succeeded().changed == 0
    assert postgres.ask("SELECT datname FROM pg_database") == there
    database = new_database(care(host, "load", given={"from": str(file)}), "notices")
    assert postgres.ask(NOTICES, database) == rows
    assert postgres.ask("SELECT tableowner FROM pg_tables WHERE tablename = 'notices'", database) == "notices"
    assert "rejects connection" in as_user(host, "nobody", f"psql -XAt -d {database} -c 'SELECT 1'").stderr
    assert host.check_output(f"ls {TRANSFERS}") == ""
    listed = words(care(host, "list"))
    assert re.search(rf"{re.escape(database)}: [\d.]+ MiB, since \d{{4}}-\d\d-\d\d \d\d:\d\d UTC; nothing uses it any more", listed)
    assert f"flask_database={database}" in listed

    assert "would be dropped" in words(care(host, "drop", given={"database": database}, check=True).succeeded())
    assert postgres.has(database)
    assert care(host, "drop", given={"database": database}).succeeded().changed == 1
    assert not postgres.has(database)
    assert database not in host.file(postgres.rules).content_string
    assert care(host, "drop", given={"database": database}).succeeded().changed == 0


@pytest.mark.any_debian("debian12")
def test_what_is_no_dump_leaves_nothing_behind(host: Host, postgres: Postgres, tmp_path: Path) -> None:
    plain, cut = tmp_path / "notices.sql", tmp_path / "cut.dump"
    plain.write_text("CREATE TABLE notices (content text);\n")
    care(host, "dump", given={"to": str(cut)}).succeeded()
    whole = cut.read_bytes()
    # PostgreSQL 17 writes its table of contents once more behind the data, where a cut costs nothing.
    cut.write_bytes(whole[: len(whole) // 2])
    there = postgres.ask("SELECT datname FROM pg_database")
    assert "is no dump in the custom format of pg_dump" in words(care(host, "load", given={"from": str(plain)}))
    assert "pg_restore says" in words(care(host, "load", given={"from": str(cut)}))
    assert postgres.ask("SELECT datname FROM pg_database") == there
    assert host.check_output(f"ls {TRANSFERS}") == ""


@pytest.mark.any_debian("debian13")
def test_what_cannot_be_is_refused_with_the_way_out(host: Host) -> None:
    told: dict[str, tuple[str, str, dict[str, object]]] = {
        "allowed are": ("dumb", "notices", {}),
        "name the app by": ("dump", "", {"to": "x"}),
        "no app 'shop' has a database or a dump on this host; those that have are": ("shell", "shop", {}),
        "which has these data already": ("clone", "notices", {"from": "notices"}),
        "the inventory has no such host": ("clone", "notices", {"from": "notices", "from_host": "elsewhere"}),
        "PostgreSQL is not installed": ("clone", "notices", {"from": "notices", "from_host": "bare"}),
        "users have the database notices": ("drop", "notices", {"database": "notices"}),
        "no database of notices": ("drop", "notices", {"database": "lost-and-found"}),
        "its dumps go by themselves": ("drop", "notices", {"dumps": True}),
    }
    for message, (do, app, more) in told.items():
        run = care(host, do, app, more)
        assert run.status != 0
        assert run.changed == 0
        assert message.casefold() in words(run).casefold()


@pytest.mark.any_debian("debian12")
def test_data_of_a_newer_postgresql_are_refused_before_anything_is_written(host: Host) -> None:
    run = care(host, "clone", "lost-and-found", {"from": "notices", "from_host": "debian13"})
    assert "the data are in PostgreSQL 17, and this host has PostgreSQL 15" in words(run)
    assert run.changed == 0


@pytest.mark.any_debian("debian12")
def test_psql_is_opened_by_the_command_that_is_printed(host: Host) -> None:
    said = care(host, "shell", "lost-and-found").succeeded().output
    command = shlex.split(next(line for line in said.splitlines() if line.strip().startswith("ssh -t")))
    query = "SELECT current_user, current_database();\n"
    ended = subprocess.run(command, input=query, capture_output=True, text=True, check=False)
    assert re.search(r"lost-and-found \| lost-and-found", ended.stdout), ended
    assert "denied" not in ended.stderr


@pytest.mark.any_debian("debian13")
def test_data_of_an_app_on_another_host_come_to_users_and_all_goes_when_nobody_needs_it(
    host: Host, postgres: Postgres, copybook: dict[str, Any], tmp_path: Path
) -> None:
    source = Postgres(host.get_host("ansible://debian12", ansible_inventory=os.environ["MOLECULE_INVENTORY_FILE"], sudo=True))
    source.ask("INSERT INTO notices (content) VALUES ('cloned')", "notices")
    copybook = change(copybook, tmp_path / "newer", "ALTER TABLE notices ADD COLUMN author text;")
    run_playbook(host, SITE, {"flask_apps": [copybook]}).succeeded()
    cloning = {"from": "notices", "from_host": "debian12"}
    assert care(host, "clone", NAME, cloning, check=True).succeeded().changed == 0
    cloned = care(host, "clone", NAME, cloning)
    database = new_database(cloned, NAME)
    assert postgres.ask(NOTICES, database) == source.ask(NOTICES, "notices")
    assert postgres.ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", database) == NAME
    assert postgres.ask("SELECT extname FROM pg_extension WHERE extname = 'citext'", database) == "citext"
    assert "cloned" not in http_get(host, f"{NAME}.test", "/notices").body
    assert host.check_output(f"ls {TRANSFERS}") == source.host.check_output(f"ls {TRANSFERS}") == ""

    described = {"flask_apps": [copybook], "flask_app": NAME}
    (release,) = set(re.findall(r"flask_release=([0-9a-f]{12})", cloned.output))
    run_playbook(host, ROLLBACK, {**described, "flask_release": release, "flask_data": database}).succeeded()
    assert "cloned" in http_get(host, f"{NAME}.test", "/notices").body
    migrated = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'author'"
    assert postgres.ask(migrated, database) == "1", "the data are as the release needs them"
    assert f"users have the database {database}" in words(care(host, "drop", NAME, {"database": database}))
    assert "to which rollback.yml can go back; it was not dropped" in words(care(host, "drop", NAME, {"database": NAME}))

    run_playbook(host, REMOVE, described).succeeded()
    listed = words(care(host, "list", NAME))
    assert "the app is not on this host any more" in listed
    assert "is not on this host any more" in words(care(host, "dump", NAME, {"to": str(tmp_path / "never.dump")}))
    host.check_output(f"install -d -m 700 /var/lib/webstack-flask/dumps/{NAME}")
    care(host, "drop", NAME, {"dumps": True}).succeeded()
    assert not host.file(f"/var/lib/webstack-flask/dumps/{NAME}").exists
    for each in (NAME, database):
        assert f"flask_database={each}" in listed
        care(host, "drop", NAME, {"database": each}).succeeded()
    assert not postgres.has(NAME)
    assert not postgres.has(database)
    assert NAME not in host.file(postgres.rules).content_string
    assert not host.file(f"/var/lib/webstack-flask/databases/{NAME}").exists
