"""A machine is lost with all that was on it: the checklist of the page on backups brings its app back on another one."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, http_get, http_request, run_playbook

from .conftest import FORM, SITE, Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["debian12"]

NAME = "reborn"
SHARED = f"/var/www/{NAME}/shared"
KEEPER = "keeper"
FILES = """
mkdir -p uploads/deep empty && cd uploads
for number in $(seq 60); do head -c $((number * 977)) /dev/urandom > "deep/picture $number.jpg"; done
printf 'a line\\n' > 'with "quotes" and ümlauts'
chmod 0600 deep/picture*1.jpg; ln -s deep/picture* ../link; : > nothing
python3 -c 'import sqlite3; d = sqlite3.connect("counts.db"); d.executescript("CREATE TABLE counts (a); INSERT INTO counts VALUES (7)")'
"""
ROWS = """
CREATE TABLE things (number serial PRIMARY KEY, word text, bytes bytea, told jsonb, since timestamptz, price numeric(12, 4), parts int[]);
INSERT INTO things (word, bytes, told, since, price, parts)
SELECT CASE WHEN n % 7 = 0 THEN NULL ELSE E'tab\\t, line\\n, ünï' || n END, decode(md5(n::text), 'hex'), jsonb_build_object('n', n),
timestamptz '2026-01-01' + n * interval '1 second', n / 7.0, ARRAY[n, NULL, -n] FROM generate_series(1, 20000) AS n;
CREATE VIEW newest AS SELECT max(since) FROM things;
CREATE INDEX ON things (lower(word));
"""


@pytest.fixture
def other(host: Host) -> Host:
    """The machine that takes its place."""
    return host.get_host("ansible://debian13", ansible_inventory=host.backend.ansible_inventory, sudo=True)


@pytest.fixture
def repository(host: Host, other: Host) -> Iterator[str]:
    """A place for backups that both machines reach over SFTP, as root and without being asked."""
    address = other.check_output("hostname -I").split()[0]
    other.check_output(f"useradd --create-home {KEEPER} && install -d -o {KEEPER} -g {KEEPER} -m 0700 /home/{KEEPER}/.ssh")
    for each in (host, other):
        each.check_output("ssh-keygen -q -t ed25519 -N '' -C for-backups -f /root/.ssh/id_ed25519")
        each.check_output(f"ssh-keyscan {address} >> /root/.ssh/known_hosts")
        key = each.check_output("cat /root/.ssh/id_ed25519.pub")
        other.check_output(f"echo '{key}' >> /home/{KEEPER}/.ssh/authorized_keys")
    yield f"sftp:{KEEPER}@{address}:kept"
    for each in (host, other):
        each.check_output("rm -f /root/.ssh/id_ed25519* /root/.ssh/known_hosts")
    other.check_output(f"userdel --remove {KEEPER}")


@pytest.fixture
def app(apps: dict[str, Any], repository: str) -> dict[str, Any]:
    """The description, which the inventory has, and so outlives the machine."""
    backup = {**apps["notices"]["backup"], "to": repository}
    return {**apps["notices"], "name": NAME, "server_names": [f"{NAME}.test"], "backup": backup}


def list_checklist() -> list[tuple[str, dict[str, str]]]:
    """Return the playbooks of the checklist, with the variables that they are given there."""
    page = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"], "docs/backups.md").read_text(encoding="utf-8")
    section = page.partition("\n## The machine is lost\n")[2].partition("\n## ")[0]
    found = re.findall(r"`(?:ansible-playbook playbooks/)?(\w+\.yml)((?: -e [\w=]+)*)`", section)
    return [(playbook, dict(word.split("=") for word in words.split() if word != "-e")) for playbook, words in found]


def read_all(host: Host) -> dict[str, str]:
    """Return what the app has on a host: a digest of each table, and of each file with its mode and owner."""
    tables = Postgres(host).ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", NAME).splitlines()
    command = f"runuser -u postgres -- psql -XqAt -d {NAME} -c 'TABLE \"{{}}\"' | sort | sha256sum"
    rows = {each: host.check_output(command.format(each)) for each in tables}
    files = host.check_output(f"cd {SHARED} && find . -printf '%y %m %u %l %P\\n' | sort")
    contents = host.check_output(f"cd {SHARED} && find . -type f ! -name '*.db' -printf '%T@ ' -exec sha256sum {{}} \\; | sort")
    counts = as_user(host, NAME, f"python3 -c 'import sqlite3; print(*sqlite3.connect(\"{SHARED}/uploads/counts.db\").iterdump())'").stdout
    return {**rows, "files": files, "contents": contents, "sqlite": counts}


def words_of(output: str) -> str:
    return " ".join(output.split())


def remove(host: Host) -> None:
    removed = run_playbook(host, Path("playbooks/remove.yml"), {"flask_app": NAME, "flask_remove_data": True}).succeeded()
    assert re.search(r"its backups stay in their repository, the last one is [0-9a-f]{8}", words_of(removed.output))
    assert host.run(f"systemctl cat {NAME}.backup.timer").rc != 0
    host.check_output(f"runuser -u postgres -- dropdb --if-exists {NAME}")


def test_the_checklist_brings_each_row_and_each_file_back_on_another_machine(host: Host, other: Host, app: dict[str, Any]) -> None:
    run_playbook(host, SITE, {"flask_apps": [app]}).succeeded()
    assert http_request(host, f"{NAME}.test", "POST", "/notices", body="content=survives", headers=FORM).status == 201
    as_user(host, NAME, f"cd {SHARED} && {{ {FILES} }}")
    as_user(host, NAME, f"psql -Xq -d {NAME} -c \"$(cat <<'END'\n{ROWS}\nEND\n)\"")
    before = read_all(host)
    assert len(before) == 6
    host.check_output(f"systemctl start {NAME}.backup.service")
    remove(host)

    checklist = list_checklist()
    assert [playbook for playbook, _variables in checklist] == ["site.yml", "restore.yml", "backup.yml"]
    said = {}
    try:
        for playbook, variables in checklist:
            named = {**variables, "flask_app": NAME} if variables else {}
            run = run_playbook(other, Path("playbooks", playbook), {"flask_apps": [app], **named}).succeeded()
            said[playbook] = words_of(run.output)
            if playbook == "site.yml":
                assert http_get(other, f"{NAME}.test", "/notices").body == ""
        assert "it is in the app's own places" in said["restore.yml"]
        assert "is good" in said["backup.yml"]
        assert read_all(other) == before
        assert http_get(other, f"{NAME}.test", "/notices").body == "survives"
        assert run_playbook(other, SITE, {"flask_apps": [app]}).succeeded().changed == 0
    finally:
        remove(other)
