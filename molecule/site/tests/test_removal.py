"""An app goes, by the playbook and by its description, and comes back, while its neighbour is served."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import as_user, http_get, run_playbook

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian13"]

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")


def test_an_app_is_taken_away_as_documented_while_the_other_is_served_and_comes_back_with_its_data(host: Host) -> None:
    apps = {app["name"]: app for app in host.ansible.get_variables()["flask_apps"]}
    host.check_output("install -o smallest -g smallest -m 600 /dev/null /var/www/smallest/shared/data")
    plan = run_playbook(host, REMOVE, {"app": "smallest"}, check=True).succeeded()
    assert plan.changed > 0
    assert http_get(host, "smallest.test").status == 200

    assert run_playbook(host, REMOVE, {"app": "smallest"}).succeeded().changed == plan.changed
    assert http_get(host, "guestbook.test").status == 200
    assert find_traces(host) == ["/var/www/smallest/.webstack-flask", "/var/www/smallest/shared"]
    assert as_user(host, "www-data", "ls /var/www/smallest/shared").failed
    assert run_playbook(host, REMOVE, {"app": "smallest"}).succeeded().changed == 0

    run_playbook(host, SITE, {"flask_apps": [apps["smallest"]]}).succeeded()
    assert http_get(host, "smallest.test").status == 200
    data = host.file("/var/www/smallest/shared/data")
    assert (data.user, data.group, data.mode) == ("smallest", "smallest", 0o600)

    gone = {"name": "smallest", "state": "absent", "remove_data": True}
    removed = run_playbook(host, SITE, {"flask_apps": [gone, apps["guestbook"], apps["visitors"]]}).succeeded()
    assert find_traces(host) == []
    (archive,) = host.check_output("ls /var/backups/webstack-flask/").split()
    assert archive in removed.output
    assert host.check_output("tar -tzf %s", f"/var/backups/webstack-flask/{archive}").split() == ["shared/", "shared/data"]
    assert host.file(f"/var/backups/webstack-flask/{archive}").mode == 0o600
    assert http_get(host, "guestbook.test").status == 200
    assert run_playbook(host, SITE, {"flask_apps": [gone, apps["guestbook"], apps["visitors"]]}).succeeded().changed == 0
    run_playbook(host, SITE).succeeded()  # for the tests after this one


def find_traces(host: Host) -> list[str]:
    """Return what is left of the smallest app."""
    places = ("/var/www/smallest/*", "/etc/nginx/*/smallest*", "/etc/systemd/system/*smallest*", "/etc/systemd/system/*/smallest*")
    found: list[str] = host.run(f"ls -d {' '.join(places)} /var/cache/webstack-flask/smallest /var/www/smallest/.[!.]*").stdout.split()
    found += [name for name in ("smallest", "_build-smallest") if host.user(name).exists or host.group(name).exists]
    found += host.run("systemctl list-units --all --plain --no-legend 'smallest@*'").stdout.split()
    return [*found, *host.run("grep smallest /etc/hosts").stdout.split()]
