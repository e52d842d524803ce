"""A site with a certificate is served encrypted, with today's protocols alone, and shows nobody the certificate of another."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import Answer, http_get, http_request, published_port

if TYPE_CHECKING:
    from testinfra.host import Host

Run = Callable[..., Any]
Sites = dict[str, dict[str, Any]]

ACME = "/var/lib/webstack-flask/acme/.well-known/acme-challenge"
CERTIFICATES = "/etc/ssl/webstack-test"
VERSION_THAT_NOBODY_SPEAKS = bytes.fromhex("1a2a3a4a")  # RFC 9000, section 15: reserved to provoke negotiation
ASK_QUIC = """
import socket, sys
packet = bytes([0xC0]) + bytes.fromhex(sys.argv[1]) + bytes([8]) + b"destined" + bytes([8]) + b"sourceid"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
    link.settimeout(5)
    link.connect(("127.0.0.1", 443))
    link.send(packet.ljust(1200, b"\\0"))
    print(link.recv(1500).hex())
"""


def shake_hands(host: Host, name: str | None, **settings: Any) -> ssl.SSLSocket:  # noqa: ANN401
    """Return an encrypted connection for a name; settings are those of the context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(settings.pop("ciphers", "ALL:@SECLEVEL=0"))
    context.set_alpn_protocols(settings.pop("protocols", ["http/1.1"]))
    for option, value in settings.items():
        setattr(context, option, value)
    link = socket.create_connection(("127.0.0.1", published_port(host, 443)), timeout=10)
    return context.wrap_socket(link, server_hostname=name)


def get(host: Host, name: str, path: str = "/", method: str = "GET") -> Answer:
    """Ask for a page over an encrypted connection."""
    link = http.client.HTTPSConnection(name, timeout=10)
    with closing(link):
        link.sock = shake_hands(host, name)
        link.request(method, path)
        answer = link.getresponse()
        headers = {key.lower(): ", ".join(answer.headers.get_all(key, [])) for key in answer.headers}
        return Answer(answer.status, headers, answer.read().decode())


def fingerprint(host: Host, name: str) -> bytes:
    """Return the certificate that nginx shows for a name."""
    with shake_hands(host, name) as link:
        return link.getpeercert(binary_form=True) or b""


