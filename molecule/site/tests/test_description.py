"""The description may ask for facts, and a host of the inventory need not have one."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


RECIPES = {
    "Static files, with caches and compression",
    "Uploads, and pages that take long",
    "Uploads that nginx sends",
    "WebSockets and streams",
    "Below a path",
    "Several apps behind one name",
    "Encryption",
    "Who may come, and how often",
}
"""Those of docs/nginx.md. All but that of several apps, which test_shared_names.py deploys, are deployed here, some of them as one app."""

SOURCE = {
    "wsgi.py": "def app(environ, start):\n    start('200 OK', [])\n    return [str(len(environ['wsgi.input'].read())).encode()]\n",
    "static/site.css": "p {}",
    "shop/static/shop.css": "p {}",
    "frontend/dist/app.css": "p {}",
}


def read_recipes() -> dict[str, list[dict[str, Any]]]:
    """Return the entries of each recipe of the page, by its title."""
    page = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"], "docs/nginx.md").read_text(encoding="utf-8")
    parts = [part.partition("\n") for part in page.split("\n## ")[1:]]
    return {title: yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])["flask_apps"] for title, _end, text in parts}


def describe_recipes(source: Path) -> list[dict[str, Any]]:
    """Return the entries that deploy all recipes, of this source."""
    recipes = read_recipes()
    assert set(recipes) == RECIPES
    (static,), (large,), (sent,), (streams,), (below,), _several, (encrypted,), gated = recipes.values()
    mappings = {mapping["url"]: mapping for mapping in (*sent["static"], *static["static"])}
    # A gate of which the site's own headers tell nothing: a location that adds one.
    own = "location = /shop/ {\n    add_header X-Own yes always;\n    deny all;\n}\n"
    nginx = {**large["nginx"], **streams["nginx"], "extra": own}
    shop = {**large, **sent, **static, **below, "static": [*mappings.values()], "nginx": nginx}
    # And another one, which gives no answer at all, behind a balancer that is not there: the host itself speaks its language.
    silent = 'if ($http_user_agent != "") {\n    return 444;\n}\n'
    balanced = {"listen_port": 8081, "trusted_proxies": ["127.0.0.2"], "trusted_header": "proxy_protocol", "extra": silent}
    closed = {**encrypted, "name": "balanced", "nginx": balanced, "tls": {**encrypted["tls"], "port": 8444}}
    for name, text in SOURCE.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text, encoding="utf-8")
    return [{**app, "source": {"path": str(source)}, "dependencies": {"file": "none"}} for app in (shop, closed, *gated)]


def test_the_recipes_for_nginx_are_deployed_as_they_stand_and_again(host: Host, tmp_path: Path) -> None:
    apps = describe_recipes(tmp_path)
    host.check_output("test -e /etc/nginx/staging.htpasswd || install -m 644 /dev/null /etc/nginx/staging.htpasswd")
    certificate = "-keyout privkey.pem -out fullchain.pem -subj /CN=shop.example.org -addext subjectAltName=DNS:shop.example.org"
    host.check_output(f"mkdir -p /etc/ssl/shop && cd /etc/ssl/shop && openssl req -x509 -newkey rsa:2048 -nodes -days 90 {certificate}")
    run_playbook(host, SITE, {"flask_apps": apps}).succeeded()
    again = run_playbook(host, DEPLOY, {"flask_apps": [{**app, "env": {"COLOUR": "green"}} for app in apps]}).succeeded()
    assert again.changed == 1
    for path, age in (("static/site.css", "3600"), ("static/shop.css", "3600"), ("assets/app.css", "315360000")):
        answer = http_get(host, "www.example.org", f"/shop/{path}")
        assert (answer.body, answer.headers["cache-control"]) == ("p {}", f"max-age={age}")
    assert http_request(host, "www.example.org", "POST", "/shop/upload", body="x" * (2 << 20)).body == str(2 << 20)
    refused = http_get(host, "www.example.org", "/shop/")
    assert (refused.status, refused.headers["x-own"]) == (403, "yes")
    assert '" 444 ' in host.file("/var/log/nginx/balanced.access.log").content_string
    for name, status in (("intern", 403), ("staging", 401)):
        answer = http_get(host, f"{name}.example.org")
        assert (answer.status, "x-webstack-site" in answer.headers) == (status, False)
        guessed = {"X-Webstack-Proof": "is-known", "X-Webstack-Host": "?:is-known"}
        assert http_request(host, f"{name}.example.org", "GET", "/", headers=guessed).status == status
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


def test_tasks_that_the_inventory_keeps_from_being_root_s_are_refused_with_the_variable(host: Host) -> None:
    refused = run_playbook(host, SITE, {"ansible_become": False})
    assert refused.status != 0
    assert (words := " ".join(refused.output.split())).count("`ansible_become` is False") > 0
    assert "Take them out of the inventory" in words
    assert "Port 80" not in words, "what root alone sees is no news"
    assert refused.changed == 0
