"""Names that an authority would not sign, an authority that is away, and one that wants an account to be bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get
from scenario_tests.faulty import words_of
from scenario_tests.tls import Users, converge, describe, find_users, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

# What decides here is the same on either Debian.
testinfra_hosts = ["debian12"]

EAB = {
    "certificates_acme_eab_kid": "kid-1",
    "certificates_acme_eab_hmac_key": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
}
OTHER_AUTHORITY = {"certificates_acme_directory": "https://authority:14001/dir"}
NO_CERTIFICATE = "served WITHOUT ENCRYPTION for want of a certificate"


@pytest.fixture
def more(host: Host, users: Users) -> Iterator[dict[str, Any]]:
    """Describe the app with one name more, which leads to the host for as long as the test lasts."""
    described = describe(host, "shop")
    described["flask_apps"][0]["server_names"].append(users.name("more"))
    users.change_name(f"add {users.name('more')} 1 A {users.address()}")
    yield described
    users.change_name(f"delete {users.name('more')} A")


def test_names_that_lead_elsewhere_or_nowhere_are_told_and_keep_what_they_have(host: Host, users: Users, more: dict[str, Any]) -> None:
    """One leads to another host and has no certificate, one that has a certificate no longer resolves, and one is new."""
    before, elsewhere = users.see_certificate("shop"), users.name("elsewhere")
    more["flask_apps"][0]["server_names"].append(elsewhere)
    users.change_name(f"add {elsewhere} 1 A {users.place.check_output('hostname -I').split()[0]}")
    users.change_name(f"delete {users.name('later')} A")
    try:
        play = converge(host, more)
        words = words_of(play)
        assert f"{elsewhere}: " in words
        assert f"{elsewhere} {NO_CERTIFICATE}" in words
        assert http_get(host, elsewhere).status == 200
        assert f"{users.name('later')}: it does not resolve" in play.output
        assert users.see_certificate("later") == before
        assert http_get(host, users.name("more")).status == 200
    finally:
        users.change_name(f"delete {elsewhere} A")
        users.change_name(f"add {users.name('later')} 1 A {users.address()}")


def test_without_the_authority_the_app_keeps_what_it_has(host: Host, users: Users, more: dict[str, Any]) -> None:
    before = users.see_certificate("shop")
    host.check_output("cp /etc/hosts /etc/hosts.kept && echo 127.0.0.1 authority >> /etc/hosts")
    try:
        play = converge(host, more)
    finally:
        host.check_output("cat /etc/hosts.kept > /etc/hosts && rm /etc/hosts.kept")
    assert f"{users.name('more')} {NO_CERTIFICATE}" in play.output
    assert "Connection refused" in words_of(play)
    assert users.see_certificate("shop") == before
    assert http_get(host, users.name("more")).status == 200
    after = converge(host)
    assert "Order | " not in after.output
    assert users.see_certificate("shop") == before


def test_an_account_is_bound_and_made_anew_once_it_is_forgotten_and_its_key_is_seen_nowhere(
    host: Host, users: Users, more: dict[str, Any]
) -> None:
    before = users.see_certificate("shop")
    host.check_output("rm -rf /etc/letsencrypt/accounts/authority:14001")
    play = converge(host, describe(host, "shop") | OTHER_AUTHORITY)
    assert "requires external account binding" in " ".join(play.output.split())
    assert users.see_certificate("shop") == before
    play = settle(host, describe(host, "shop") | OTHER_AUTHORITY | EAB)
    assert users.see_certificate("shop") != before
    assert users.get(f"https://{users.name('shop')}/").status == 200
    users.place.check_output("systemctl restart pebble@1.service")  # which holds its accounts, and its root, in memory
    play = converge(host, more | OTHER_AUTHORITY | EAB)
    assert NO_CERTIFICATE not in words_of(play)
    assert find_users(host).get(f"https://{users.name('more')}/").status == 200
    secret = EAB["certificates_acme_eab_hmac_key"]
    assert secret not in play.output
    # In two pieces, for sudo writes what the test asks for into the journal.
    look = f"s={secret[:30]}; s=${{s}}{secret[30:]}; grep -rFl $s /etc /var/log /var/lib/letsencrypt; journalctl --no-pager | grep -F $s"
    assert host.run(look).stdout == ""
    settle(host)
