"""Data on another disk, by link or mount, are where the app, and the one who removes it, look for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import as_user, http_get, restart, run_playbook, wait_on_host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = ["debian12"]

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")
SOURCE = Path(__file__).parents[3] / "tests/apps/faulty"
SHARED = "/var/www/alpha/shared"

_LATE = f"""\
[Unit]
After=slow.service

[Mount]
What=/srv/volume
Where={SHARED}
Type=none
Options=bind,nofail

[Install]
WantedBy=multi-user.target
"""
"""A volume that nobody else waits for: without `nofail` the boot would, in a circle, of which systemd leaves out what it finds first."""

_SLOW = "[Service]\nType=oneshot\nExecStart=/bin/sleep 4\n\n[Install]\nWantedBy=multi-user.target\n"


def describe(name: str, **more: object) -> dict[str, Any]:
    return {"name": name, "source": {"path": str(SOURCE)}, "wsgi": "app:app", "server_names": [f"{name}.test"], **more}


def test_a_link_in_the_data_is_open_to_the_app_and_no_removal_forgets_what_it_leads_to(host: Host) -> None:
    """The first run has an app besides that never comes up: its site goes, and the other app is reported."""
    app = describe("linked")
    try:
        failed = run_playbook(host, SITE, {"flask_apps": [describe("stillborn", env={"FAULT": "import error"}), app]})
        assert failed.status != 0
        words = " ".join(failed.output.split())
        assert "FAILED, stillborn: nothing is served" in words
        assert "linked: http://linked.test/ serves release" in words
        assert not host.file("/etc/nginx/sites-enabled/stillborn.conf").exists
        for name in ("linked", "alpha"):  # the run did not describe alpha
            assert as_user(host, "nobody", f"getent hosts {name}.test").succeeded
        host.check_output("install -d -o linked -g linked /srv/up && ln -s /srv/up /var/www/linked/shared/instance")
        gone = describe("stillborn", state="absent", remove_data=True)
        run = run_playbook(host, SITE, {"flask_apps": [gone, app]}).succeeded()
        assert "did not see what is mounted at /srv/up now" in " ".join(run.output.split())
        assert "/srv/up" in host.check_output("systemctl show --property=ReadWritePaths 'linked@*.service'")
        assert run_playbook(host, SITE, {"flask_apps": [app]}).succeeded().changed == 0
        host.check_output("touch /srv/up/photo && chown linked /srv/up/photo")
        refused = run_playbook(host, REMOVE, {"flask_app": "linked", "flask_remove_data": True})
        assert refused.status != 0
        assert "/var/www/linked/shared/instance leads to /srv/up" in " ".join(refused.output.split())
        assert http_get(host, "linked.test").status == 200
    finally:
        kept = run_playbook(host, REMOVE, {"flask_app": "linked"}).succeeded()
    assert "its data are still in /var/www/linked/shared" in " ".join(kept.output.split())
    assert host.check_output("stat --format=%u /srv/up /srv/up/photo") == "0\n0"
    assert as_user(host, "nobody", "getent hosts linked.test").failed
    host.check_output("rm -r /srv/up /var/www/linked /var/backups/webstack-flask")


@pytest.fixture
def volume(host: Host) -> Iterator[None]:
    """A volume for the data of alpha that is mounted late, and was mounted for the first time when alpha had started."""
    host.check_output(f"cp -a {SHARED} /srv/volume && touch /srv/volume/mark")
    for unit, text in (("var-www-alpha-shared.mount", _LATE), ("slow.service", _SLOW)):
        host.check_output("printf %s %s > %s", "%s", text, f"/etc/systemd/system/{unit}")
    host.check_output("systemctl daemon-reload && systemctl enable --now var-www-alpha-shared.mount && systemctl enable slow.service")
    yield
    host.check_output("systemctl disable --now var-www-alpha-shared.mount slow.service && rm -r /srv/volume")
    host.check_output("rm /etc/systemd/system/var-www-alpha-shared.mount /etc/systemd/system/slow.service && systemctl daemon-reload")
    # With its volume the app has ended. Its name comes back with the next run that describes it: a container that restarts forgets it.
    host.check_output("systemctl start alpha@$(basename $(readlink /var/www/alpha/current)).service")


def sees_the_volume(host: Host) -> bool:
    pid = host.check_output("systemctl show --property=MainPID --value 'alpha@*.service'")
    return bool(as_user(host, "alpha", f"test -e /proc/{pid}/root{SHARED}/mark").succeeded)


@pytest.mark.usefixtures("volume")
def test_a_volume_that_came_late_is_noticed_by_a_run_and_waited_for_at_boot(host: Host) -> None:
    assert not sees_the_volume(host)
    run = run_playbook(host, SITE).succeeded()
    assert f"did not see what is mounted at {SHARED} now" in " ".join(run.output.split())
    assert sees_the_volume(host)
    assert run_playbook(host, SITE).succeeded().changed == 0
    restart(host)
    wait_on_host(host, "systemctl is-active 'alpha@*.service'")
    assert sees_the_volume(host)
    assert http_get(host, "alpha.test").status == 200
