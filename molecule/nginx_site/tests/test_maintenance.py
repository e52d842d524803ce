"""A site is closed by a file, and opened again by its absence; nginx reads no configuration for that."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scenario_tests import Answer, http_get, http_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

CSS = "/static/styles/site.css"
CHALLENGE = "/.well-known/acme-challenge/word"
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "x" * 24, "Sec-WebSocket-Version": "13"}


@contextmanager
def closed(host: Host, path: str, page: str) -> Iterator[None]:
    """Have a site closed for as long as the block lasts, and see that nginx reads nothing anew for that."""
    processes = "systemctl show --property=MainPID --value nginx; pgrep -x nginx"
    before = host.check_output(processes)
    host.check_output(f"echo {shlex.quote(page)} > {path} && chmod 0644 {path}")
    try:
        yield
    finally:
        host.check_output(f"rm {path}")
    assert host.check_output(processes) == before


def ask_from(host: Host, address: str, **headers: str) -> int:
    """Return the status that nginx answers to who asks on the host itself, from one of its addresses."""
    script = f"""
import http.client
link = http.client.HTTPConnection("127.0.0.1", source_address=("{address}", 0))
link.request("GET", "/", headers={headers})
print(link.getresponse().status)
"""
    return int(host.check_output("python3 -c %s", script))


def is_closed(answer: Answer) -> bool:
    return answer.status == 503 and (answer.headers["retry-after"], answer.headers["cache-control"]) == ("120", "no-store")


def test_whatever_is_asked_of_the_upstream_is_answered_with_the_page(host: Host) -> None:
    with closed(host, "/srv/static/current/closed.html", "<p>Closed</p>"):
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            for path in ("/", "/static/none.css", *([CSS] if method in ("POST", "PUT", "DELETE") else [])):
                answer = http_request(host, "static.test", method, path, body="x" * 5000 if method[0] == "P" else None)
                assert is_closed(answer), (method, path, answer)
                assert answer.headers["content-type"] == "text/html; charset=utf-8"
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.body == ("" if method == "HEAD" else "<p>Closed</p>\n")
        assert is_closed(http_request(host, "static.test", "GET", "/", headers=UPGRADE))
        assert http_get(host, "plain.test").status == 200, "another site"
    assert http_get(host, "static.test").status == 200


def test_files_and_chosen_addresses_visitors_and_authorities_get_through(host: Host) -> None:
    host.check_output(f"install -D -m 0644 /dev/null /var/lib/webstack-flask/acme{CHALLENGE}")
    with closed(host, "/srv/static/current/closed.html", "<p>Closed</p>"):
        for path in (CSS, CHALLENGE, "/webhooks/paid?a=1", "/a/../webhooks/paid"):
            assert http_get(host, "static.test", path).status == 200, path
        for path in ("/webhooks", "/a/webhooks/", "/webhooks/../", "/webhooks/%2e%2e/a"):
            assert is_closed(http_get(host, "static.test", path)), path
        assert [ask_from(host, address, Host="static.test") for address in ("127.0.0.9", "127.0.0.8")] == [200, 503]
        assert http_get(host, "static.test", "/.webstack-flask/maintenance/static").status == 404, "it is for nginx itself"


def test_of_those_that_have_a_name_in_common_one_is_closed_with_a_page_of_its_own(host: Host) -> None:
    with closed(host, "/srv/static/closed.html", "<p>Closed</p>"):
        answer = http_get(host, "together.test", "/shop/")
        assert (answer.status, answer.headers["retry-after"], answer.body) == (503, "300", "<p>Closed</p>\n")
        assert http_get(host, "together.test", "/shop/static/former.css").status == 200
        assert http_get(host, "together.test", "/").status == 200
        with closed(host, "/srv/static/current/own.html", "<p>Own</p>"):
            for path in ("/shop/", "/shop/stream/", "/shop/static/none.css"):
                answer = http_get(host, "together.test", path)
                assert (answer.status, answer.body) == (503, "<p>Own</p>\n"), path
        assert http_request(host, "together.test", "POST", "/shop/", body="x" * 2000).status == 413, "as it is while the site is open"


def test_the_way_for_the_host_stays_open(host: Host) -> None:
    passing = host.check_output("sed -n 's/ may-pass;//p' /etc/nginx/sites-available/static.proof")
    word = {"X-Webstack-Proof": passing}
    with closed(host, "/srv/static/current/closed.html", "<p>Closed</p>"):
        assert ask_from(host, "127.0.0.1", Host="static.test", **word) == 503
        assert ask_from(host, "127.0.0.1", Host="static.proof.invalid", **word) == 200
