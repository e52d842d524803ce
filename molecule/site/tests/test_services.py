"""A gallery of two services from one repository: a public one, and one that nobody but the first may call."""

from __future__ import annotations

import base64
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import as_user, http_get, http_request, one_of, run_playbook
from scenario_tests.faulty import words_of
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from scenario_tests.play import Play
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

PUBLIC, ADDRESS = "gallery.test", "127.79.50.56:790"
CALLERS = "/etc/nginx/sites-available/images.callers"
LET_IN = "sed -n 's/^\"~.*\" \\(.*\\);$/\\1/p' "

CALL = """
import http.client, sys, json
address, path, *lines = sys.argv[1:]
link = http.client.HTTPConnection(address, timeout=30)
link.request("GET", path, headers=dict(line.split(": ", 1) for line in lines))
answer = link.getresponse()
print(answer.status, answer.read().decode())
"""
"""Program for a host that has no curl: prints the status and the body of an answer, from lines of a header."""

FIND_WORDS = """
import base64, pathlib, re, subprocess
user = re.search('IMAGES_URL="http://(.*)@', pathlib.Path("/var/www/ui/current/env").read_text())[1]
secrets = [user.partition(":")[2].encode(), base64.b64encode(user.encode())]
for line in subprocess.check_output(["journalctl", "--all", "--no-pager"]).splitlines():
    if any(secret in line for secret in secrets) and b" sudo[" not in line:
        print("journal")
places = ["/var/www/ui/current/env", "/var/www/ui/current/release.json"]
places += [path for place in ("/var/log", "/etc") for path in pathlib.Path(place).rglob("*")]
places += pathlib.Path("/proc").glob("[0-9]*/cmdline")
for path in map(pathlib.Path, places):
    try:
        if path.is_file() and path.suffix != ".journal" and any(secret in path.read_bytes() for secret in secrets):
            print(path)
    except OSError:
        pass
"""
"""Program that prints where the word of the public service is on the host, without being told it. What tests say to sudo does not count."""


def ui(**changes: object) -> dict[str, Any]:
    return describe("ui") | {"server_names": [PUBLIC], "env_files": [".env"], "uses": ["images"]} | changes


def images(version: str, fault: str = "", **changes: object) -> dict[str, Any]:
    health = {"path": "/images", "statuses": [200]}
    return describe("images") | {"internal": True, "health": health, "env": {"VERSION": version, "FAULT": fault}} | changes


def describe(name: str) -> dict[str, Any]:
    source = f"{os.environ['MOLECULE_PROJECT_DIRECTORY']}/tests/apps/gallery"
    return {"name": name, "source": {"path": source, "subdirectory": f"services/{name}"}, "wsgi": "app:app"}


def deploy(host: Host, *apps: dict[str, Any], playbook: str = "site") -> Play:
    return run_playbook(host, Path(f"playbooks/{playbook}.yml"), {"flask_apps": apps})


def read_url(host: Host) -> str:
    """Return the URL at which the public service calls the other one, with its word."""
    found = re.search(r'(?m)^IMAGES_URL="(.*)"$', host.file("/var/www/ui/current/env").content_string)
    assert found
    return str(found[1])


def authorize(url: str) -> str:
    """Return what a client makes of the user and the password in a URL."""
    return "Basic " + base64.b64encode(url.removeprefix("http://").rpartition("@")[0].encode()).decode()


def call(host: Host, *lines: str, user: str = "root", path: str = "/images", address: str = ADDRESS) -> str:
    words = " ".join(f"'{line}'" for line in (address, path, *lines))
    return str(as_user(host, user, f"python3 -c '{CALL}' {words}").stdout).strip()


def open_ports(host: Host) -> set[str]:
    """Return the ports on which the host listens for others."""
    places = {line.split()[3] for line in host.check_output("ss -tlnH").splitlines()}
    return {place.rpartition(":")[2] for place in places if not place.startswith("127.")}


def let_in(host: Host) -> list[str]:
    return str(host.check_output(LET_IN + CALLERS)).split()


