"""What was on a host before an app came is neither used nor hidden nor changed, and what was opened there opens nothing of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, http_get, run_playbook, take_fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["debian13"]

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")
SOURCE = Path(__file__).parents[3] / "tests/apps/faulty"
TAKEN = ("users", "shadow", "video", "staff", "user", "systemd-journal", "daemon")
LEGACY = "/var/www/legacy"

_OPEN_TO_NOBODY = r"""
import os, pwd, struct
entries = [(1, 7, -1), (2, 7, pwd.getpwnam("nobody").pw_uid), (4, 7, -1), (16, 7, -1), (32, 5, -1)]
value = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
for place in ("/var/www", "/var/cache"):
    os.setxattr(place, "system.posix_acl_default", value)
"""
"""What `setfacl --default --modify user:nobody:rwx` does: acl(5), as the kernel stores it."""

_LIST_OPENED = """
import os
for top in ("/var/www/closed", "/var/cache/webstack-flask"):
    for folder, folders, files in os.walk(top):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            if any("acl" in name for name in os.listxattr(path, follow_symlinks=False)):
                print(path)
"""

_CLOSE = """
import os
for place in ("/var/www", "/var/cache"):
    os.removexattr(place, "system.posix_acl_default")
"""


def describe(name: str) -> dict[str, Any]:
    return {"name": name, "source": {"path": str(SOURCE)}, "wsgi": "app:app", "server_names": [f"{name}.test"]}


@pytest.fixture
def legacy(host: Host) -> Iterator[None]:
    """An app that another tool has deployed, with the same names of directories."""
    host.check_output(
        f"mkdir -p {LEGACY}/releases/20260101T000000Z {LEGACY}/shared/uploads && ln -s releases/20260101T000000Z {LEGACY}/current"
    )
    host.check_output("echo 'server {}' > /etc/nginx/sites-available/sited.conf")
    host.check_output(f"echo precious > {LEGACY}/shared/uploads/photo && chown -R --no-dereference nobody:nogroup {LEGACY}")
    yield
    host.check_output(f"rm -r {LEGACY} /etc/nginx/sites-available/sited.conf")


@pytest.mark.usefixtures("legacy")
@pytest.mark.parametrize("check", [True, False])
def test_names_of_groups_users_units_and_directories_that_are_there_are_refused_before_anything_is_changed(
    host: Host, *, check: bool
) -> None:
    before = take_fingerprint(host)
    outcome = run_playbook(host, SITE, {"flask_apps": [describe(name) for name in (*TAKEN, "legacy", "sited")]}, check=check)
    words = " ".join(outcome.output.split())
    assert outcome.status != 0
    for name in (*TAKEN, "legacy"):
        assert f"{name}: " in words
    assert "user: /usr/lib/systemd/system/user@.service exists on the host already and is not ours" in words
    assert "the group 'video' exists on the host already and is not this app's" in words
    assert "/etc/nginx/sites-available/sited.conf exists already and was not written by this role" in words
    assert f"{LEGACY} exists on the host already and is not this app's" in words
    assert take_fingerprint(host) == before


@pytest.mark.usefixtures("legacy")
def test_what_is_not_an_app_s_is_not_removed_with_it(host: Host) -> None:
    before = take_fingerprint(host)
    groups = host.check_output("getent group")
    for name in ("video", "legacy"):
        assert run_playbook(host, REMOVE, {"app": name, "remove_data": True}).succeeded().changed == 0
    assert take_fingerprint(host) == before
    assert host.check_output("getent group") == groups


def test_a_directory_that_others_may_write_to_is_no_place_for_apps(host: Host) -> None:
    before = host.check_output("stat --format=%a:%U /var/www")
    host.check_output("chown www-data /var/www")
    try:
        outcome = run_playbook(host, SITE)
        assert outcome.status != 0
        assert "/var/www belongs to www-data" in " ".join(outcome.output.split())
    finally:
        host.check_output("chown root /var/www")
    assert host.check_output("stat --format=%a:%U /var/www") == before


def test_lists_of_access_that_directories_hand_down_open_nothing_of_an_app(host: Host) -> None:
    app = {**describe("closed"), "env": {"SECRET": "top"}}
    assert not host.file("/var/www/closed").exists, "what is there already inherits nothing"
    host.check_output("python3 -c %s", _OPEN_TO_NOBODY)
    try:
        run_playbook(host, SITE, {"flask_apps": [app]}).succeeded()
        assert http_get(host, "closed.test").status == 200
        root = "/var/www/closed"
        host.check_output(f"install -o closed -g closed -m 640 /dev/null {root}/shared/data")
        files = ("current/env", "current/gunicorn.conf.py", "current/app/app.py", "current/release.json", "current/probe", "shared/data")
        for file in files:
            assert host.run(f"test -e {root}/{file}").succeeded, file
            assert as_user(host, "nobody", f"cat {root}/{file}").failed, file
        for directory in ("", "builds", "environments", "releases", "shared"):
            assert as_user(host, "nobody", f"ls {root}/{directory} || touch {root}/{directory}/mark").failed, directory
        assert host.check_output("python3 -c %s", _LIST_OPENED) == ""
    finally:
        host.check_output("python3 -c %s", _CLOSE)
