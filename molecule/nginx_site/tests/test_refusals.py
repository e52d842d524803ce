"""What cannot be served is refused, with the reason, and nothing that was served is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

Sites = dict[str, dict[str, Any]]
Run = Callable[..., Any]

NEW = {"name": "new", "server_names": ["new.test"], "upstream": "unix:/run/echo/echo.sock"}


@contextmanager
def file_of_somebody(host: Host, path: str, text: str) -> Iterator[None]:
    """Let a file be there that is not the role's."""
    host.check_output("printf %%s %s > %s", text, path)
    try:
        yield
        assert host.file(path).content_string == text
    finally:
        host.check_output("rm -f %s", path)


def snapshot(host: Host) -> str:
    """Return all that the role may write, with the time of the last change."""
    files: str = host.check_output(
        "find /etc/nginx /var/log/nginx /var/lib/nginx ! -type d -printf '%p %l %i %C@\\n' | grep -v '[.]log[. ]' | sort",
    )
    return files


def snapshot_names(host: Host) -> str:
    """Return the names of all files that the role may write."""
    names: str = host.check_output("find /etc/nginx /var/log/nginx /var/lib/nginx /run/nginx* | sort")
    return names


def assert_all_served(host: Host) -> None:
    """The sites of the scenario answer, and would do so after a restart of nginx."""
    assert http_get(host, "plain.test").status == 200
    assert http_get(host, "foreign.test").body == "foreign\n"
    assert host.run("nginx -t").rc == 0


def test_wrong_input_is_refused_all_at_once_before_anything_changes(host: Host, run_role: Run, sites: Sites) -> None:
    before = snapshot(host)
    sites["plain"]["server_names"] = ["plain.test;", "mañana.test"]
    sites["static"]["static"][0]["paths"] = ["../.."]
    outcome = run_role(sites["plain"], sites["static"], {**NEW, "name": "x {}"})
    assert not outcome.succeeded
    for sentence in (
        "nginx_site_sites[0].server_names[0] is 'plain.test;'; allowed is a host name such as",
        "in ASCII this one is xn--maana-pta.test",
        "nginx_site_sites[1].static[0].paths[0] is '../..'; allowed is a directory below `root`",
        "nginx_site_sites[2].name is 'x {}'; allowed is 1 to 32 lower-case letters",
    ):
        assert sentence in outcome.output
    assert snapshot(host) == before


def test_a_broken_site_of_somebody_else_is_named_and_ours_not_activated(host: Host, run_role: Run, sites: Sites) -> None:
    before = snapshot(host)
    with file_of_somebody(host, "/etc/nginx/sites-enabled/broken", "server {\n    no_such_thing on;\n    server_name broken.test;\n}\n"):
        outcome = run_role(*sites.values(), NEW)
        assert not outcome.succeeded
        assert "nginx refuses a file that is none of these sites'" in outcome.output
        assert 'unknown directive "no_such_thing" in /etc/nginx/sites-enabled/broken, line 2' in outcome.output
        assert not host.file("/etc/nginx/sites-available/new.conf").exists
        assert http_get(host, "plain.test").status == 200
        assert http_get(host, "foreign.test").body == "foreign\n"

        nothing_to_do = run_role(*sites.values())
        assert (nothing_to_do.succeeded, nothing_to_do.changed) == (True, 0)
        assert "/etc/nginx/sites-enabled/broken, line 2" in nothing_to_do.output
    assert snapshot(host) == before


def test_a_broken_link_of_somebody_else_is_named(host: Host, run_role: Run, sites: Sites) -> None:
    host.check_output("ln -s /nowhere /etc/nginx/sites-enabled/dangling")
    try:
        outcome = run_role(*sites.values(), NEW)
        assert not outcome.succeeded
        assert "/etc/nginx/sites-enabled/dangling" in outcome.output
    finally:
        host.check_output("rm /etc/nginx/sites-enabled/dangling")
    assert_all_served(host)


