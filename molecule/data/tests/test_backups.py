"""Backups are restored, and what comes back is compared with what was there; one that is no good is told."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, http_request, run_playbook, wait_on_host

from .conftest import SITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

    from .conftest import Postgres

testinfra_hosts = ["debian12", "debian13"]

NAME = "notices"
SHARED = f"/var/www/{NAME}/shared"
REPOSITORY = f"/var/backups/{NAME}"
PROGRAM = "/usr/local/lib/webstack-flask/backups"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BACKUP, RESTORE = Path("playbooks/backup.yml"), Path("playbooks/restore.yml")
RESTIC = f"RESTIC_REPOSITORY={REPOSITORY} RESTIC_PASSWORD='a password of the inventory' restic"

WRITER = """
import sqlite3, time
with sqlite3.connect("shared/counts.db", timeout=60) as database:
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE IF NOT EXISTS pairs (a INTEGER, b INTEGER)")
    number = 0
    while True:
        number += 1
        database.executemany("INSERT INTO pairs VALUES (?, ?)", [(number, step) for step in range(50)])
        database.commit()
        time.sleep(0.002)
"""


def words(output: str) -> str:
    return " ".join(output.split())


def complaints(host: Host) -> str:
    return str(host.run(f"{PROGRAM} status {NAME}").stdout)


def snapshots(host: Host) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(host.check_output(f"{RESTIC} snapshots --json --no-lock"))
    return found


@pytest.fixture
def picture(host: Host) -> Iterator[str]:
    """Let the app have a file that the next backup has to bring, and so its newest pack of some size has it."""
    path = f"{SHARED}/picture"
    as_user(host, NAME, f"head -c 3000000 /dev/urandom > {path}")
    yield path
    host.check_output(f"rm {path}")


@pytest.fixture
def repository(host: Host) -> Iterator[str]:
    """Let a test damage the repository: it is put back as it was."""
    host.check_output(f"systemctl start {NAME}.backup.service")
    host.check_output(f"cp -a {REPOSITORY} /root/repository")
    yield REPOSITORY
    host.check_output(f"rm -rf {REPOSITORY} /var/cache/webstack-flask/.restic && mv /root/repository {REPOSITORY}")
    host.check_output(f"systemctl start {NAME}.backup.service {NAME}.verify.service")


@pytest.mark.any_debian("debian12")
def test_what_is_restored_is_what_was_there_row_by_row_and_file_by_file_though_the_app_was_writing(host: Host, postgres: Postgres) -> None:
    for number in range(3):
        assert http_request(host, f"{NAME}.test", "POST", "/notices", body=f"content=kept {number}", headers=FORM).status == 201
    as_user(
        host, NAME, f"cd {SHARED} && mkdir -p 'up loads/$x' && head -c 300000 /dev/urandom > 'up loads/$x/*.bin' && ln -sf /etc/shadow link"
    )
    host.run(f"cat > /var/www/{NAME}/writer.py <<'END'\n{WRITER}\nEND")
    unit = f"systemd-run --quiet --unit=writer --property=User={NAME} --property=WorkingDirectory=/var/www/{NAME} python3 writer.py"
    host.check_output(unit)
    try:
        wait_on_host(host, f"test -s {SHARED}/counts.db-wal")
        rows = postgres.ask("SELECT * FROM notices ORDER BY number", NAME)
        said = words(run_playbook(host, BACKUP, {"flask_app": NAME, "flask_verify": True}).succeeded().output)
    finally:
        host.run(f"systemctl stop writer; rm /var/www/{NAME}/writer.py")
    assert "was read back" in said
    assert "is good" in said
    assert re.search(r"the database has [2-9] tables with \d+ rows", said)
    listed = words(run_playbook(host, RESTORE, {"flask_app": NAME}).succeeded().output)
    newest = snapshots(host)[-1]["id"][:8]
    assert re.search(rf"{newest} .* restored to try it at", listed)

    live = host.check_output(f"cd {SHARED} && find . -type f ! -name 'counts.db*' -exec sha256sum {{}} + | sort; readlink link")
    run = run_playbook(host, RESTORE, {"flask_app": NAME, "from": newest}).succeeded()
    (database,) = set(re.findall(rf"{NAME}\.\d{{8}}-\d{{6}}", run.output))
    place = f"/var/www/{NAME}/restored/{database.removeprefix(f'{NAME}.')}/shared"
    assert postgres.ask("SELECT * FROM notices ORDER BY number", database) == rows
    assert postgres.ask("SELECT extname FROM pg_extension WHERE extname = 'citext'", database) == "citext"
    assert as_user(host, NAME, f"psql -XAt -d {database} -c 'SELECT 1'").stdout.strip() == "1"
    assert "rejects connection" in as_user(host, "nobody", f"psql -XAt -d {database} -c 'SELECT 1'").stderr
    again = host.check_output(f"cd {place} && find . -type f ! -name 'counts.db*' -exec sha256sum {{}} + | sort; readlink link")
    assert again == live
    assert host.file(place).user == NAME
    assert not host.file(f"{place}/counts.db-wal").exists
    # Each transaction wrote fifty rows.
    check = (
        "import sqlite3; d = sqlite3.connect('file:counts.db?mode=ro', uri=True); print(d.execute('PRAGMA integrity_check').fetchone()[0], "
    )
    check += "d.execute('SELECT count(*) > 0, count(*) % 50 FROM pairs').fetchone())"
    assert as_user(host, NAME, f'cd {place} && python3 -c "{check}"').stdout.strip() == "ok (1, 0)"
    assert host.check_output(f"cat {SHARED}/link | head -c 5") == host.check_output("head -c 5 /etc/shadow"), "the live files stay"
    host.check_output(f"rm -r /var/www/{NAME}/restored {SHARED}/* && runuser -u postgres -- dropdb {database}")


@pytest.mark.any_debian("debian13")
@pytest.mark.usefixtures("picture")
@pytest.mark.parametrize("damage", ["flipped", "truncated", "lost"])
def test_a_damaged_backup_is_noticed_and_each_run_tells_it(host: Host, repository: str, damage: str, apps: dict[str, Any]) -> None:
    # One of the newest backup, since of all data a quarter is read each week. It has data, and not what restic keeps in its cache.
    pack = host.check_output(f"find {repository}/data -type f -size +1M -printf '%T@ %p\\n' | sort -n | tail -1").split()[1]
    harm = {
        "flipped": f"chmod u+w {pack} && printf '\\377\\0\\377\\0' | dd of={pack} bs=1 seek=100 conv=notrunc status=none",
        "truncated": f"chmod u+w {pack} && truncate -s -50 {pack}",
        "lost": f"rm {pack}",
    }
    host.check_output(harm[damage])
    assert host.run(f"systemctl start {NAME}.verify.service").rc != 0
    assert host.run(f"systemctl is-failed {NAME}.verify.service").stdout.strip() == "failed"
    assert "the verification has failed at" in complaints(host)
    if damage == "lost":
        run = run_playbook(host, SITE, {"flask_apps": [apps[NAME]]}).succeeded()
        assert f"ATTENTION, {NAME}: the verification has failed at" in words(run.output)
        assert run.changed == 0


@pytest.mark.any_debian("debian12")
def test_a_full_disk_fails_the_backup_and_leaves_the_one_before(host: Host, repository: str) -> None:
    before = [each["id"] for each in snapshots(host)]
    host.check_output(f"mount -t tmpfs -o size=8m,mode=0700 tmpfs /mnt && cp -a {repository}/. /mnt && mount --move /mnt {repository}")
    try:
        as_user(host, NAME, f"head -c 20000000 /dev/urandom > {SHARED}/large")
        assert host.run(f"systemctl start {NAME}.backup.service").rc != 0
        assert re.search(r"the backup has failed at .* no space left on device", complaints(host))
    finally:
        host.check_output(f"rm -f {SHARED}/large; umount {repository}")
    assert [each["id"] for each in snapshots(host)] == before


@pytest.mark.any_debian("debian12")
def test_the_lock_of_a_killed_run_is_taken_away_and_old_backups_with_it(host: Host) -> None:
    host.check_output(f"systemctl start {NAME}.backup.service")
    host.check_output(f"(sleep 600 | {RESTIC} backup --stdin --quiet) > /dev/null 2>&1 & echo started")
    wait_on_host(host, f'test -n "$(ls {REPOSITORY}/locks)"')
    host.check_output("pkill -KILL -f '[r]estic backup --stdin'")
    assert host.check_output(f"ls {REPOSITORY}/locks") != ""
    host.check_output(f"systemctl start {NAME}.backup.service")
    assert host.check_output(f"ls {REPOSITORY}/locks") == ""
    # Of one day one is kept.
    assert len(snapshots(host)) == 1


@pytest.mark.any_debian("debian12")
def test_a_wrong_password_and_a_repository_that_has_gone_are_refused_and_backups_go_on_as_before(host: Host, apps: dict[str, Any]) -> None:
    app, settings = apps[NAME], f"/etc/webstack-flask/backups/{NAME}.json"
    before = host.file(settings).content_string
    wrong = {**app, "backup": {**app["backup"], "password": "another password"}}
    run = run_playbook(host, SITE, {"flask_apps": [wrong]})
    assert run.status != 0
    assert f"{NAME}: backup.password is not the password of the repository {REPOSITORY}" in words(run.output)
    assert "another password" not in run.output
    host.check_output(f"mv {REPOSITORY} /root/elsewhere")
    try:
        later = {**app, "backup": {**app["backup"], "at": "04:00"}}
        gone = run_playbook(host, SITE, {"flask_apps": [later]})
        assert f"there is no repository at {REPOSITORY}. If it was there before, its disk may not be mounted" in words(gone.output)
        assert host.run(f"systemctl start {NAME}.backup.service").rc != 0
        assert not host.file(REPOSITORY).exists, "no new one was made in its place"
    finally:
        host.check_output(f"mv /root/elsewhere {REPOSITORY}")
    assert host.file(settings).content_string == before
    assert host.file(settings).mode == 0o600
    host.check_output(f"systemctl start {NAME}.backup.service")
    assert "password of the inventory" not in host.check_output(f"journalctl -u '{NAME}.*' --no-pager; ls /run/webstack-flask")


@pytest.mark.any_debian("debian13")
def test_an_app_that_puts_links_in_the_place_of_its_directories_gets_nothing_that_it_may_not_read(host: Host) -> None:
    swap = "mkdir -p d/deep && touch d/deep/own && while :; do mv d kept; ln -s /etc d; rm d; mv kept d; done"
    host.check_output(f"systemd-run --quiet --unit=swapper --property=User={NAME} --property=WorkingDirectory={SHARED} bash -c {swap!r}")
    try:
        ends = [host.run(f"systemctl start {NAME}.backup.service").rc for _attempt in range(3)]
    finally:
        host.run(f"systemctl stop swapper; rm -rf {SHARED}/d {SHARED}/kept")
    listed = host.check_output(
        f'for each in $({RESTIC} snapshots --json --no-lock | grep -o \'"short_id":"[^"]*\' | cut -d\'"\' -f4); do '
        f"{RESTIC} ls --no-lock $each; done"
    )
    assert "/backup/shared" in listed
    assert 0 in ends
    assert [line for line in listed.splitlines() if line.endswith(("/shadow", "/ssh_host_ed25519_key", "/pg_hba.conf"))] == []


@pytest.mark.any_debian("debian12")
def test_data_go_only_after_a_last_backup_that_was_restored_to_try_it(host: Host, apps: dict[str, Any]) -> None:
    app = {**apps["smallest"], "name": "leaving", "server_names": ["leaving.test"], "redis": False}
    app |= {"backup": {**apps[NAME]["backup"], "to": "/var/backups/leaving"}}
    file = host.file("/var/www/leaving/shared/letter")
    run_playbook(host, SITE, {"flask_apps": [app]}).succeeded()
    as_user(host, "leaving", f"echo farewell > {file.path}")
    host.check_output("mv /var/backups/leaving /var/backups/away")
    gone = {"flask_apps": [{**app, "state": "absent", "remove_data": True}]}
    refused = run_playbook(host, SITE, gone)
    assert refused.status != 0
    assert "a last backup of its data could not be made, so neither they nor the app were removed" in words(refused.output)
    assert file.content_string == "farewell\n"
    assert host.run("systemctl cat leaving.backup.timer").rc == 0
    host.check_output("mv /var/backups/away /var/backups/leaving")
    removed = words(run_playbook(host, SITE, gone).succeeded().output)
    found = re.search(r"its backups stay in their repository, the last one is ([0-9a-f]{8})", removed)
    assert found
    assert not file.exists
    restic = RESTIC.replace(REPOSITORY, "/var/backups/leaving")
    assert host.check_output(f"{restic} dump --no-lock {found[1]} /backup/shared/letter") == "farewell"
    assert host.run("systemctl cat leaving.backup.timer").rc != 0
