"""Certificates of every kind take the place of each other, given ones are looked at first, and strangers find nothing grave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import run_playbook
from scenario_tests.tls import Users, converge, describe, settle

if TYPE_CHECKING:
    from testinfra.host import Host

# What decides here is the same on either Debian.
testinfra_hosts = ["debian13"]

FILE = "/etc/webstack-flask/certificates/shop.pem"
RENEWAL = "/etc/letsencrypt/renewal/webstack-flask-shop.conf"
GRAVE = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")


def make_given(users: Users, *, days: int = 90, left: int = 80) -> dict[str, str]:
    """Return a certificate and its key that somebody has made elsewhere, some time ago."""
    users.place.check_output(
        "cd /run && faketime %s openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days %s -subj /CN=given "
        "-addext subjectAltName=DNS:%s,DNS:%s -keyout given.key -out given.pem 2>/dev/null",
        f"{days - left} days ago",
        str(days),
        users.name("shop"),
        users.name("later"),
    )
    return {"certificate": users.place.file("/run/given.pem").content_string, "key": users.place.file("/run/given.key").content_string}


def test_modes_are_changed_in_all_directions(host: Host, users: Users) -> None:
    settle(host, describe(host, "shop", tls="self_signed"))
    assert "self-signed" in users.see_certificate("shop")
    assert not host.file(RENEWAL).exists
    settle(host)
    assert users.get(f"https://{users.name('shop')}/").status == 200

    settle(host, describe(host, "shop", tls="off"))
    assert users.get(f"http://{users.name('shop')}/").status == 200
    assert "unrecognized name" in users.refuse(f"https://{users.name('shop')}/")
    assert not host.file(RENEWAL).exists
    assert not host.file(FILE).exists
    settle(host)
    assert users.get(f"https://{users.name('shop')}/").status == 200

    settle(host, describe(host, "shop", tls=make_given(users)))
    assert "given" in users.see_certificate("shop")
    settle(host, describe(host, "shop", tls="self_signed"))
    assert "self-signed" in users.see_certificate("shop")
    converge(host)
    assert users.get(f"https://{users.name('shop')}/").status == 200


def test_a_given_one_that_ends_soon_is_told(host: Host, users: Users) -> None:
    play = converge(host, describe(host, "shop", tls=make_given(users, left=10)))
    assert "ATTENTION, shop: the certificate ends on " in " ".join(play.output.split())
    converge(host)


def test_given_files_are_checked_before_nginx_sees_them(host: Host, users: Users) -> None:
    before = users.see_certificate("shop")
    for name, text in make_given(users).items():
        host.check_output("umask 077; printf %%s %s > /root/%s", text, name)
    given = describe(host, "shop", tls={"certificate": "/root/certificate", "key": "/root/key"})
    host.check_output("chmod 644 /root/key")
    play = run_playbook(host, Path("playbooks/site.yml"), given)
    assert play.status != 0
    assert "others than root may get at the file of its key" in " ".join(play.output.split())
    assert users.see_certificate("shop") == before
    host.check_output("chmod 600 /root/key")
    settle(host, given)
    assert "given" in users.see_certificate("shop")
    settle(host)


def test_nothing_graver_than_low_is_found(users: Users) -> None:
    report = "/run/testssl.json"
    users.place.run(
        "rm -f %s; testssl --quiet --warnings off --color 0 --add-ca %s --jsonfile %s https://%s/",
        report,
        "/run/root.pem",
        report,
        users.name("shop"),
    )
    findings = json.loads(users.place.file(report).content_string)
    assert len(findings) > 50
    assert [(finding["id"], finding["finding"]) for finding in findings if finding["severity"] in GRAVE] == []