@pytest.mark.parametrize(
    ("extra", "options"),
    [("no_such_thing on;", ()), ("}", ()), ("location /x {", ("--check",)), ("include /nowhere;", ())],
)
def test_a_broken_site_of_ours_changes_nothing(host: Host, run_role: Run, sites: Sites, extra: str, options: tuple[str, ...]) -> None:
    before, names = snapshot(host), snapshot_names(host)
    sites["plain"]["extra"] = extra
    outcome = run_role(*sites.values(), NEW, options=options)
    assert not outcome.succeeded
    if "include" not in extra:
        assert "nginx refuses the site plain: " in outcome.output
        assert "in /etc/nginx/sites-enabled/plain.conf, line " in outcome.output
    else:
        assert "/nowhere" in outcome.output
    assert snapshot(host) == before
    assert snapshot_names(host) == names
    assert_all_served(host)


def test_a_name_that_somebody_else_serves_is_not_taken_in_silence(host: Host, run_role: Run, sites: Sites) -> None:
    """For nginx this is a warning: it would ignore one of the two."""
    before = snapshot(host)
    outcome = run_role(*sites.values(), {**NEW, "server_names": ["new.test", "foreign.test"]})
    assert not outcome.succeeded
    assert (
        "the server name foreign.test of the site new is in /etc/nginx/sites-enabled/foreign and /etc/nginx/sites-enabled/new.conf"
        in outcome.output
    )
    assert snapshot(host) == before


def test_visitors_of_others_on_the_port_are_not_cut_off_by_the_proxy_protocol(host: Host, run_role: Run) -> None:
    before = snapshot(host)
    outcome = run_role({**NEW, "trusted_proxies": ["127.0.0.2"], "trusted_header": "proxy_protocol"})
    assert not outcome.succeeded
    assert "at *:80 the site new would let nginx answer to nobody who does not speak the PROXY protocol" in outcome.output
    assert "/etc/nginx/sites-enabled/foreign" in outcome.output
    assert snapshot(host) == before
    assert_all_served(host)


def test_a_file_of_somebody_else_is_not_overwritten(host: Host, run_role: Run, sites: Sites) -> None:
    with file_of_somebody(host, "/etc/nginx/sites-available/new.conf", "# mine\n"):
        for site in (NEW, {"name": "new", "state": "absent"}):
            outcome = run_role(*sites.values(), site)
            assert not outcome.succeeded
            assert "/etc/nginx/sites-available/new.conf exists already and was not written by this role" in outcome.output
    assert_all_served(host)


def test_a_reload_that_fails_puts_the_former_files_back(host: Host, run_role: Run, sites: Sites) -> None:
    former = host.file("/etc/nginx/sites-available/plain.conf").content_string
    drop_in = "/etc/systemd/system/nginx.service.d/broken.conf"
    host.check_output("mkdir -p /etc/systemd/system/nginx.service.d")
    try:
        with file_of_somebody(host, drop_in, "[Service]\nExecReload=\nExecReload=/bin/false\n"):
            host.check_output("systemctl daemon-reload")
            sites["plain"]["extra"] = "location = /changed { return 204; }"
            outcome = run_role(*sites.values(), NEW)
            assert not outcome.succeeded
            assert "nginx does not reload" in outcome.output
            assert "The former configuration was put back" in outcome.output
    finally:
        host.check_output("systemctl daemon-reload")
    assert host.file("/etc/nginx/sites-available/plain.conf").content_string == former
    assert not host.file("/etc/nginx/sites-enabled/new.conf").exists
    assert_all_served(host)


def test_an_occupied_port_is_named(host: Host, run_role: Run, sites: Sites) -> None:
    host.check_output("systemctl stop nginx")
    host.check_output("systemd-run --unit=occupant /usr/bin/python3 -m http.server 80")
    try:
        host.check_output("timeout 60 sh -c 'until ss -ltn | grep -q \":80 \"; do sleep 0.1; done'")
        outcome = run_role(*sites.values(), NEW)
        assert not outcome.succeeded
        assert "nginx does not start" in outcome.output
        assert "Address already in use" in outcome.output
        assert not host.file("/etc/nginx/sites-enabled/new.conf").exists
    finally:
        host.check_output("systemctl stop occupant; systemctl reset-failed; systemctl start nginx")
    assert_all_served(host)
