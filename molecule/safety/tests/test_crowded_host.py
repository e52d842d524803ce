"""What others have on the host stays as it is, and what is broken of theirs does not break ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import http_get, run_playbook
from scenario_tests.load import watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

SITE, REMOVE = Path("playbooks/site.yml"), Path("playbooks/remove.yml")


def describe_a_third(host: Host) -> dict[str, Any]:
    """Return the apps of the scenario with one more, gamma."""
    alpha, beta = host.ansible.get_variables()["flask_apps"]
    return {"flask_apps": [alpha, beta, {**alpha, "name": "gamma", "server_names": ["gamma.test"]}]}


def assert_that_nothing_of_theirs_has_changed(host: Host) -> None:
    assert http_get(host, "foreign.test").body == "foreign\n"
    assert host.service("foreign").is_running
    assert host.service("foreign").is_enabled
    assert host.file("/etc/hosts").contains("192.0.2.7 foreign.example")
    assert host.file("/var/www/html/foreign.txt").is_file
    before = set(host.file("/root/packages-before").content_string.splitlines())
    assert before <= set(host.check_output("dpkg-query --show").splitlines())


def test_with_a_broken_site_of_others_nothing_new_is_activated_and_all_that_was_served_is(host: Host) -> None:
    host.check_output("echo 'server { no_such_thing on; }' > /etc/nginx/sites-enabled/theirs")
    try:
        outcome = run_playbook(host, SITE, describe_a_third(host))
        assert outcome.status != 0
        assert "/etc/nginx/sites-enabled/theirs" in outcome.output
        assert not host.file("/etc/nginx/sites-enabled/gamma.conf").exists
        for name in ("alpha.test", "beta.test", "foreign.test"):
            assert http_get(host, name).status == 200, name
    finally:
        host.check_output("rm /etc/nginx/sites-enabled/theirs")


def test_what_others_had_is_there_after_apps_have_come_and_gone(host: Host) -> None:
    """It comes where the broken site of the test before has kept it from coming."""
    since = host.check_output("systemctl show --property=ActiveEnterTimestampMonotonic foreign nginx")
    assert_that_nothing_of_theirs_has_changed(host)
    with watch(host, "alpha.test") as seen:
        run_playbook(host, SITE, describe_a_third(host)).succeeded()
        assert http_get(host, "gamma.test").status == 200
        assert_that_nothing_of_theirs_has_changed(host)
        run_playbook(host, REMOVE, {"app": "gamma"}).succeeded()
    # A reload of nginx ends connections that are kept alive, at times just when a client uses one again.
    assert [sample for sample in seen.failures if "close" in sample.what] == []
    assert len(seen.samples) > 100
    assert_that_nothing_of_theirs_has_changed(host)
    assert host.check_output("systemctl show --property=ActiveEnterTimestampMonotonic foreign nginx") == since, "nothing was restarted"
