"""From the first run on, apps are served with a certificate that an authority has signed, and that stays so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, run_playbook
from scenario_tests.load import crowd
from scenario_tests.tls import Users, converge, describe, find_users, settle

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["served"]

FILE = "/etc/webstack-flask/certificates/shop.pem"
RENEWAL = "/etc/letsencrypt/renewal/webstack-flask-shop.conf"
EAB = {
    "certificates_acme_eab_kid": "kid-1",
    "certificates_acme_eab_hmac_key": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
}
OTHER_AUTHORITY = {"certificates_acme_directory": "https://authority:14001/dir"}
NO_CERTIFICATE = "served WITHOUT ENCRYPTION for want of a certificate"
GRAVE = ("MEDIUM", "HIGH", "CRITICAL", "FATAL")


@pytest.fixture
def users(host: Host) -> Users:
    """Return the users of a host."""
    return find_users(host)


def workers(host: Host) -> set[str]:
    """Return the processes of nginx that serve."""
    return set(host.check_output("pgrep -f '^nginx: worker process$'").split())


def test_a_first_run_on_a_bare_host_serves_with_a_certificate_of_the_authority(users: Users) -> None:
    page = users.get(f"https://{users.name('shop')}/")
    assert (page.status, page.version, page.body) == (200, "2", "first\n")
    page = users.get(f"http://{users.name('shop')}/a%2Fb/?c=%20&d")
    assert (page.status, page.location) == (308, f"https://{users.name('shop')}/a%2Fb/?c=%20&d")


def test_a_wildcard_is_signed_after_a_challenge_by_dns(users: Users) -> None:
    assert users.get(f"https://any.{users.name('star')}/").status == 200


def test_nobody_but_root_reads_what_is_secret(host: Host) -> None:
    for path in (FILE, "/etc/webstack-flask/acme-dns.ini", "/etc/webstack-flask/certbot.env"):
        assert (host.file(path).mode, host.file(path).user) == (0o600, "root")


def test_a_name_that_does_not_resolve_is_told_and_served_without_encryption_and_never_asked_for(host: Host, users: Users) -> None:
    before = users.see_certificate("shop")
    requests = host.check_output("grep -c . /var/log/letsencrypt/letsencrypt.log")
    play = converge(host)
    assert play.changed_tasks == []
    assert f"{users.name('later')}: it does not resolve" in play.output
    assert f"{users.name('later')} {NO_CERTIFICATE}" in play.output
    assert http_get(host, users.name("later")).body == "first\n"
    assert users.see_certificate("shop") == before
    assert host.check_output("grep -c . /var/log/letsencrypt/letsencrypt.log") == requests


def test_a_name_that_leads_elsewhere_is_told_too(host: Host, users: Users) -> None:
    users.change_name(f"add {users.name('later')} 1 A {users.place.check_output('hostname -I').split()[0]}")
    try:
        assert f"{users.name('later')}: " in converge(host).output
        assert http_get(host, users.name("later")).status == 200
    finally:
        users.change_name(f"delete {users.name('later')} A")


def test_a_name_is_added_and_the_next_run_has_nothing_to_ask(host: Host, users: Users) -> None:
    users.change_name(f"add {users.name('later')} 1 A {users.address()}")
    assert settle(host).changed_tasks == [
        "webstack.flask.certificates : Order | Ask the authority for what is missing",
        "webstack.flask.nginx_site : Serve | Make nginx serve the sites",
    ]
    for label in ("shop", "later"):
        assert users.get(f"https://{users.name(label)}/").status == 200
    assert "Order | " not in converge(host).output


def test_a_name_that_has_a_certificate_keeps_it_when_it_no_longer_resolves(host: Host, users: Users) -> None:
    before = users.see_certificate("shop")
    users.change_name(f"delete {users.name('later')} A")
    try:
        more = describe(host, "shop")
        more["flask_apps"][0]["server_names"].append(users.name("more"))
        users.change_name(f"add {users.name('more')} 1 A {users.address()}")
        play = converge(host, more)
        assert f"{users.name('later')}: it does not resolve" in play.output
        assert users.see_certificate("later") == before
        assert http_get(host, users.name("more")).status == 200
    finally:
        users.change_name(f"add {users.name('later')} 1 A {users.address()}")
        users.change_name(f"delete {users.name('more')} A")
        settle(host)


def test_a_switch_under_load_costs_no_request(host: Host, users: Users) -> None:
    variables = describe(host, "shop", env={"VERSION": "second"})
    with crowd(host, users.name("shop"), rate=5, source="authority", scheme="https") as everyone:
        run_playbook(host, Path("playbooks/deploy.yml"), variables).succeeded()
    print(everyone)
    assert users.get(f"https://{users.name('shop')}/").body == "second\n"
    assert everyone.requests > 300
    assert everyone.failed == 0, str(everyone)
    run_playbook(host, Path("playbooks/deploy.yml")).succeeded()


def test_a_renewal_under_load_is_loaded_by_nginx_alone_and_the_next_run_changes_nothing(host: Host, users: Users) -> None:
    former = users.see_certificate("shop")
    host.check_output("sed -i '1i renew_before_expiry = 100 days' %s", RENEWAL)
    try:
        with crowd(host, users.name("shop"), rate=5, source="authority", scheme="https") as everyone:
            host.check_output("systemctl start certbot.service")
            host.run_expect([0], "for n in $(seq 50); do test -z \"$(pgrep -f 'worker process is shutting')\" && break; sleep 0.1; done")
    finally:
        host.check_output("sed -i '/renew_before_expiry/d' %s", RENEWAL)
    print(everyone)
    assert users.see_certificate("shop") != former
    assert everyone.counts["GET, close"].failed == everyone.counts["POST, close"].failed == 0, str(everyone)
    # A request that was on its way while nginx closed the idle connection is lost; clients repeat it where they may.
    assert everyone.failed <= 2 * len(everyone.counts), str(everyone)
    assert host.file(FILE).mode == 0o600
    assert converge(host).changed_tasks == []


def test_nginx_is_left_alone_when_nothing_was_renewed(host: Host) -> None:
    before = workers(host)
    host.check_output("systemctl start certbot.service")
    assert workers(host) == before
    assert host.service("certbot.timer").is_running
    assert host.service("certbot.timer").is_enabled


def test_without_the_authority_the_app_keeps_what_it_has(host: Host, users: Users) -> None:
    more = describe(host, "shop")
    more["flask_apps"][0]["server_names"].append(users.name("more"))
    users.change_name(f"add {users.name('more')} 1 A {users.address()}")
    before = users.see_certificate("shop")
    host.check_output("cp /etc/hosts /etc/hosts.kept && echo 127.0.0.1 authority >> /etc/hosts")
    try:
        play = converge(host, more)
    finally:
        host.check_output("cat /etc/hosts.kept > /etc/hosts && rm /etc/hosts.kept")
        users.change_name(f"delete {users.name('more')} A")
    assert f"{users.name('more')} {NO_CERTIFICATE}" in play.output
    assert "ConnectionError" in play.output
    assert users.see_certificate("shop") == before
    assert http_get(host, users.name("more")).status == 200
    converge(host)


def test_an_account_is_bound_and_its_key_is_seen_nowhere(host: Host, users: Users) -> None:
    before = users.see_certificate("shop")
    play = converge(host, describe(host, "shop") | OTHER_AUTHORITY)
    assert "external account" in play.output.lower()
    assert users.see_certificate("shop") == before
    play = settle(host, describe(host, "shop") | OTHER_AUTHORITY | EAB)
    assert users.see_certificate("shop") != before
    assert users.get(f"https://{users.name('shop')}/").status == 200
    secret = EAB["certificates_acme_eab_hmac_key"]
    assert secret not in play.output
    assert host.run("grep -rFl %s /etc /var/log /run /var/lib/letsencrypt 2>/dev/null", secret).stdout == ""
    assert host.run("journalctl --no-pager --grep=%s", secret[:20]).stdout.strip() in ("", "-- No entries --")
    settle(host)


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
    settle(host)
    assert users.get(f"https://{users.name('shop')}/").status == 200


def test_a_given_one_that_ends_soon_is_told(host: Host, users: Users) -> None:
    play = converge(host, describe(host, "shop", tls=make_given(users, left=10)))
    assert "ATTENTION, shop: the certificate ends on " in play.output
    converge(host)


def test_given_files_are_checked_before_nginx_sees_them(host: Host, users: Users) -> None:
    before = users.see_certificate("shop")
    for name, text in make_given(users).items():
        host.check_output("umask 077; printf %%s %s > /root/%s", text, name)
    given = describe(host, "shop", tls={"certificate": "/root/certificate", "key": "/root/key"})
    host.check_output("chmod 644 /root/key")
    play = run_playbook(host, Path("playbooks/site.yml"), given)
    assert play.status != 0
    assert "others than root may get at /root/key" in play.output
    assert users.see_certificate("shop") == before
    host.check_output("chmod 600 /root/key")
    settle(host, given)
    assert "given" in users.see_certificate("shop")
    settle(host)


def test_clients_of_all_kinds_are_content(users: Users) -> None:
    url = f"https://{users.name('shop')}/"
    assert "200" in users.place.check_output("nghttp -nv --no-dep %s", url)
    users.place.check_output(
        "mkdir -p /root/.pki/nssdb && certutil -d sql:/root/.pki/nssdb -N --empty-password; "
        "certutil -d sql:/root/.pki/nssdb -A -t C,, -n authority -i %s",
        "/run/root.pem",
    )
    shown = users.place.check_output("timeout 60 chromium --headless --no-sandbox --disable-gpu --dump-dom %s 2>/dev/null", url)
    assert "first" in shown


@pytest.mark.parametrize("report", ["/run/testssl.json"])
def test_nothing_graver_than_low_is_found(users: Users, report: str) -> None:
    users.place.run(
        "rm -f %s; testssl.sh --quiet --warnings off --color 0 --add-ca %s --jsonfile %s https://%s/",
        report,
        "/run/root.pem",
        report,
        users.name("shop"),
    )
    findings = json.loads(users.place.file(report).content_string)
    assert len(findings) > 50
    assert [(finding["id"], finding["finding"]) for finding in findings if finding["severity"] in GRAVE] == []


def test_an_app_that_is_taken_away_leaves_no_certificate_to_renew(host: Host, users: Users) -> None:
    run_playbook(host, Path("playbooks/remove.yml"), {"app": "star"}).succeeded()
    assert host.run("ls /etc/letsencrypt/renewal").stdout.split() == ["webstack-flask-shop.conf"]
    assert host.run("ls /etc/webstack-flask/certificates").stdout.split() == ["shop.pem"]
    assert users.get(f"https://{users.name('shop')}/").status == 200
    assert run_playbook(host, Path("playbooks/remove.yml"), {"app": "star"}).succeeded().changed == 0
