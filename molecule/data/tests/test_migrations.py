"""A database is set up once; a release that migrates can be taken back with its data, and users lose nothing on either way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, run_playbook
from scenario_tests.load import Watch, show, watch
from scenario_tests.releases import read_app

from .conftest import SITE

if TYPE_CHECKING:
    from testinfra.host import Host

    from .conftest import Postgres

testinfra_hosts = ["debian12", "debian13"]

NAME = "ledger"
ROLLBACK = Path("playbooks/rollback.yml")
NOTICES = "SELECT content FROM notices ORDER BY number"


@pytest.fixture
def ledger() -> dict[str, Any]:
    """Return an app of its own, in a first version."""
    return {
        "name": NAME,
        "source": {"path": f"{os.environ['MOLECULE_PROJECT_DIRECTORY']}/tests/apps/noticeboard"},
        "wsgi": "app:app",
        "server_names": [f"{NAME}.test"],
        "health": {"path": "/notices"},
        "setup_commands": ["flask migrate", "flask seed"],
        "release_commands": ["flask migrate"],
        "database": {"engine": "postgresql", "scheme": "postgresql+psycopg", "extensions": ["citext"]},
    }


def change(ledger: dict[str, Any], place: Path, migration: str, column: str = "content") -> dict[str, Any]:
    """Return a version of the app with one migration more, in whose SQL the column has another name."""
    shutil.copytree(ledger["source"]["path"], place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "migrations" / "002.sql").write_text(migration)
    code = (place / "app.py").read_text()
    (place / "app.py").write_text(code.replace("SELECT content", f"SELECT {column}").replace("notices (content)", f"notices ({column})"))
    return {**ledger, "source": {"path": str(place)}}


def words(output: str) -> str:
    return " ".join(output.split())


def written(seen: Watch) -> set[str]:
    """Return what clients have posted and were told to be there: each numbers its requests."""
    posts = [sample for sample in seen.samples if sample.what.startswith("POST")]
    kinds = {sample.what for sample in posts}
    return {f"{kind} {number}" for kind in kinds for number in range(sum(sample.what == kind for sample in posts))}


def databases_beside(postgres: Postgres) -> list[str]:
    """Return the databases of the app to which users were taken, beside its first one."""
    return [name for name in postgres.ask("SELECT datname FROM pg_database").splitlines() if name.startswith(f"{NAME}.")]


@pytest.mark.any_debian("debian13")
def test_a_release_that_migrates_is_taken_back_with_its_data_under_load(
    host: Host, postgres: Postgres, ledger: dict[str, Any], tmp_path: Path
) -> None:
    run_playbook(host, SITE, {"flask_apps": [ledger]}).succeeded()
    assert postgres.ask(NOTICES, NAME) == "welcome"
    assert postgres.ask("SELECT done, finished IS NOT NULL FROM webstack_flask.setup", NAME) == '{"flask migrate","flask seed"}|t'
    run_playbook(host, SITE, {"flask_apps": [{**ledger, "env": {"COLOUR": "green"}}]}).succeeded()
    assert postgres.ask(NOTICES, NAME) == "welcome"
    first = read_app(host, NAME).current

    more = change({**ledger, "env": {"COLOUR": "green"}}, tmp_path / "more", "ALTER TABLE notices ADD COLUMN author text;")
    with watch(host, f"{NAME}.test") as forth:
        run_playbook(host, SITE, {"flask_apps": [more]}).succeeded()
    assert not forth.failures, show(forth.failures)
    (dump,) = host.check_output(f"ls /var/lib/webstack-flask/dumps/{NAME}/*.dump").splitlines()
    for user in (NAME, f"_build-{NAME}", "notices"):
        assert not as_user(host, user, f"cat {dump}").succeeded

    back = {"flask_apps": [more], "flask_app": NAME, "flask_data": "last"}
    plan = run_playbook(host, ROLLBACK, back, check=True).succeeded()
    assert "what was written since then is not in it, and the database ledger stays as it is" in words(plan.output)
    with watch(host, f"{NAME}.test") as seen:
        run_playbook(host, ROLLBACK, back).succeeded()
    assert not seen.failures, show(seen.failures)
    (beside,) = databases_beside(postgres)
    rows = set(postgres.ask(NOTICES, NAME).splitlines()) | set(postgres.ask(NOTICES, beside).splitlines())
    assert written(forth) | written(seen) <= rows
    assert postgres.ask(NOTICES, beside).startswith("welcome")
    assert postgres.ask("SELECT count(*) FROM information_schema.columns WHERE column_name = 'author'", beside) == "0"
    for user in ("notices", f"_build-{NAME}"):
        assert not as_user(host, user, f"psql -X -U {NAME} -d {beside} -c 'TABLE notices'").succeeded

    now = read_app(host, NAME).current
    assert now not in (first, None)
    kept = {**ledger, "env": {"COLOUR": "green"}}
    assert run_playbook(host, SITE, {"flask_apps": [kept]}).succeeded().changed == 0
    run_playbook(host, SITE, {"flask_apps": [more]}).succeeded()
    assert postgres.ask("SELECT count(*) FROM information_schema.columns WHERE column_name = 'author'", beside) == "1"


@pytest.mark.any_debian("debian12")
def test_a_migration_that_breaks_the_live_release_stops_the_deploy_and_both_ways_out_lead_on(
    host: Host, postgres: Postgres, ledger: dict[str, Any], tmp_path: Path
) -> None:
    run_playbook(host, SITE, {"flask_apps": [ledger]}).succeeded()
    first = read_app(host, NAME).current
    renamed = change(ledger, tmp_path / "renamed", "ALTER TABLE notices RENAME COLUMN content TO body;", "body")

    stopped = run_playbook(host, SITE, {"flask_apps": [renamed]})
    assert stopped.status != 0
    assert f"have run, and since then {first}, which users reach, is not healthy" in words(stopped.output)
    assert read_app(host, NAME).current == first

    run_playbook(host, ROLLBACK, {"flask_apps": [renamed], "flask_app": NAME, "flask_release": first, "flask_data": "last"}).succeeded()
    assert read_app(host, NAME).current != first
    assert postgres.ask("SELECT body FROM notices ORDER BY number", NAME) == "welcome", "the database of before stays as it was"

    stopped = run_playbook(host, SITE, {"flask_apps": [renamed]})
    assert "is not healthy" in words(stopped.output)
    run_playbook(host, SITE, {"flask_apps": [renamed]}).succeeded()
    (beside,) = databases_beside(postgres)
    assert postgres.ask("SELECT body FROM notices ORDER BY number", beside) == "welcome"
