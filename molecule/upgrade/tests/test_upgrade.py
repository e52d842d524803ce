"""Python changes under an app's environment when Debian is upgraded: the app goes on, and the next run moves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import run_playbook
from scenario_tests.faulty import EVERYTHING, ROOT, SITE, describe, ensure_served, served, state_of
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

APT = "DEBIAN_FRONTEND=noninteractive apt-get --yes -o Dpkg::Options::=--force-confold"


def python_of(host: Host) -> str:
    return str(host.check_output("%s -c 'import sys; print(sys.version_info[1])'", f"{ROOT}/current/venv/bin/python"))


def test_an_app_outlives_the_upgrade_and_the_next_run_moves_it_to_the_new_python_without_losing_a_request(host: Host) -> None:
    version = ensure_served(host)
    assert python_of(host) == "11"
    host.check_output("sed -i s/bookworm/trixie/g $(ls /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null)")
    with watch(host, SITE, pause=0.2) as during:
        host.check_output(f"{APT} update && {APT} full-upgrade")
    print(f"{len(during.failures)} of {len(during.samples)} requests failed during the upgrade", show(during.failures))
    assert host.check_output("python3 -c 'import sys; print(sys.version_info[1])'") == "13"
    assert python_of(host) == "11"
    host.check_output("systemctl restart 'faulty@*.service'")  # as a reboot does
    assert served(host) == version

    with watch(host, SITE) as seen:
        assert run_playbook(host, Path(EVERYTHING), describe(host, version)).succeeded().changed > 0
    assert (seen.failures, seen.versions) == ([], [version]), show(seen.failures)
    assert python_of(host) == "13"

    # The old Python goes with the packages that nothing needs any more.
    host.check_output(f"{APT} autoremove --purge")
    assert not host.exists("python3.11")
    assert served(host) == version
    assert run_playbook(host, Path(EVERYTHING), describe(host, version)).succeeded().changed == 0
    assert state_of(host).find_untidiness() == []
