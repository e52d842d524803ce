"""An app that is nothing but a worker: it has no socket and no site, and switches, rolls back and goes like any other."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import http_get, one_of, restart, run_playbook, wait_on_host
from scenario_tests.faulty import new_version, words_of
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from scenario_tests.play import Play
    from testinfra.host import Host

testinfra_hosts = one_of("debian13", "debian12")

NAME, LOG = "courier", "/var/www/courier/shared/log.txt"


def describe(host: Host, version: str, fault: str = "") -> dict[str, Any]:
    app = next(copy.deepcopy(app) for app in host.ansible.get_variables()["flask_apps"] if app["name"] == NAME)
    app["env"] = {"VERSION": version, "FAULT": fault}
    return {"flask_apps": [app]}


def deploy(host: Host, version: str, fault: str = "", playbook: str = "deploy") -> Play:
    return run_playbook(host, Path(f"playbooks/{playbook}.yml"), describe(host, version, fault))


def at_work(host: Host) -> list[str]:
    """Return the units of the app that are up."""
    lines = host.check_output("systemctl list-units --plain --no-legend 'courier*'").splitlines()
    return [line.split()[0] for line in lines if line.split()[2] == "active"]


def said(host: Host) -> list[str]:
    return str(host.check_output(f"cat {LOG}")).splitlines()


def current(host: Host) -> str:
    return read_app(host, NAME).current or ""


def test_it_switches_stays_where_it_is_rolls_back_and_comes_up_after_a_reboot(host: Host) -> None:
    old, bad, new = new_version(), new_version(), new_version()
    deploy(host, old).succeeded()
    former = current(host)
    play = deploy(host, bad, "dies")
    assert play.status != 0
    assert "nothing to deliver" in words_of(play)
    assert at_work(host) == [f"courier.deliver@{former}.service"]
    assert "its processes are those of release" in words_of(deploy(host, new, playbook="site").succeeded())
    assert at_work(host) == [f"courier.deliver@{current(host)}.service"]
    assert current(host) != former
    run_playbook(host, Path("playbooks/rollback.yml"), describe(host, new)).succeeded()
    wait_on_host(host, f"tail -n 1 {LOG} | grep -q 'ends {new}'")
    assert said(host)[-4:] == [f"begins {new}", f"ends {old}", f"begins {old}", f"ends {new}"]
    restart(host)
    wait_on_host(host, f"tail -n 1 {LOG} | grep -q 'begins {old}'")
    assert at_work(host) == [f"courier.deliver@{former}.service"]
    assert deploy(host, old, playbook="site").succeeded().changed == 0


def test_nothing_listens_for_it(host: Host) -> None:
    assert "courier" not in host.check_output("nginx -T 2>&1")
    for file in ("/etc/systemd/system/courier@.socket", "/etc/systemd/system/courier@.service", "/var/www/courier/current/gunicorn.sock"):
        assert not host.file(file).exists


def test_users_keep_the_site_until_a_release_without_one_is_proven_and_nothing_of_it_is_left_when_it_goes(host: Host) -> None:
    orders = next(app for app in host.ansible.get_variables()["flask_apps"] if app["name"] == "orders")
    version = new_version()
    good = {"name": NAME, "source": orders["source"], "wsgi": "app:app", "server_names": ["courier.test"], "env": {"VERSION": version}}

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
