"""A live release starts anew, by the command on the host and from the desk, and the table of all hosts tells how it went."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import inventory_name, one_of, run_playbook
from scenario_tests.faulty import new_version, words_of
from scenario_tests.load import show, watch
from scenario_tests.orders import ALL, NAME, SITE, current, deploy, describe

if TYPE_CHECKING:
    from scenario_tests import Play
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

ENV = f"/var/www/{NAME}/current/env"


@pytest.fixture(scope="module")
def version(host: Host) -> str:
    """Deploy a version that is live throughout, and return it."""
    deployed = new_version()
    deploy(host, deployed).succeeded()
    return deployed


def read_pids(host: Host) -> dict[str, str]:
    """Return the main process of each part of the live release."""
    pids = "systemctl show --property=MainPID --value %s"
    return {part: host.check_output(pids, f"{part}@{current(host)}.service") for part in (NAME, *ALL)}


def run(host: Host, playbook: str, version: str, **variables: str) -> Play:
    return run_playbook(host, Path(f"playbooks/{playbook}.yml"), describe(host, version) | variables)


def test_all_parts_start_anew_and_no_request_fails(host: Host, version: str) -> None:
    before = read_pids(host)
    with watch(host, SITE) as seen:
        said = host.check_output(f"webstack {NAME} restart").splitlines()
    assert seen.failures == [], show(seen.failures)
    assert said == ["web ...", "bot ...", "celery ...", "clock ...", "huey ...", "rq ...", f"{NAME} is well"]
    after = read_pids(host)
    assert {part for part in before if before[part] == after[part]} == set()
    assert run(host, "deploy", version).succeeded().changed == 0


def test_a_part_starts_anew_alone_from_the_desk(host: Host, version: str) -> None:
    before = read_pids(host)
    run(host, "restart", version, flask_app=NAME, flask_part="bot").succeeded()
    after = read_pids(host)
    assert {part for part in before if before[part] != after[part]} == {f"{NAME}.bot"}
    refused = run(host, "restart", version, flask_app="shop")
    assert (refused.status, refused.changed) == (2, 0)
    assert 'flask_apps names no app "shop"; it names orders' in words_of(refused)
    assert host.run(f"webstack {NAME} restart nonsense").rc == 2


def test_what_does_not_come_up_is_told_there_and_at_the_desk(host: Host, version: str) -> None:
    host.check_output(f"cp -a {ENV} /root/env && echo 'FAULT=\"worker\"' >> {ENV}")
    try:
        failed = run(host, "restart", version, flask_app=NAME, flask_part="celery")
        assert failed.status != 0
        assert "celery is not well: it" in words_of(failed)
        told = words_of(run(host, "status", version).succeeded())
        assert f"{NAME} on {inventory_name(host)}: the process celery does not run: it" in told
        assert f"courier is on {inventory_name(host)}" in told, "the inventory of this run does not have it"
    finally:
        host.check_output(f"cp -a /root/env {ENV}")
    assert host.run(f"webstack {NAME} restart celery").rc == 0
    assert "the process celery" not in words_of(run(host, "status", version).succeeded())
