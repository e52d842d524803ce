"""Two apps behind one name, each below a path of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, http_request, run_playbook

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")
NAME = "guestbook.test"
ASK_ENCRYPTED = """
import socket, ssl, sys
name, path = sys.argv[1:]
context = ssl._create_unverified_context()
with context.wrap_socket(socket.create_connection(("127.0.0.1", 443)), server_hostname=name) as link:
    link.sendall(f"GET {path} HTTP/1.0\\r\\nHost: {name}\\r\\n\\r\\n".encode())
    print(link.recv(99).split()[1].decode())
"""
"""Program for a host that has no curl: prints the status of the answer to a request by HTTPS."""


@pytest.mark.parametrize(("path", "link"), [("/", "/static/style.css"), ("/visitors/", "/visitors/static/style.css")])
def test_each_app_has_the_links_of_its_path_and_nginx_sends_its_files(host: Host, path: str, link: str) -> None:
    assert f'href="{link}"' in http_get(host, NAME, path).body
    style = http_get(host, NAME, link)
    assert (style.status, "etag" in style.headers) == (200, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/visitors", 308),
        ("/visitors?a=b", 308),
        ("/visitorsbook", 404),
        ("/VISITORS/", 404),
        ("/visitors/../where", 404),
        ("//visitors/", 404),
        ("/x/../visitors/", 404),
        ("/%76isitors/", 404),
        ("/visitors/.env", 404),
    ],
)
def test_a_path_is_taken_as_it_is_written_and_by_whole_segments(host: Host, path: str, status: int) -> None:
    assert http_get(host, NAME, path).status == status


def test_a_name_that_one_of_them_has_alone_does_not_lead_to_the_other(host: Host) -> None:
    assert http_get(host, "www.guestbook.test", "/visitors/").status == 404


def test_gates_and_limits_of_one_are_not_the_others_and_keep_no_release_out(host: Host) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = [http_request(host, NAME, "POST", path, body=f"name={'a' * 2000}", headers=form).status for path in ("/", "/visitors/")]
    assert sent == [200, 413]
    assert [http_get(host, NAME, path).status for path in ("/where", "/visitors/where")] == [200, 403]
    places = [http_get(host, NAME, path).headers.get("x-place") for path in ("/", "/visitors/", "/visitors/static/none.css")]
    assert places == [None, "visitors", "visitors"]


def test_each_has_logs_of_its_own(host: Host) -> None:
    http_get(host, NAME, "/visitors/?mark=once")
    assert host.run("grep -l mark=once /var/log/nginx/*.access.log").stdout.split() == ["/var/log/nginx/visitors.access.log"]
    assert host.file("/var/log/nginx/visitors.access.log").mode == 0o640


def test_one_goes_fails_and_comes_back_while_the_other_is_served(host: Host) -> None:
    apps = {app["name"]: app for app in host.ansible.get_variables()["flask_apps"]}
    forgotten = run_playbook(host, SITE, {"flask_apps": [apps["guestbook"]]}, options=["--tags", "nginx"])
    assert "guestbook.conf serves visitors, too" in " ".join(forgotten.output.split())
    assert http_get(host, NAME, "/visitors/").status == 200

    run_playbook(host, REMOVE, {"flask_app": "guestbook"}).succeeded()
    assert [http_get(host, NAME, path).status for path in ("/", "/visitors/")] == [404, 200]

    # One whose source is not there, and that was never live, beside the one that comes back, which has a certificate now.
    lost = {**apps["visitors"], "name": "lost", "path": "/lost", "source": {**apps["visitors"]["source"], "version": "no-such-branch"}}
    failed = run_playbook(host, SITE, {"flask_apps": [lost, {**apps["guestbook"], "tls": "self_signed"}, apps["visitors"]]})
    assert failed.status != 0
    for path, status in (("/", "200"), ("/visitors/", "200"), ("/lost/", "404")):
        assert host.check_output("python3 -c %s %s %s", ASK_ENCRYPTED, NAME, path) == status
    assert http_get(host, NAME, "/visitors/").status == 308

    run_playbook(host, SITE).succeeded()  # for the tests after this one
    assert [http_get(host, NAME, path).status for path in ("/", "/visitors/")] == [200, 200]
