"""Certificates of every kind take the place of each other, given ones are looked at first, and strangers find nothing grave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scenario_tests import run_playbook
from scenario_tests.faulty import words_of
from scenario_tests.tls import SITE, Users, describe, settle

if TYPE_CHECKING:
    from testinfra.host import Host

# What decides here is the same on either Debian.
testinfra_hosts = ["debian13"]

CERTIFICATES, RENEWALS = "/etc/webstack-flask/certificates", "/etc/letsencrypt/renewal"
JUDGED = ("--protocols", "--std", "--pfs", "--server-preference", "--server-defaults", "--header", "--vulnerable")
GRAVE = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")


def make_given(users: Users, *names: str, days: int = 90, left: int = 80) -> dict[str, str]:
    """Return a certificate and its key that somebody has made elsewhere, some time ago."""
    users.place.check_output(
        "cd /run && faketime %s openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days %s -subj /CN=given "
        "-addext subjectAltName=%s -keyout given.key -out given.pem 2>/dev/null",
        f"{days - left} days ago",
        str(days),
        ",".join(f"DNS:{name}" for name in names),
    )
    return {"certificate": users.place.file("/run/given.pem").content_string, "key": users.place.file("/run/given.key").content_string}


def describe_both(host: Host, *, shop: object = None, star: object = None) -> dict[str, Any]:
    """Return `flask_apps` with other modes of one app, of the other, or of both."""
    changes = {"shop": shop, "star": star}
    return {
        "flask_apps": [
            entry for app, tls in changes.items() for entry in describe(host, app, **({"tls": tls} if tls else {}))["flask_apps"]
        ]
    }


def has_files(host: Host, app: str) -> tuple[bool, bool]:
    """Return whether an app has a certificate on the host, and one that is renewed."""
    return host.file(f"{CERTIFICATES}/{app}.pem").exists, host.file(f"{RENEWALS}/webstack-flask-{app}.conf").exists


def test_modes_are_changed_in_all_directions(host: Host, users: Users) -> None:
    """Two apps change at a time. Each run is followed by one that has nothing to do."""
    shop, star = f"https://{users.name('shop')}/", f"https://any.{users.name('star')}/"
    given = make_given(users, users.name("shop"), users.name("later"), left=10)

    play = settle(host, describe_both(host, shop=given, star="off"))
    assert "given" in users.see_certificate("shop")
    assert "ATTENTION, shop: the certificate ends on " in words_of(play)
    assert users.get(star.replace("https:", "http:")).status == 200
    assert "unrecognized name" in users.refuse(star)
    assert has_files(host, "star") == (False, False)

    settle(host, describe_both(host, shop="self_signed"))
    assert "self-signed" in users.see_certificate("shop")
    assert users.get(star).status == 200

    settle(host, describe_both(host, star="self_signed"))
    assert users.get(shop).status == 200
    assert "self-signed" in users.see_certificate("any.star")
    assert has_files(host, "star") == (True, False)

    for name, text in make_given(users, users.name("shop"), users.name("later")).items():
        host.check_output("umask 077; printf %%s %s > /root/%s", text, name)
    before = users.see_certificate("shop")
    files = describe_both(host, shop={"certificate": "/root/certificate", "key": "/root/key"})
    host.check_output("chmod 644 /root/key")
    refused = run_playbook(host, SITE, files)
    assert refused.status != 0
    assert "others than root may get at the file of its key" in words_of(refused)
    assert users.see_certificate("shop") == before
    host.check_output("chmod 600 /root/key")
    settle(host, files)
    assert "given" in users.see_certificate("shop")
    assert users.get(star).status == 200

    settle(host)
    assert users.get(shop).status == 200


def test_nothing_graver_than_low_is_found(users: Users) -> None:
    report = "/run/testssl.json"
    # All but what it takes longest for and finds nothing grave in: which cipher each of many clients would get, and a list of all ciphers.
    users.place.run(
        f"rm -f %s; testssl {' '.join(JUDGED)} --quiet --warnings off --color 0 --add-ca %s --jsonfile %s https://%s/",
        report,
        "/run/root.pem",
        report,
        users.name("shop"),
    )
    findings = json.loads(users.place.file(report).content_string)
    assert len(findings) > 50
    assert [(finding["id"], finding["finding"]) for finding in findings if finding["severity"] in GRAVE] == []
