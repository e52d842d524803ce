"""Metrics of a host: who reaches them, what they say when something breaks, and that they go when they are switched off."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import as_user, http_get, run_role

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

ROOT = Path(__file__).parents[3]
PORTS = {"node": 9100, "nginx": 9113, "postgres": 9187}
EVERYTHING = {*(("127.0.0.1", str(port)) for port in PORTS.values()), ("127.79.0.0", "790")}
WANTED = {"metrics_enabled": True, "metrics_postgresql": True}
WRITER = "webstack-flask-metrics"
GET = "python3 -c 'import urllib.request as r; print(r.urlopen(\"{}\", timeout=10).read().decode())'"
WATCHED = "/run/metrics-listeners"


def read_metrics(host: Host, exporter: str) -> dict[str, float]:
    """Return what an exporter says, by the metric with its labels."""
    said = host.check_output(GET.format(f"http://127.0.0.1:{PORTS[exporter]}/metrics"))
    return {name: float(value) for name, value in re.findall(r"(?m)^([^#\n].*) (\S+)$", said)}


def write_and_read(host: Host) -> dict[str, float]:
    """Return what the exporter of the machine says once the metrics of the apps have been written anew."""
    host.check_output(f"systemctl start {WRITER}.service")
    return read_metrics(host, "node")


def list_listening(lines: str) -> set[tuple[str, str]]:
    """Return the addresses and ports in lines of ss at which something listens that gives metrics."""
    found = (line.split()[3].rpartition(":")[::2] for line in lines.splitlines())
    return {(address, port) for address, port in found if int(port) in PORTS.values() or address == "127.79.0.0"}


def test_the_machine_nginx_and_postgresql_are_told_of_on_the_host_alone(host: Host) -> None:
    assert list_listening(host.check_output("ss -Hltn")) == EVERYTHING
    assert read_metrics(host, "nginx")["nginx_up"] == 1
    told = read_metrics(host, "postgres")
    assert told["pg_up"] == 1
    assert any(name.startswith('pg_database_size_bytes{datname="notices"') for name in told)
    # The word that opens nginx's page is root's.
    assert "404" in host.run(GET.format("http://127.79.0.0:790/stub_status")).stderr
    for file in ("/etc/webstack-flask/metrics-nginx.env", "/etc/nginx/conf.d/webstack-flask-metrics.conf"):
        assert "Permission denied" in as_user(host, "notices", f"cat {file}").stderr


def test_what_breaks_is_told_within_the_minute(host: Host) -> None:
    release = host.check_output("basename $(readlink /var/www/lost-and-found/current)")
    process, job = (f"lost-and-found.{name}@{release}.service" for name in ("announce", "tidy.job"))
    healthy, impaired = 'webstack_app_healthy{app="smallest"}', 'webstack_app_troubles{app="lost-and-found",weight="part"}'
    down, failed = (
        'webstack_app_troubles{app="smallest",weight="down"}',
        'webstack_job_last_run_failed{app="lost-and-found",schedule="tidy"}',
    )
    good = 'webstack_app_requests_total{app="smallest",status="2xx"}'
    host.check_output(f"systemctl start {job}")
    well = write_and_read(host)
    assert (well[healthy], well[down], well[impaired], well[failed]) == (1, 0, 0, 0)
    assert well[f'webstack_app_release_info{{app="lost-and-found",release="{release}",version="local"}}'] == 1
    assert well["node_textfile_scrape_error"] == 0
    try:
        host.check_output(f"systemctl stop {process} 'smallest@*.service' 'smallest@*.socket'")
        host.check_output(
            f"timeout 60 sh -c 'until systemctl is-failed -q {job}; do systemctl start --no-block {job}; systemctl kill -s 9 {job}; done'"
        )
        ill = write_and_read(host)
        assert (ill[healthy], ill[failed]) == (0, 1)
        assert ill[down] >= 1
        assert ill[impaired] == 2
    finally:
        host.check_output("systemctl start smallest@$(basename $(readlink /var/www/smallest/current)).service")
        host.check_output(f"systemctl start {process}; systemctl start {job}")
    assert http_get(host, "smallest.test").status == 200
    assert write_and_read(host)[healthy] == 1
    assert read_metrics(host, "node")[good] == well[good] + 1


def test_the_timer_writes_them(host: Host) -> None:
    assert host.check_output(f"systemctl show --property=ActiveState,UnitFileState --value {WRITER}.timer").split() == ["active", "enabled"]
    assert "s" in host.check_output(f"systemctl list-timers --no-legend {WRITER}.timer").split()[4]


@pytest.mark.any_debian("debian12")
def test_the_alerts_are_what_prometheus_takes_and_each_fires_for_what_it_is_for(host: Host) -> None:
    host.check_output("mkdir -p /tmp/alerts")
    for file in ("roles/metrics/files/webstack-flask.rules.yml", "tests/alerts.test.yml"):
        host.check_output("printf %%s %s > /tmp/alerts/%s", (ROOT / file).read_text(encoding="utf-8"), Path(file).name)
    # The package prometheus itself would start a server. On Debian 12 it has promtool, on Debian 13 that is a package of its own.
    package = "prometheus" if host.system_info.release.startswith("12") else "promtool"
    unpack = f"dpkg-deb --fsys-tarfile {package}_*.deb | tar -x ./usr/bin/promtool"
    host.check_output(f"cd /tmp/alerts && apt-get -qq download {package} && {unpack}")
    tested = host.run("cd /tmp/alerts && usr/bin/promtool check rules *.rules.yml && usr/bin/promtool test rules alerts.test.yml")
    assert tested.rc == 0, tested.stdout + tested.stderr


@pytest.mark.any_debian("debian13")
def test_they_go_when_they_are_switched_off_and_listen_nowhere_else_while_they_are_installed(host: Host) -> None:
    assert run_role(host, "metrics", {"metrics_enabled": False}).succeeded().changed == 1
    assert list_listening(host.check_output("ss -Hltn")) == set()
    left = "/etc/systemd/system/prometheus-* /etc/systemd/system/webstack-flask-metrics* /var/lib/prometheus/node-exporter/webstack*"
    assert host.run(f"ls -d {left} /etc/webstack-flask/metrics* /etc/nginx/conf.d/*metrics*").stdout == ""
    assert host.check_output("runuser -u postgres -- psql -XqAtc \"SELECT count(*) FROM pg_roles WHERE rolname = 'prometheus'\"") == "0"

    # What Debian's packages start when they are installed listens at all addresses, unless it is told otherwise before.
    host.check_output("apt-get -qq purge prometheus-node-exporter prometheus-nginx-exporter prometheus-postgres-exporter")
    host.check_output(f"rm -f {WATCHED}")
    host.check_output(f"systemd-run --quiet --unit=watch-listeners sh -c 'while :; do ss -Hltn >> {WATCHED}; sleep 0.02; done'")
    try:
        again = run_role(host, "metrics", WANTED).succeeded()
    finally:
        host.check_output("systemctl stop watch-listeners")
    assert again.changed > 0
    assert list_listening(host.check_output(f"sort -u {WATCHED}")) == EVERYTHING
    assert read_metrics(host, "postgres")["pg_up"] == 1