def test_the_public_one_shows_what_the_other_answers_and_nobody_else_gets_anything_of_it(host: Host) -> None:
    open_before = open_ports(host)
    plan = run_playbook(host, Path("playbooks/site.yml"), {"flask_apps": [ui(), images("v1")]}, check=True).succeeded()
    first = deploy(host, ui(), images("v1")).succeeded()
    assert plan.changed_tasks == first.changed_tasks
    assert deploy(host, ui(), images("v1")).succeeded().changed == 0
    url = read_url(host)
    assert url.endswith(f"@{ADDRESS}")
    assert let_in(host) == ["webstack.flask", "ui"]

    # Its words are nowhere but where they belong.
    assert sorted(host.check_output("python3 -c %s", FIND_WORDS).split()) == [CALLERS, "/var/www/ui/current/env"]
    own = url.partition(":")[2].partition(":")[2].partition("@")[0]
    assert not any(secret in plan.output + first.output for secret in (own, authorize(url).partition(" ")[2]))

    assert http_request(host, PUBLIC, "POST", "/images/tree").status == 200
    page = http_get(host, PUBLIC)
    assert (page.status, "<p>tree</p>" in page.body, "<title>Pictures" in page.body) == (200, True, True)
    assert "etag" in http_get(host, PUBLIC, "/static/style.css").headers

    # The service learns from nginx who calls, and not by which word.
    seen = json.loads(http_get(host, PUBLIC, "/seen").body)
    assert (seen["X-Webstack-Caller"], "Authorization" in seen) == ("ui", False)
    mine = json.loads(call(host, f"Proxy-Authorization: {authorize(url)}", "Authorization: Bearer mine", path="/seen").partition(" ")[2])
    assert (mine["X-Webstack-Caller"], mine["Authorization"], "Proxy-Authorization" in mine) == ("ui", "Bearer mine", False)

    assert call(host, f"Authorization: {authorize(url)}", user="nobody") == '200 ["tree"]', "it is the word that counts"
    wrong = [
        [],
        ["Authorization: Bearer mine"],
        ["X-Webstack-Caller: ui"],
        ["Host: gallery.test"],
        [f"Authorization: {authorize(url[:-20] + 'g' + url[-19:])}"],
        [f"Authorization: {authorize(url.replace('ui:', 'images:'))}"],
        [f"Authorization: {authorize(url)}x"],
        [f"X-Authorization: {authorize(url)}"],
    ]
    for user in ("root", "www-data", "smallest", "images"):
        assert [call(host, *lines, user=user)[:4] for lines in wrong] == ["403 "] * len(wrong), user
    assert call(host, user="nobody", path="/static/../images")[:4] == "403 "
    assert call(host, f"Host: {ADDRESS.partition(':')[0]}", address="127.0.0.1:80") == "", "no site of another address"
    assert as_user(host, "smallest", f"cat {CALLERS} /var/lib/webstack-flask/services.key /var/www/ui/current/env").stdout == ""

    assert open_ports(host) == open_before, "nothing of it is open to others"


def ensure_served(host: Host) -> None:
    """See that both are there, whatever an earlier test has left."""
    with suppress(OSError):
        if http_get(host, PUBLIC).status == 200:
            return
    deploy(host, ui(), images("v1")).succeeded()


def test_switches_of_the_service_lose_no_call_and_one_that_fails_leaves_its_callers_with_the_former_release(host: Host) -> None:
    ensure_served(host)
    with watch(host, PUBLIC) as seen:
        deploy(host, ui(), images("v2"), playbook="deploy").succeeded()
        run_playbook(host, Path("playbooks/rollback.yml"), {"flask_apps": [ui(), images("v2")], "flask_app": "images"}).succeeded()
        failed = deploy(host, ui(env={"GALLERY_TITLE": "Paintings"}), images("v3", "start"))
    assert (seen.failures, seen.versions) == ([], ["v1", "v2", "v1"]), show(seen.failures)
    assert failed.status != 0
    assert "no images today" in words_of(failed)
    assert "<title>Paintings" in http_get(host, PUBLIC).body, "the caller has its new release"
    assert let_in(host) == ["webstack.flask", "ui"]


def test_who_no_longer_names_the_service_is_let_in_for_as_long_as_its_former_release_serves(host: Host) -> None:
    ensure_served(host)
    word = f"Authorization: {authorize(read_url(host))}"
    for gone in (deploy(host, ui(), {"name": "images", "state": "absent"}), remove(host, "images", ui(), images("v1"))):
        assert (gone.status != 0, gone.changed) == (True, 0)
        assert re.search(r"(uses of ui names 'images'|`uses` of ui names it)", words_of(gone)), gone.output

    bad = deploy(host, ui(uses=[], env={"FAULT": "start"}), images("v1"))
    assert (bad.status != 0, "no pages today" in words_of(bad)) == (True, True)
    assert (http_get(host, PUBLIC).status, let_in(host)) == (200, ["webstack.flask", "ui"])

    alone = ui(uses=[], health={"path": "/none"})
    deploy(host, alone, images("v1")).succeeded()
    assert let_in(host) == ["webstack.flask"]
    assert (http_get(host, PUBLIC).status, call(host, word)[:4]) == (500, "403 ")
    assert deploy(host, alone, images("v1")).succeeded().changed == 0
    assert "ui uses images, which does not let it in yet" in words_of(deploy(host, ui(), images("v1"), playbook="deploy"))

    # It becomes public, and internal again, with its data.
    deploy(host, images("v1", internal=False, server_names=["images.test"])).succeeded()
    assert (http_get(host, "images.test", "/images").body, host.file(CALLERS).exists) == ('["tree"]\n', False)
    assert "790" not in host.check_output("ss -tlnH")
    deploy(host, ui(), images("v1")).succeeded()
    assert "<p>tree</p>" in http_get(host, PUBLIC).body
    assert http_get(host, "guestbook.test", "/").status == 200


def remove(host: Host, name: str, *apps: dict[str, Any]) -> Play:
    variables = {"flask_apps": list(apps), "flask_app": name, "flask_remove_data": True}
    return run_playbook(host, Path("playbooks/remove.yml"), variables)


def test_both_go_and_leave_nothing(host: Host) -> None:
    remove(host, "ui", ui(), images("v1")).succeeded()
    assert let_in(host) == ["webstack.flask"]
    remove(host, "images", images("v1")).succeeded()
    assert "790" not in host.check_output("ss -tlnH")
    places = "/etc/nginx/*/{ui,images}.* /etc/systemd/system/{ui,images}[@.]* /var/www/{ui,images}"
    assert host.run("bash -c %s", f"ls -d {places}").stdout == ""
