"""How often a run speaks to the host, and how many tasks it has: each time costs a quarter to half a second, and each task 0.03 to 0.1 s.

The numbers are what runs need today. A change that makes one of them greater makes every run of every user slower.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, run_playbook

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

TELLING = ["-vvv"]

SITE, DEPLOY, ROLLBACK = (Path(f"playbooks/{name}.yml") for name in ("site", "deploy", "rollback"))


@pytest.mark.parametrize(("playbook", "round_trips", "tasks"), [(SITE, 5, 15), (DEPLOY, 3, 7)], ids=["site", "deploy"])
def test_a_run_with_nothing_to_do_speaks_to_the_host_so_often(host: Host, playbook: Path, round_trips: int, tasks: int) -> None:
    run = run_playbook(host, playbook, options=TELLING).succeeded()
    assert run.changed == 0
    assert run.round_trips == round_trips
    assert run.tasks == tasks


def test_a_changed_variable_and_the_way_back_speak_to_the_host_no_more_often(host: Host) -> None:
    apps = [{**app, "env": {"COLOUR": "green"}} for app in host.ansible.get_variables()["flask_apps"]]
    changed = run_playbook(host, DEPLOY, {"flask_apps": apps}, options=TELLING).succeeded()
    assert changed.changed == 1
    assert changed.round_trips == 3

    back = run_playbook(host, ROLLBACK, options=TELLING).succeeded()
    assert back.changed == 1
    assert back.round_trips == 1
    assert http_get(host, "guestbook.test").status == 200
    assert run_playbook(host, DEPLOY).succeeded().changed == 0


def test_more_apps_take_no_more_round_trips(host: Host) -> None:
    one, *others = host.ansible.get_variables()["flask_apps"]
    trips = [run_playbook(host, SITE, {"flask_apps": apps}, options=TELLING).succeeded().round_trips for apps in ([one], [one, *others])]
    assert trips[0] == trips[1]


def test_a_wrong_variable_of_a_role_ends_the_run_before_the_host_is_spoken_to(host: Host) -> None:
    run = run_playbook(host, SITE, {"gunicorn_systemd_lock_timeout": "soon"}, options=TELLING)
    assert run.status != 0
    assert "gunicorn_systemd_lock_timeout" in run.output
    assert "soon" in run.output
    assert run.round_trips == 0


def test_the_names_that_somebody_took_out_of_the_hosts_file_come_back(host: Host) -> None:
    host.check_output("sed '/guestbook/d' /etc/hosts > /root/hosts && cat /root/hosts > /etc/hosts")
    assert host.run("getent hosts guestbook.test").rc != 0
    run = run_playbook(host, SITE, options=["--tags", "hosts"]).succeeded()
    assert run.changed_tasks == ["webstack.flask.etc_hosts : Host | Keep the blocks"]
    assert host.run("getent hosts guestbook.test").rc == 0