def make_certificate(host: Host, name: str, file: str) -> None:
    """Make another certificate for a name, and a key."""
    host.check_output(
        "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=%s -keyout %s -out %s",
        CERTIFICATES,
        name,
        f"{file}.key",
        f"{file}.pem",
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_encrypted_is_sent_to_the_same_address(host: Host, method: str) -> None:
    answer = http_request(host, "encrypted.test", method, "/a%2Fb/?c=%20&d")
    assert (answer.status, answer.headers["location"]) == (308, "https://encrypted.test/a%2Fb/?c=%20&d")


def test_the_upstream_learns_that_it_was_asked_encrypted(host: Host) -> None:
    asked = json.loads(get(host, "encrypted.test", "/page").body)
    assert (asked["path"], asked["headers"]["x-forwarded-proto"], asked["headers"]["host"]) == ("/page", "https", "encrypted.test")


def test_a_site_may_be_served_in_both_ways(host: Host) -> None:
    assert json.loads(http_get(host, "both.test", "/").body)["headers"]["x-forwarded-proto"] == "http"
    assert json.loads(get(host, "both.test").body)["headers"]["x-forwarded-proto"] == "https"


def test_browsers_are_told_to_stay_encrypted_once_and_where_the_site_says_so(host: Host) -> None:
    assert get(host, "encrypted.test", "/own-headers").headers["strict-transport-security"] == "max-age=300"
    assert get(host, "both.test", "/own-headers").headers["strict-transport-security"] == "max-age=1"
    assert "strict-transport-security" not in get(host, "both.test").headers


def test_each_name_has_its_certificate(host: Host) -> None:
    assert fingerprint(host, "encrypted.test") != fingerprint(host, "both.test")


@pytest.mark.parametrize("name", ["no-such-name.test", "plain.test", None])
def test_a_name_that_has_none_is_shown_no_certificate_of_another(host: Host, name: str | None) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        shake_hands(host, name)


def test_http_2_is_spoken(host: Host) -> None:
    for name in ("encrypted.test", "both.test"):
        with shake_hands(host, name, protocols=["h2", "http/1.1"]) as link:
            assert (link.selected_alpn_protocol(), link.version()) == ("h2", "TLSv1.3")


@pytest.mark.parametrize("name", ["encrypted.test", "both.test"])
@pytest.mark.parametrize(
    "settings",
    [
        {"minimum_version": ssl.TLSVersion.TLSv1, "maximum_version": ssl.TLSVersion.TLSv1_1},
        {"maximum_version": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"},
    ],
    ids=["TLS 1.1", "a cipher without authenticated encryption"],
)
def test_what_is_weak_is_not_spoken(host: Host, name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ssl.SSLError):
        shake_hands(host, name, **settings)


def test_tls_1_2_is_spoken(host: Host) -> None:
    with shake_hands(host, "encrypted.test", maximum_version=ssl.TLSVersion.TLSv1_2) as link:
        assert link.version() == "TLSv1.2"


def test_http_3_is_offered_where_nginx_has_it(host: Host) -> None:
    offered = get(host, "encrypted.test").headers.get("alt-svc")
    has_it = host.run("nginx -V 2>&1 | grep -q -- --with-http_v3_module").rc == 0
    assert offered == ('h3=":443"; ma=86400' if has_it else None)
    assert "alt-svc" not in get(host, "both.test").headers
    if has_it:
        answer = bytes.fromhex(host.check_output("python3 -c %s %s", ASK_QUIC, VERSION_THAT_NOBODY_SPEAKS.hex()))
        assert answer[1:5] == bytes(4), "a server that speaks QUIC names its versions"


def test_the_answer_to_an_authority_is_served_without_encryption(host: Host) -> None:
    host.check_output("mkdir -p %s && printf %%s secret > %s/token-1_a && printf no > %s/.env", ACME, ACME, ACME)
    for name in ("encrypted.test", "both.test", "plain.test"):
        answer = http_get(host, name, "/.well-known/acme-challenge/token-1_a")
        assert (answer.status, answer.body) == (200, "secret")
        assert http_get(host, name, "/.well-known/acme-challenge/none").status == 404
        assert not http_get(host, name, "/.well-known/acme-challenge/../../../../etc/passwd").body.startswith("root:")


def test_a_new_certificate_is_loaded_by_the_next_run(host: Host, run_role: Run, sites: Sites) -> None:
    former = fingerprint(host, "encrypted.test")
    make_certificate(host, "encrypted.test", "encrypted")
    assert fingerprint(host, "encrypted.test") == former
    assert run_role(*sites.values()).changed == 1
    assert fingerprint(host, "encrypted.test") != former
    assert run_role(*sites.values()).changed == 0


def test_a_renewal_that_nginx_has_loaded_is_seen_to_be_served_where_the_proxy_protocol_is_spoken_too(
    host: Host, run_role: Run, sites: Sites
) -> None:
    assert sites["balanced"]["tls"]["certificate"] == sites["both"]["tls"]["certificate"]
    former = fingerprint(host, "both.test")
    make_certificate(host, "both.test", "both")
    host.check_output("systemctl reload nginx.service")
    while fingerprint(host, "both.test") == former:
        time.sleep(0.1)
    assert run_role(*sites.values()).changed == 0


@pytest.mark.parametrize(("option", "value"), [("certificate", f"{CERTIFICATES}/none.pem"), ("key", f"{CERTIFICATES}/both.key")])
def test_a_certificate_that_cannot_be_used_changes_nothing(host: Host, run_role: Run, sites: Sites, option: str, value: str) -> None:
    former = fingerprint(host, "encrypted.test")
    sites["encrypted"]["tls"][option] = value
    outcome = run_role(*sites.values())
    assert not outcome.succeeded
    assert "nginx refuses the site encrypted: " in outcome.output
    assert value in outcome.output
    assert fingerprint(host, "encrypted.test") == former


def test_a_plan_does_without_a_certificate_that_an_earlier_step_would_make(run_role: Run, sites: Sites) -> None:
    sites["encrypted"]["tls"]["certificate"] = f"{CERTIFICATES}/none.pem"
    plan = run_role(*sites.values(), options=("--check",))
    assert (plan.succeeded, plan.changed) == (True, 1)
    assert f"{CERTIFICATES}/none.pem does not exist, so nginx could not test the sites" in plan.output
