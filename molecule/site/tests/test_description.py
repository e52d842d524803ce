"""The description may ask for facts, and a host of the inventory need not have one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import http_get, inventory_name, run_playbook

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

SITE, DEPLOY = (Path(f"playbooks/{name}.yml") for name in ("site", "deploy"))


def test_facts_of_the_host_can_stand_in_the_description(host: Host) -> None:
    described = host.ansible.get_variables()["flask_apps"]
    name = f"{host.check_output('hostname')}.fact.test"
    asking = [{**app, "server_names": [*app["server_names"], f"{{{{ ansible_hostname }}}}.{app['name']}.test"]} for app in described]
    asking[0]["server_names"].append("{{ ansible_facts['hostname'] }}.fact.test")
    variables = {"flask_apps": asking}
    assert run_playbook(host, SITE, variables).succeeded().changed > 0
    assert http_get(host, name).status == 200
    run_playbook(host, SITE).succeeded()


def test_a_host_without_apps_is_passed_over_and_one_without_any_to_say_so_ends_the_run(host: Host, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"database": {"ansible_connection": "local"}}}}), encoding="utf-8")
    limit = f"{inventory_name(host)},database"
    run = run_playbook(host, DEPLOY, options=["--inventory", str(inventory), "--limit", limit]).succeeded()
    assert "database has no flask_apps: it is passed over" in " ".join(run.output.split())

    argv = ["ansible-playbook", "--inventory", str(inventory), str(DEPLOY)]
    alone = subprocess.run(argv, cwd=os.environ["MOLECULE_PROJECT_DIRECTORY"], capture_output=True, text=True, check=False)
    assert alone.returncode != 0
    assert "no host of this run has flask_apps" in " ".join(alone.stdout.split())
