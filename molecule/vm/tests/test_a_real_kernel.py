"""What a kernel of its own shows: power cuts, and what a package cannot reach, take or leave while it is installed."""

from __future__ import annotations

import json
import mmap
import shutil
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest
from harness import machines
from scenario_tests import cut_power, inventory_name, run_playbook, wait_on_host
from scenario_tests.faulty import (
    DEPLOY,
    NAME,
    ROOT,
    SITE,
    deploy,
    describe,
    ensure_served,
    new_version,
    running,
    served,
    state_of,
    words_of,
)
from scenario_tests.hosts import read_instance
from scenario_tests.load import show, watch

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

INTRUDER = Path(__file__).parents[1] / "files/intruder"
FAULTY = Path(__file__).parents[3] / "tests/apps/faulty"
BUILDER, WORK = f"_build-{NAME}", f"/var/cache/webstack-flask/{NAME}/work"
FOUND = f"{ROOT}/current/venv/lib/python3*/site-packages/intruder.json"
PASSWORD = f"known-to-the-index-alone-{token_hex(4)}"

DONE, DENIED, HIDDEN = "done", "Operation not permitted", "No such file or directory"

FENCED = {
    "is root in a world of its own": DENIED,
    "opens the disk": HIDDEN,
    "opens the kernel's log": HIDDEN,
    "reads a setting of the kernel": HIDDEN,
    "asks the kernel for its routes": "Address family not supported by protocol",
    "writes its own limits": "Read-only file system",
    "is traced": DENIED,
    "leaves a program with its rights": DENIED,
    "sees the first process": False,
    "NoNewPrivs": "1",
    "Seccomp": "2",
    "CapEff": "",
    "CapBnd": "",
}
"""What the package finds, in its own words."""


@pytest.fixture
def source(tmp_path: Path) -> dict[str, str]:
    """The app with a package more, which is another one each time, lest an environment be there that has it."""
    place = shutil.copytree(FAULTY, tmp_path / "source")
    shutil.copytree(INTRUDER, place / "intruder")
    (place / "intruder" / "mark").write_text(token_hex(8), encoding="ascii")
    with (place / "requirements.txt").open("a", encoding="utf-8") as file:
        file.write("./intruder\n")
    return {"path": str(place)}


def is_on_disk(host: Host, word: str) -> bool:
    """Whether a word is anywhere on the machine's disk, be it in a file, in what was one, or in a journal."""
    disk = machines.load(str(read_instance(inventory_name(host))["container"])).directory / "disk"
    with disk.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(word.encode()) >= 0


def look_at_services(host: Host) -> str:
    return str(host.check_output("systemctl show --property=Id,MainPID,NRestarts ssh nginx systemd-journald"))


def test_a_package_that_takes_all_memory_and_processes_costs_its_own_app_alone(host: Host, source: dict[str, str]) -> None:
    ensure_served(host)
    version, services = new_version(), look_at_services(host)
    variables = describe(host, version)
    taker = {"name": "taker", "source": source, "wsgi": "app:app", "server_names": ["taker.test"]}
    variables["flask_apps"].insert(0, taker | {"dependencies": {"environment": {"WAY": "takes everything"}}})
    with watch(host, SITE, pause=0.5) as seen:
        outcome = run_playbook(host, Path(DEPLOY), variables)
    killed = host.check_output("dmesg | grep 'Killed process'").splitlines()
    builder = host.check_output("id -u _build-taker")
    assert [line for line in killed if f" UID:{builder} " not in line] == []
    assert look_at_services(host) == services
    assert seen.failures == [], show(seen.failures)
    assert served(host) == version
    assert host.run("pgrep --uid _build-taker").failed
    assert outcome.status != 0
    assert "FAILED, taker" in words_of(outcome)
    assert "memory" in words_of(outcome), outcome.output


def test_two_power_cuts_leave_users_served_and_no_password_and_the_next_run_finishes_under_load(host: Host, source: dict[str, str]) -> None:
    """The first cut comes while a package runs, the second between the link to a new release and its proof."""
    before, half, whole, mark = ensure_served(host), new_version(), new_version(), token_hex(8)
    login: dict[str, Any] = {"index_url": f"https://somebody:{PASSWORD}@pypi.org/simple"}
    waiting = login | {"environment": {"WAY": "waits", "MARK": mark}}
    with running(host, describe(host, half, source=source, dependencies=waiting)):
        wait_on_host(host, f"pgrep --uid {BUILDER} --full 'pip install'", pause=0.5)
        wait_on_host(host, f"test -s {WORK}/home/waits", pause=0.5)
        inside = f"nsenter --mount --target $(pgrep --oldest --uid {BUILDER})"
        assert "somebody" in host.check_output(f"{inside} grep --only-matching somebody {WORK}/private/netrc")
        host.check_output("sync")
        cut_power(host)
    assert is_on_disk(host, mark), "what the package itself writes down is there"
    assert not is_on_disk(host, PASSWORD)
    assert served(host) == before

    link = f"releases/{state_of(host).current}"
    with running(host, describe(host, half, source=source, dependencies=login, watch=20)):
        wait_on_host(host, f"test $(readlink {ROOT}/current) != {link}", pause=0.5)
        cut_power(host)  # while most of what was installed may not have reached the disk by itself
    assert served(host) in (before, half)
    assert host.run("pgrep --uid %s", BUILDER).failed
    assert not host.file(WORK).exists
    assert host.run("find %s -name '*.py' -size 0 -path '*flask*'", f"{ROOT}/environments").stdout == ""

    left = served(host)
    with watch(host, SITE, pause=0.5) as seen:  # what a translated guest answers beside its work
        deploy(host, whole, source=source, dependencies=login).succeeded()
    assert len(seen.samples) > 40
    assert (seen.failures, seen.versions) == ([], [left, whole]), show(seen.failures)
    assert deploy(host, whole, source=source, dependencies=login).succeeded().changed == 0
    assert state_of(host).find_untidiness() == []


def test_the_kernel_refuses_a_package_what_it_grants_to_the_same_user_elsewhere(host: Host, source: dict[str, str]) -> None:
    if host.run(f"test -e {FOUND}").failed:
        deploy(host, new_version(), source=source).succeeded()
    inside = json.loads(host.check_output(f"cat {FOUND}"))
    assert inside == FENCED
    program = (INTRUDER / "backend.py").read_text(encoding="utf-8")
    outside = json.loads(host.check_output("cd /; runuser -u %s -- env HOME=/tmp python3 -c %s", BUILDER, program))
    assert {what for what, ending in outside.items() if ending == inside[what]} == {"CapEff"}
    assert {what for what, ending in outside.items() if ending == DONE} == {
        "is root in a world of its own",
        "reads a setting of the kernel",
        "asks the kernel for its routes",
        "is traced",
        "leaves a program with its rights",
    }
