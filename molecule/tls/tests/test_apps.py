"""From the first run on, apps are served with a certificate that an authority has signed, and that stays so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import http_get, run_playbook, wait_on_host
from scenario_tests.load import crowd
from scenario_tests.tls import Users, converge, describe, find_users

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = ["served"]

FILE = "/etc/webstack-flask/certificates/shop.pem"
RENEWAL = "/etc/letsencrypt/renewal/webstack-flask-shop.conf"
NO_CERTIFICATE = "served WITHOUT ENCRYPTION for want of a certificate"


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


@pytest.mark.any_debian("debian12")
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


@pytest.fixture(scope="module")
def added(host: Host) -> Play:
    """Have a name resolve that did not, and the app reached by it; return the run that saw to it."""
    users = find_users(host)
    users.change_name(f"add {users.name('later')} 1 A {users.address()}")
    return converge(host, tags="nginx")


def test_a_name_is_added_by_the_tag_nginx(users: Users, added: Play) -> None:
    assert added.changed_tasks == [
        "webstack.flask.certificates : Order | Ask the CA for what is missing",
        "webstack.flask.nginx_site : Serve | Make nginx serve the sites",
    ]
    for label in ("shop", "later"):
        assert users.get(f"https://{users.name(label)}/").status == 200


@pytest.mark.any_debian("debian12")
@pytest.mark.usefixtures("added")
def test_the_run_after_a_name_was_added_has_nothing_to_ask(host: Host) -> None:
    after = converge(host)
    assert after.changed_tasks == []
    assert "Order | " not in after.output


@pytest.mark.any_debian("debian13")
def test_a_switch_under_load_costs_no_request(host: Host, users: Users) -> None:
    variables = describe(host, "shop", env={"VERSION": "second"})
    with crowd(host, users.name("shop"), rate=5, source="authority", scheme="https") as everyone:
        run_playbook(host, Path("playbooks/deploy.yml"), variables).succeeded()
    print(everyone)
    assert users.get(f"https://{users.name('shop')}/").body == "second\n"
    assert everyone.requests > 300
    assert everyone.failed == 0, str(everyone)
    assert converge(host, tags="deploy").changed_tasks == ["webstack.flask.gunicorn_systemd : Release | Take each app to its release"]
    assert users.get(f"https://{users.name('shop')}/").body == "first\n"


def test_a_renewal_under_load_is_loaded_by_nginx_alone_and_the_next_run_changes_nothing(host: Host, users: Users) -> None:
    former, served_by = users.see_certificate("shop"), workers(host)
    host.check_output("sed -i '1i renew_before_expiry = 100 days' %s", RENEWAL)
    try:
        with crowd(host, users.name("shop"), rate=5, source="authority", scheme="https") as everyone:
            host.check_output("systemctl start certbot.service")
            wait_on_host(host, f"! ps -p {','.join(served_by)} > /dev/null", pause=0.2)
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


def test_clients_of_all_kinds_are_content(users: Users) -> None:
    url = f"https://{users.name('shop')}/"
    assert "200" in users.place.check_output("nghttp -nv --no-dep %s", url)
    users.place.check_output(
        "mkdir -p /root/.pki/nssdb; test -e /root/.pki/nssdb/cert9.db || certutil -d sql:/root/.pki/nssdb -N --empty-password; "
        "certutil -d sql:/root/.pki/nssdb -A -t C,, -n authority -i %s",
        "/run/root.pem",
    )
    shown = users.place.check_output("timeout 300 chromium --headless --no-sandbox --disable-gpu --dump-dom %s 2>/dev/null", url)
    assert "first" in shown


@pytest.mark.any_debian("debian12")
def test_apps_that_share_a_name_share_the_certificate_that_the_authority_signs_for_the_names_of_both(host: Host, users: Users) -> None:
    users.change_name(f"add {users.name('below')} 1 A {users.address()}")
    names = [users.name("shop"), users.name("below")]
    beside = describe(host, "star", name="below", server_names=names, path="/below", tls=None)["flask_apps"]
    both = describe(host, "shop", server_names=names)["flask_apps"] + beside
    try:
        converge(host, {"flask_apps": both})
        assert host.check_output("ls /etc/letsencrypt/renewal").split() == ["webstack-flask-shop.conf", "webstack-flask-star.conf"]
        for name in names:
            assert users.get(f"https://{name}/").body == "first\n"
            assert users.get(f"https://{name}/below/").body == "bare, by https\n"
        run_playbook(host, Path("playbooks/remove.yml"), {"flask_apps": both, "app": "below"}).succeeded()
        assert users.get(f"https://{users.name('shop')}/below/").status == 404
    finally:
        users.change_name(f"delete {users.name('below')} A")
        converge(host)
