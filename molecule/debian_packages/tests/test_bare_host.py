"""What holds on a host on which nothing has been done yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_tests import run_role

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["bare12", "bare13"]


def test_check_mode_is_a_truthful_plan_without_an_index_and_without_python_apt(host: Host) -> None:
    plan = run_role(host, "debian_packages", {"debian_packages_names": ["nginx", "python3"]}, check=True).succeeded()
    assert plan.changed == 1
    assert "Would install nginx" in plan.output
    assert not host.exists("nginx")
    assert not host.package("python3-apt").is_installed
    assert host.run("apt-cache show nginx").rc != 0


def test_what_a_bare_host_has_is_found_in_one_round_trip(host: Host) -> None:
    again = run_role(host, "debian_packages", {"debian_packages_names": ["python3", "sudo"]}, options=["-vvv"]).succeeded()
    assert (again.changed, again.round_trips) == (0, 1)


def test_nothing_asked_for_is_nothing_done(host: Host) -> None:
    again = run_role(host, "debian_packages", {"debian_packages_names": []}, options=["-vvv"]).succeeded()
    assert (again.changed, again.round_trips) == (0, 0)


def test_a_name_that_is_none_is_refused_in_words(host: Host) -> None:
    refused = run_role(host, "debian_packages", {"debian_packages_names": ["nginx", "nginx=1.22", "--purge"]})
    assert refused.status != 0
    assert "debian_packages_names: nginx=1.22, --purge cannot be names of Debian packages" in " ".join(refused.output.split())


def test_what_is_known_to_be_installed_is_not_looked_for(host: Host) -> None:
    variables = {"debian_packages_names": ["python3", "sudo"], "debian_packages_installed": ["sudo", "python3", "ed"]}
    again = run_role(host, "debian_packages", variables, options=["-vvv"]).succeeded()
    assert (again.changed, again.round_trips) == (0, 0)
    plan = run_role(host, "debian_packages", {**variables, "debian_packages_names": ["python3", "nginx"]}, check=True).succeeded()
    assert "Would install nginx" in plan.output
