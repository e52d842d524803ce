"""An app that is nothing but a worker: it has no socket and no site, gets one and loses it, and goes like any other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import http_get, one_of, run_playbook
from scenario_tests.courier import NAME, at_work, current, describe
from scenario_tests.faulty import new_version, words_of

if TYPE_CHECKING:
    from scenario_tests.play import Play
    from testinfra.host import Host

testinfra_hosts = one_of("debian13", "debian12")


def test_nothing_listens_for_it(host: Host) -> None:
    assert "courier" not in host.check_output("nginx -T 2>&1")
    for file in ("/etc/systemd/system/courier@.socket", "/etc/systemd/system/courier@.service", "/var/www/courier/current/gunicorn.sock"):
        assert not host.file(file).exists


def test_users_keep_the_site_until_a_release_without_one_is_proven_and_nothing_of_it_is_left_when_it_goes(host: Host) -> None:
    version = new_version()
    source = {"path": f"{os.environ['MOLECULE_PROJECT_DIRECTORY']}/tests/apps/faulty"}
    good = {"name": NAME, "source": source, "wsgi": "app:app", "server_names": ["courier.test"], "env": {"VERSION": version}}

    def run(app: dict[str, Any]) -> Play:
        return run_playbook(host, Path("playbooks/site.yml"), {"flask_apps": [app]})

    bot = at_work(host)
    assert run({**good, "wsgi": "app:missing"}).status != 0
    assert at_work(host) == bot
    assert "courier" not in host.check_output("nginx -T 2>&1")
    run(good).succeeded()
    assert http_get(host, "courier.test").body == f"{version}\n"
    (failing,) = describe(host, new_version(), "dies")["flask_apps"]
    assert "FAILED, courier" in run(failing).output
    assert http_get(host, "courier.test").body == f"{version}\n"
    assert host.run("getent hosts courier.test").rc == 0
    (working,) = describe(host, new_version())["flask_apps"]
    refused = run_playbook(host, Path("playbooks/deploy.yml"), {"flask_apps": [working]})
    assert "its site would answer 502 Bad Gateway. Run site.yml" in words_of(refused)
    assert http_get(host, "courier.test").body == f"{version}\n"
    run(working).succeeded()
    assert "courier" not in host.check_output("nginx -T 2>&1")
    assert host.run("getent hosts courier.test").rc != 0
    assert at_work(host) == [f"courier.deliver@{current(host)}.service"]
    run_playbook(host, Path("playbooks/remove.yml"), {**describe(host, ""), "flask_app": NAME}).succeeded()
    assert at_work(host) == []
    assert host.check_output("ls /etc/systemd/system | grep courier || echo none") == "none"
    # Nobody is told of it any more, and there is no other app of which somebody is.
    assert host.check_output("find /etc/systemd/system /etc/webstack-flask /var/lib/webstack-flask -name '*notif*'") == ""
