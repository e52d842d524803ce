"""Sites change, go and come back; what runs is what was asked for, whatever happened in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, restart

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian13"]

Sites = dict[str, dict[str, Any]]
Run = Callable[..., Any]

PLAIN = "/etc/nginx/sites-available/plain.conf"
DEFAULT = "/etc/nginx/sites-enabled/default"


def answer_of(version: str) -> str:
    """Return configuration by which a version of a site can be told from another."""
    return f"location = /version {{ return 200 {version}; }}"


def test_a_change_is_predicted_then_made_and_served(host: Host, run_role: Run, sites: Sites) -> None:
    sites["plain"]["extra"] = answer_of("two")
    former = host.file(PLAIN).content_string
    plan = run_role(*sites.values(), options=("--check", "--diff"))
    assert (plan.succeeded, plan.changed) == (True, 1)
    assert "+ location = /version { return 200 two; }" in plan.output
    assert host.file(PLAIN).content_string == former
    assert http_get(host, "plain.test", "/version").body != "two"

    assert run_role(*sites.values()).changed == 1
    assert http_get(host, "plain.test", "/version").body == "two"
    assert run_role(*sites.values()).changed == 0


def test_a_run_killed_before_the_reload_is_made_good(host: Host, run_role: Run, sites: Sites) -> None:
    """A reload that does nothing for some seconds leaves the time to kill the module in the middle of it."""
    drop_in = "/etc/systemd/system/nginx.service.d/idle.conf"
    host.check_output("mkdir -p $(dirname %s) && printf '[Service]\\nExecReload=\\nExecReload=/bin/sleep 5\\n' > %s", drop_in, drop_in)
    host.check_output("systemctl daemon-reload")
    sites["plain"]["extra"] = answer_of("two")
    try:
        host.check_output(
            "systemd-run --unit=assassin sh -c %s",
            "until systemctl is-active nginx | grep -x reloading; do sleep 0.1; done; kill -KILL $(cat /run/webstack-flask/nginx.lock)",
        )
        assert not run_role(*sites.values()).succeeded
    finally:
        host.check_output("timeout 20 sh -c 'until systemctl is-active nginx | grep -x active; do sleep 0.1; done'")
        host.check_output("rm %s && systemctl daemon-reload", drop_in)
    assert "two" in host.file(PLAIN).content_string
    assert http_get(host, "plain.test", "/version").body != "two"

    assert run_role(*sites.values()).changed == 1
    assert http_get(host, "plain.test", "/version").body == "two"
    assert run_role(*sites.values()).changed == 0


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
def test_a_file_that_is_right_but_was_not_loaded_is_noticed(host: Host, run_role: Run, sites: Sites, options: tuple[str, ...]) -> None:
    first = host.file(PLAIN).content_string
    sites["plain"]["extra"] = answer_of("two")
    assert run_role(*sites.values()).succeeded
    host.check_output("printf %%s %s > %s", first, PLAIN)

    sites["plain"]["extra"] = ""
    outcome = run_role(*sites.values(), options=options)
    assert (outcome.succeeded, outcome.changed) == (True, 1)
    assert (http_get(host, "plain.test", "/version").body == "two") == bool(options)


def test_a_change_by_hand_is_taken_back(host: Host, run_role: Run, sites: Sites) -> None:
    host.check_output(
        "sed -i 's/client_max_body_size .*/client_max_body_size 1;/' %s && chmod 600 %s && systemctl reload nginx", PLAIN, PLAIN
    )
    host.check_output("rm /etc/nginx/sites-enabled/static.conf")
    assert run_role(*sites.values()).changed == 1
    assert host.file(PLAIN).mode == 0o644
    assert http_get(host, "static.test").status == 200


def test_nginx_is_up_again_after_a_reboot_and_nothing_is_left_to_do(host: Host, run_role: Run, sites: Sites) -> None:
    restart(host)
    deadline = time.monotonic() + 30
    while http_get(host, "plain.test").status != 200 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert http_get(host, "plain.test").status == 200
    assert run_role(*sites.values()).changed == 0


def test_nginx_is_started_and_enabled_when_it_is_not(host: Host, run_role: Run, sites: Sites) -> None:
    host.check_output("systemctl disable --now nginx")
    assert run_role(*sites.values()).changed == 1
    assert http_get(host, "plain.test").status == 200
    assert host.service("nginx").is_enabled


def test_the_page_of_debian_comes_and_goes(host: Host, run_role: Run, sites: Sites) -> None:
    assert run_role(*sites.values(), nginx_site_default_site="present").changed == 1
    assert "Welcome to nginx" in http_get(host, "no-such-name.test").body
    assert run_role(*sites.values()).changed == 1
    assert not host.file(DEFAULT).exists


def test_a_default_site_that_somebody_edited_stays(host: Host, run_role: Run, sites: Sites) -> None:
    page = "/etc/nginx/sites-available/default"
    host.check_output("cp %s /root/default && echo '# mine' >> %s && ln -s %s %s", page, page, page, DEFAULT)
    try:
        outcome = run_role(*sites.values())
        assert outcome.succeeded
        assert "is not Debian's page any more" in outcome.output
        assert host.file(DEFAULT).linked_to == page
    finally:
        host.check_output("mv /root/default %s", page)
    assert run_role(*sites.values()).changed == 1
    assert not host.file(DEFAULT).exists


def test_unknown_names_are_left_to_whoever_has_a_server_for_them(host: Host, run_role: Run, sites: Sites) -> None:
    """It may be there before ours, come later, and go again."""
    theirs = "/etc/nginx/sites-enabled/zoo"
    with pytest.raises(ConnectionResetError):
        http_get(host, "no-such-name.test")
    host.check_output("printf %%s %s > %s", "server { listen 80 default_server; return 200 zoo; }", theirs)
    try:
        assert run_role(*sites.values()).changed == 1
        assert http_get(host, "no-such-name.test").body == "zoo"
        assert run_role(*sites.values()).changed == 0
        with pytest.raises(ConnectionResetError):
            http_get(host, "no-such-name.test", port=8080)
    finally:
        host.check_output("rm %s", theirs)
    assert run_role(*sites.values(), nginx_site_unknown_names="answer").changed == 1
    assert http_get(host, "no-such-name.test").status in {200, 404}
    assert run_role(*sites.values()).changed == 1
    with pytest.raises(ConnectionResetError):
        http_get(host, "no-such-name.test")


def test_an_absent_site_is_gone_and_its_logs_stay(host: Host, run_role: Run) -> None:
    assert run_role({"name": "plain", "state": "absent"}).changed == 1
    assert not host.file(PLAIN).exists
    assert not host.file("/etc/nginx/sites-enabled/plain.conf").is_symlink
    assert host.file("/var/log/nginx/plain.access.log").exists
    with pytest.raises(ConnectionResetError):
        http_get(host, "plain.test")
    assert http_get(host, "static.test").status == 200
    assert run_role({"name": "plain", "state": "absent"}).changed == 0


def test_the_last_site_leaves_no_trace(host: Host, run_role: Run, sites: Sites) -> None:
    gone = [{"name": name, "state": "absent"} for name in sites]
    assert run_role(*gone, nginx_site_remove_logs=True).changed == 1
    rest = host.check_output("find /etc/nginx /var/lib/nginx /var/log/nginx -type f -o -type l")
    assert not [path for path in rest.splitlines() if "webstack" in path or any(f"/{name}." in path for name in sites)]
    assert http_get(host, "foreign.test").body == "foreign\n"
    assert run_role(*gone, nginx_site_remove_logs=True).changed == 0
    assert run_role(*sites.values()).changed == 1
    assert http_get(host, "plain.test").status == 200
