"""Packages get installed, in as few steps as there can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario_tests import run_role

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]


def test_the_programs_of_the_packages_run(host: Host) -> None:
    assert "tree v" in host.check_output("tree --version")
    assert host.run("ed --version").rc == 0


def test_recommended_packages_are_left_out(host: Host) -> None:
    # git recommends patch and less.
    run_role(host, "debian_packages", {"debian_packages_names": ["git"]}).succeeded()
    assert host.exists("git")
    assert not host.exists("patch")


def test_a_run_with_nothing_to_do_is_one_round_trip_and_needs_no_index(host: Host) -> None:
    host.check_output("rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin")
    again = run_role(host, "debian_packages", {"debian_packages_names": ["tree", "ed"]}, options=["-vvv"]).succeeded()
    assert (again.changed, again.round_trips) == (0, 1)
    assert host.run("ls /var/lib/apt/lists").stdout == ""


@pytest.mark.any_debian("debian12")
def test_a_package_that_left_its_configuration_behind_is_not_taken_for_installed(host: Host) -> None:
    wanted = {"debian_packages_names": ["cron"]}
    run_role(host, "debian_packages", wanted).succeeded()
    host.check_output("dpkg --remove cron")
    assert "config-files" in host.check_output("dpkg-query --show --showformat='${db:Status-Status}' cron")

    assert run_role(host, "debian_packages", wanted).succeeded().changed == 1
    assert host.package("cron").is_installed


def test_check_mode_names_what_is_missing_and_installs_nothing(host: Host) -> None:
    plan = run_role(host, "debian_packages", {"debian_packages_names": ["tree", "sl"]}, check=True).succeeded()
    assert plan.changed == 1
    assert "Would install sl" in plan.output
    assert not host.package("sl").is_installed


def test_an_unknown_package_fails_by_name(host: Host) -> None:
    failed = run_role(host, "debian_packages", {"debian_packages_names": ["no-such-package"]})
    assert failed.status != 0
    assert "no-such-package" in failed.output


def test_an_index_is_refreshed_when_it_is_older_than_allowed_and_only_then(host: Host) -> None:
    def install(package: str) -> str:
        assert run_role(host, "debian_packages", {"debian_packages_names": [package]}).succeeded().changed == 1
        return str(host.check_output("stat --format=%Y /var/lib/apt/lists/partial"))

    host.check_output("apt-get update && touch --date='2 hours ago' /var/lib/apt/lists/partial")
    old = host.check_output("stat --format=%Y /var/lib/apt/lists/partial")
    refreshed = install("sl")
    assert int(refreshed) > int(old) + 3600
    host.check_output("touch --date='10 minutes ago' /var/lib/apt/lists/partial")
    fresh = host.check_output("stat --format=%Y /var/lib/apt/lists/partial")
    assert install("bc") == fresh


def test_a_package_in_whose_place_another_would_have_to_go_is_refused_and_the_other_stays(host: Host) -> None:
    run_role(host, "debian_packages", {"debian_packages_names": ["cron"]}).succeeded()
    failed = run_role(host, "debian_packages", {"debian_packages_names": ["bcron"]})
    assert failed.status != 0
    assert "remove is disabled" in failed.output
    assert host.package("cron").is_installed


def test_an_installation_that_was_cut_off_is_finished_by_the_next_run(host: Host) -> None:
    """The state that a power cut leaves: one package unpacked without what it depends on, and dpkg's journal not merged."""
    host.check_output("apt-get update && cd /tmp && apt-get download screen && dpkg --unpack screen_*.deb")
    host.check_output("cp /var/lib/dpkg/status /var/lib/dpkg/updates/0001")
    assert "dpkg was interrupted" in host.run("apt-get --yes install less").stderr
    run_role(host, "debian_packages", {"debian_packages_names": ["less"]}).succeeded()
    assert host.run("dpkg --audit").stdout == ""
    assert host.exists("screen")
    assert host.exists("less")
