"""A port that another program holds is told before anything is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import run_playbook, take_fingerprint, wait_on_host

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["bare"]

SITE = Path("playbooks/site.yml")
SOURCE = Path(__file__).parents[3] / "tests/apps/faulty"


def test_who_holds_a_port_that_nginx_is_to_have_is_told_with_nothing_changed(host: Host) -> None:
    app = {"name": "alpha", "source": {"path": str(SOURCE)}, "wsgi": "app:app", "server_names": ["alpha.test"]}
    app["tls"] = {"mode": "self_signed"}
    host.check_output("systemd-run --unit=held --service-type=exec python3 -m http.server 443")
    try:
        wait_on_host(host, "grep -q ':01BB .* 0A ' /proc/net/tcp")
        before = take_fingerprint(host)
        refused = run_playbook(host, SITE, {"flask_apps": [app]})
        assert take_fingerprint(host) == before
    finally:
        host.check_output("systemctl stop held.service")
    assert refused.status != 0
    words = " ".join(refused.output.split())
    assert "Port 443 is held by python3 (process " in words
    assert "`systemctl disable --now held.service`" in words
    assert "Nothing was changed." in words
