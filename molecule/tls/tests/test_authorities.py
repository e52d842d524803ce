"""Names that an authority would not sign, an authority that is away, and one that wants an account to be bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_tests import http_get
from scenario_tests.faulty import words_of
from scenario_tests.tls import Users, converge, describe, find_users, settle

if TYPE_CHECKING:
    from testinfra.host import Host

# What decides here is the same on either Debian.
testinfra_hosts = ["debian12"]

EAB = {
    "certificates_acme_eab_kid": "kid-1",
    "certificates_acme_eab_hmac_key": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
}
OTHER_AUTHORITY = {"certificates_acme_directory": "https://authority:14001/dir"}
NO_CERTIFICATE = "served WITHOUT ENCRYPTION for want of a certificate"


def test_a_name_that_leads_elsewhere_is_told_and_served_without_encryption(host: Host, users: Users) -> None:
    elsewhere = users.name("elsewhere")
    more = describe(host, "shop")
    more["flask_apps"][0]["server_names"].append(elsewhere)
    users.change_name(f"add {elsewhere} 1 A {users.place.check_output('hostname -I').split()[0]}")
    try:
        words = words_of(converge(host, more))
        assert f"{elsewhere}: " in words
        assert f"{elsewhere} {NO_CERTIFICATE}" in words
        assert http_get(host, elsewhere).status == 200
    finally:
        users.change_name(f"delete {elsewhere} A")
        converge(host)


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
    assert "Connection refused" in " ".join(play.output.split())
    assert users.see_certificate("shop") == before
    assert http_get(host, users.name("more")).status == 200
    converge(host)


def test_an_account_is_bound_and_made_anew_once_it_is_forgotten_and_its_key_is_seen_nowhere(host: Host, users: Users) -> None:
    before = users.see_certificate("shop")
    host.check_output("rm -rf /etc/letsencrypt/accounts/authority:14001")
    play = converge(host, describe(host, "shop") | OTHER_AUTHORITY)
    assert "requires external account binding" in " ".join(play.output.split())
    assert users.see_certificate("shop") == before
    play = settle(host, describe(host, "shop") | OTHER_AUTHORITY | EAB)
    assert users.see_certificate("shop") != before
    assert users.get(f"https://{users.name('shop')}/").status == 200
    users.place.check_output("systemctl restart pebble@1.service")  # which holds its accounts, and its root, in memory
    more = describe(host, "shop")
    more["flask_apps"][0]["server_names"].append(users.name("more"))
    users.change_name(f"add {users.name('more')} 1 A {users.address()}")
    try:
        play = converge(host, more | OTHER_AUTHORITY | EAB)
        assert NO_CERTIFICATE not in words_of(play)
        assert find_users(host).get(f"https://{users.name('more')}/").status == 200
    finally:
        users.change_name(f"delete {users.name('more')} A")
    secret = EAB["certificates_acme_eab_hmac_key"]
    assert secret not in play.output
    # In two pieces, for sudo writes what the test asks for into the journal.
    look = f"s={secret[:30]}; s=${{s}}{secret[30:]}; grep -rFl $s /etc /var/log /var/lib/letsencrypt; journalctl --no-pager | grep -F $s"
    assert host.run(look).stdout == ""
    settle(host)
