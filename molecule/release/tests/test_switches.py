"""Under full traffic, no switch, good or bad, costs a request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import run_role
from scenario_tests.faulty import ROOT, deploy, new_version, roll_back, served, state_of
from scenario_tests.load import crowd, show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

CONVENTIONAL = Path(__file__).parent / "conventional.service"


def test_ten_switches_good_and_bad_cost_no_request_and_no_user_meets_a_bad_release(host: Host) -> None:
    zero, one, two, three = (new_version() for _ in range(4))
    deploy(host, zero).succeeded()
    with crowd(host, "faulty.test") as everyone, watch(host, "faulty.test") as seen:
        good = [
            deploy(host, one),
            deploy(host, two, gunicorn={"workers": 2, "worker_class": "gthread", "threads": 4}),
            roll_back(host),
            roll_back(host),
            deploy(host, three),
        ]
        bad = [
            deploy(host, "bad 1", "import error"),
            deploy(host, "bad 2", "death at start"),
            deploy(host, "bad 3", "health 500"),
            deploy(host, "bad 4", "fails behind a proxy"),
            deploy(host, "bad 5", release_commands=["echo no; exit 1"]),
        ]
    assert [play.status for play in good] == [0] * 5, "\n".join(play.output for play in good)
    assert 0 not in [play.status for play in bad], "\n".join(play.output for play in bad)
    print(everyone)
    assert everyone.requests > 1000
    assert everyone.failed == 0, str(everyone)
    assert seen.failures == [], show(seen.failures)
    assert seen.versions == [zero, one, two, one, two, three]
    assert state_of(host).find_untidiness() == []
    assert served(host) == three


def test_the_same_load_loses_requests_in_conventional_restarts(host: Host) -> None:
    state = state_of(host)
    record = state.records[state.current or ""]
    assert record
    unit = CONVENTIONAL.read_text().format(app=f"{ROOT}/builds/{record['build']}", venv=f"{ROOT}/environments/{record['environment']}")
    host.check_output("printf %%s %s > /run/systemd/system/conventional.service && systemctl daemon-reload", unit)
    host.check_output("systemctl start conventional.service")
    sites = [{"name": "conventional", "server_names": ["conventional.test"], "upstream": "unix:/run/conventional/gunicorn.sock"}]
    try:
        run_role(host, "nginx_site", {"nginx_site_install": False, "nginx_site_sites": sites}).succeeded()
        with crowd(host, "conventional.test") as everyone, watch(host, "conventional.test") as seen:
            for _ in range(3):
                host.check_output("sleep 1; systemctl restart conventional.service")
            host.check_output("sleep 1")
    finally:
        host.check_output("systemctl stop conventional.service; rm /run/systemd/system/conventional.service; systemctl daemon-reload")
        gone = [{"name": "conventional", "state": "absent"}]
        run_role(host, "nginx_site", {"nginx_site_install": False, "nginx_site_sites": gone}).succeeded()
    print(everyone)
    assert everyone.requests / 2 > everyone.failed > 0, str(everyone)
