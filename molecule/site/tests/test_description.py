"""The description may ask for facts, and a host of the inventory need not have one."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from scenario_tests import http_get, http_request, inventory_name, run_playbook

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


def test_the_recipe_for_who_may_come_is_deployed_as_it_stands_and_again(host: Host) -> None:
    page = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"], "docs/nginx.md").read_text(encoding="utf-8")
    recipe = page.partition("## Who may come")[2].partition("```yaml\n")[2].partition("```")[0]
    smallest = next(app for app in host.ansible.get_variables()["flask_apps"] if app["name"] == "smallest")
    apps = [{**app, **{key: smallest[key] for key in ("source", "dependencies")}} for app in yaml.safe_load(recipe)["flask_apps"]]
    # One more that has a gate, behind a balancer that is not there: the host itself speaks its language.
    balanced = {"listen_port": 8081, "trusted_proxies": ["127.0.0.2"], "trusted_header": "proxy_protocol", "extra": "deny all;"}
    tls = {"mode": "self_signed", "port": 8444}
    apps.append({**apps[0], "name": "balanced", "server_names": ["balanced.example.org"], "nginx": balanced, "tls": tls})
    host.check_output("test -e /etc/nginx/staging.htpasswd || install -m 644 /dev/null /etc/nginx/staging.htpasswd")
    run_playbook(host, SITE, {"flask_apps": apps}).succeeded()
    again = run_playbook(host, DEPLOY, {"flask_apps": [{**app, "env": {"COLOUR": "green"}} for app in apps]}).succeeded()
    assert again.changed == 1
    for name, status in (("intern", 403), ("staging", 401)):
        answer = http_get(host, f"{name}.example.org")
        assert (answer.status, "x-webstack-site" in answer.headers) == (status, False)
        words = host.file(f"/etc/nginx/sites-available/{name}.proof")
        assert (words.user, words.group, words.mode) == ("root", "root", 0o600)
        known, passing = (line.split()[0] for line in words.content_string.splitlines()[1:])
        way = partial(http_request, host, f"{name}.proof.invalid", "GET", "/")
        for word in ("", "may-pass", known):
            with pytest.raises(http.client.RemoteDisconnected):
                way(headers={"X-Webstack-Proof": word, "X-Webstack-Host": f"{name}.example.org"})
        assert way(headers={"X-Webstack-Proof": passing}).status == 403, "the word is for the host itself"


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
