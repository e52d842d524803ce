"""To a good release, back, and to one that is no good, while all that apps do goes on: requests, orders, jobs at certain times."""

from __future__ import annotations

import getpass
import json
import re
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scenario_tests import courier, one_of, run_playbook, wait_on_host
from scenario_tests.faulty import DEPLOY, ROLLBACK, new_version, words_of
from scenario_tests.load import Watch, show, watch
from scenario_tests.orders import (
    NAME,
    SHARED,
    SITE,
    at_work,
    begin_long,
    clock,
    current,
    describe,
    done,
    ensure_well,
    ordering,
    show_units,
    tell,
    tell_status,
    units,
    wait_for,
)

if TYPE_CHECKING:
    from scenario_tests.play import Play
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

EVERY = 10  # seconds, between two runs of the job `often`
LOGS = "/var/log/webstack-flask"


@dataclass(frozen=True)
class Step:
    """A run for both apps, and what was so after it."""

    play: Play
    release: str
    at_work: dict[str, str]
    courier: str
    """The release of the other app."""
    courier_at_work: list[str]
    courier_at_boot: list[str]

    @property
    def courier_units(self) -> list[str]:
        """What is to be up of the other app."""
        return [f"courier.deliver@{self.courier}.service"]


@dataclass(frozen=True)
class Switches:
    """What was seen of the three."""

    good: str
    bad: str
    """Versions of the apps."""
    before: tuple[str, str]
    """The releases of both apps that were live before."""
    courier_version: str
    """The former version of the other app."""
    there: Step
    back: Step
    failed: Step
    ending: str
    """After the rollback, the state of a worker of the former release that was at one order all the while."""
    settled: dict[str, str]
    """What was at work once that order was done."""
    requests: Watch
    clock: list[str]
    """What the clock of each release has written down, from the one that was live before on."""
    jobs: tuple[list[int], int]
    """The times of the job `often`, and how many of them have had a run."""
    job_versions: list[str]
    """In which versions it has begun."""


def read_often(host: Host) -> tuple[list[tuple[int, bool]], list[str]]:
    """Return what the host has written down of the times of the job `often`, and in which versions it has begun, while it does not run.

    Each time is there with whether it was the timer's. One that is not, and is there first, came while a run of the job ended.
    """
    resting = f"systemctl show --property=ActiveState --value {NAME}.often.job.service | grep -qx inactive"
    text = wait_on_host(host, resting, then=f"cat /var/www/{NAME}/started/often && echo - && grep '^begins often' {SHARED}/jobs.txt")
    times, _line, jobs = text.partition("\n-\n")
    found = [re.fullmatch(r".*, before \w+ (.*) UTC;(.*)", line) for line in times.splitlines()]
    ends = [(datetime.fromisoformat(f"{one[1]}+00:00").timestamp(), bool(one[2])) for one in found if one]
    return [(int(end) - EVERY, by_timer) for end, by_timer in ends], [line.split()[-1] for line in jobs.splitlines()]


def count_runs(former: list[tuple[int, bool]], later: list[tuple[int, bool]]) -> tuple[list[int], int]:
    """Return the times that are new, and how many of them have had a run."""
    first: dict[int, bool] = {}
    for moment, by_timer in later[len(former) :]:
        first.setdefault(moment, by_timer)
    for moment, _by_timer in former:
        first.pop(moment, None)
    return list(first), sum(first.values())


@pytest.fixture(scope="module")
def seen(host: Host) -> Switches:
    """Take two apps to a good release, back, and to one that is no good; the former one is live then, and the last deploy has failed."""
    ensure_well(host)
    before = (current(host), courier.current(host))
    courier_version = courier.version(host)
    good, bad = new_version(), new_version()
    long = f"back-{good}"

    def run(playbook: str, version: str, fault: str = "", courier_fault: str = "") -> Step:
        play = run_playbook(host, Path(playbook), courier.beside(describe(host, version, fault), host, version, courier_fault))
        return Step(play, current(host), at_work(host), courier.current(host), courier.at_work(host), courier.at_boot(host))

    times, versions = read_often(host)
    ticks = clock(host)
    with ordering(host, good), watch(host, SITE) as requests:
        worker = begin_long(host, long)
        there = run(DEPLOY, good)
        back = run(ROLLBACK, good)
        ending = show_units(host)[worker]["ActiveState"]
        tell(host, long)
        wait_for(host, f"rq {long}")
        wait_on_host(host, f"systemctl is-active {worker}")
        settled = at_work(host)
        failed = run(DEPLOY, bad, "worker", "dies")
    time.sleep(2 * EVERY)
    later, all_versions = read_often(host)
    jobs = count_runs(times, later)
    return Switches(
        good,
        bad,
        before,
        courier_version,
        there,
        back,
        failed,
        ending,
        settled,
        requests,
        clock=clock(host)[len(ticks) - 1 :],
        jobs=jobs,
        job_versions=all_versions[len(versions) :],
    )


def test_no_request_and_no_job_is_lost_and_none_is_done_twice(seen: Switches) -> None:
    seen.there.play.succeeded()
    assert seen.there.release != seen.before[0]
    assert set(seen.there.at_work) == units(seen.there.release)
    seen.back.play.succeeded()
    assert seen.back.release == seen.before[0]
    assert set(seen.settled) == units(seen.before[0])
    assert seen.requests.failures == [], show(seen.requests.failures)
    assert "is not alone" not in " ".join(seen.clock)
    assert all(one.split()[0] != other.split()[0] for one, other in pairwise(seen.clock)), seen.clock


def test_a_release_whose_workers_do_not_start_leaves_those_before_at_work(seen: Switches) -> None:
    assert seen.failed.play.status != 0
    words = words_of(seen.failed.play)
    assert "does not run: " in words
    assert f"the workers of {seen.bad} do not start" in words
    assert seen.failed.release == seen.before[0]
    # Workers have gone on as if nothing had been; but of the clock there must never be two.
    assert {unit: pid for unit, pid in seen.failed.at_work.items() if ".clock@" not in unit} == {
        unit: pid for unit, pid in seen.settled.items() if ".clock@" not in unit
    }
    assert set(seen.failed.at_work) == units(seen.before[0])


def test_one_that_is_still_ending_starts_again_by_itself_when_users_are_taken_back_to_it(host: Host, seen: Switches) -> None:
    assert seen.ending == "deactivating"
    assert set(seen.back.at_work) == units(seen.before[0]) - {f"{NAME}.rq@{seen.before[0]}.service"}
    assert set(seen.settled) == units(seen.before[0])
    assert done(host)[f"rq back-{seen.good}"] == 1


def test_no_run_of_a_job_is_lost_or_doubled_and_none_is_of_a_release_that_is_not_proven(seen: Switches) -> None:
    times, runs = seen.jobs
    assert [later - earlier for earlier, later in pairwise(times)] == [EVERY] * (len(times) - 1)
    assert len(times) > 5
    # On a busy machine a run may take as long as from one time to the next, which is passed over then.
    assert len(seen.job_versions) == runs
    assert seen.bad not in seen.job_versions
    assert seen.good in seen.job_versions
    assert sum(one != other for one, other in pairwise(seen.job_versions)) == 2


def test_an_app_that_is_nothing_but_a_worker_switches_rolls_back_and_stays_where_it_is_as_well(host: Host, seen: Switches) -> None:
    assert "its processes are those of release" in words_of(seen.there.play)
    assert seen.there.courier != seen.before[1]
    assert seen.back.courier == seen.failed.courier == seen.before[1]
    for step in (seen.there, seen.back, seen.failed):
        assert step.courier_at_work == step.courier_at_boot == step.courier_units
    old = seen.courier_version
    wait_on_host(host, f"tail -n 1 {courier.LOG} | grep -q 'ends {seen.good}'")
    assert courier.said(host)[-4:] == [f"begins {seen.good}", f"ends {old}", f"begins {old}", f"ends {seen.good}"]
    words = words_of(seen.failed.play)
    assert f"FAILED, {courier.NAME}" in words
    assert "nothing to deliver" in words


def test_a_procfile_is_not_mentioned_when_the_description_has_all_that_is_in_it(seen: Switches) -> None:
    assert "Procfile" not in words_of(seen.there.play)


def test_who_did_what_is_written_down_and_no_secret(host: Host, seen: Switches) -> None:
    (secret,) = {app["env"]["SECRET_KEY"] for app in describe(host, seen.good)["flask_apps"]}
    host.check_output(f"webstack {NAME} restart bot")
    assert host.run(f"webstack {NAME} run -- env {secret}").rc != 0
    here, old = f"{getpass.getuser()}@{socket.gethostname()}", seen.before[0]
    *_before, there, back, failed, restarted, ran = acts = json.loads(host.check_output(f"webstack {NAME} audit --json"))
    told = [[act[key] for key in ("act", "what", "from", "to", "outcome", "controller")] for act in (there, back, failed, restarted, ran)]
    assert told == [
        ["deploy", "", old, seen.there.release, "ok", here],
        ["rollback", "", seen.there.release, old, "ok", here],
        ["deploy", "", old, failed["to"], "failed", here],
        ["restart", "bot", old, old, "ok", ""],
        ["run", "env, 1 argument", old, old, "failed", ""],
    ]
    assert "does not run: " in failed["reason"]
    assert failed["to"] not in ("", old)
    assert ran["reason"] == "exit status 127"
    assert there["seconds"] > 0
    # Tests come as the playbooks do: by ssh as this user, from the machine that runs them, and then by sudo.
    assert {act["user"] for act in acts} == {"admin"}
    assert {act["address"] for act in acts} == {there["address"]} != {""}
    (line,) = host.check_output(f"webstack audit -n 4 | grep ' {courier.NAME} '").splitlines()
    assert {"deploy", seen.before[1], "failed:", "admin", here} <= set(line.split())
    written = host.check_output(f"cat {LOGS}/audit.jsonl*; journalctl --identifier webstack-audit --output json _UID=0")
    assert secret not in written
    in_journal = host.check_output(f"journalctl --output json SYSLOG_IDENTIFIER=webstack-audit WEBSTACK_APP={NAME} | tail --lines 5")
    assert [json.loads(line)["WEBSTACK_ACT"] for line in in_journal.splitlines()] == ["deploy", "rollback", "deploy", "restart", "run"]
    assert host.check_output(f"stat --format '%U %a' {LOGS} {LOGS}/audit.jsonl").splitlines() == ["root 700", "root 600"]


@pytest.mark.usefixtures("seen")
def test_a_full_disk_of_logs_stops_nothing_and_is_told(host: Host) -> None:
    host.check_output(f"mount -t tmpfs -o size=4k,mode=700 tmpfs {LOGS} && head --bytes 4k /dev/zero > {LOGS}/fill")
    try:
        ended = host.run(f"webstack {NAME} run -- printenv VERSION")
    finally:
        host.check_output(f"umount {LOGS}")
    assert ended.rc == 0
    assert ended.stdout.strip()
    assert "this was done, and could not be written to" in ended.stderr
    acts = host.check_output(f"journalctl --output json SYSLOG_IDENTIFIER=webstack-audit WEBSTACK_APP={NAME} | tail --lines 1")
    assert json.loads(acts)["WEBSTACK_WHAT"] == "printenv, 1 argument"


def test_it_is_told_what_is_wrong_and_why_the_last_deploy_has_failed_the_worst_first(host: Host, seen: Switches) -> None:
    live = seen.failed.release
    host.run(f"systemctl start {NAME}.bad.job.service")
    host.check_output(f"systemctl stop {NAME}.bot@{live}.service")
    told = tell_status(host)
    assert (told["release"], told["health"], told["deploy_failed"]) == (live, "healthy", True)
    deployed, job, process = sorted(told["troubles"])
    assert deployed.startswith("the deploy of release ")
    assert process == "the process bot does not run: it has stopped"
    assert job == "the last run of the job bad has failed: its process ended with exit status 1"
    assert host.run("webstack").stdout.splitlines()[1].split()[0] == NAME
    why = host.run(f"webstack {NAME} why")
    assert why.rc == 1
    assert "has failed:" in why.stdout
    assert f"Users were left with release {live}." in why.stdout
    listed = host.check_output(f"webstack {NAME} releases")
    assert [line.split()[-2] for line in listed.splitlines() if live in line] == ["live"]
    assert " failed" in listed
    host.check_output(f"systemctl kill --signal=STOP {NAME}@{live}.service")
    try:
        assert tell_status(host)["troubles"][0] == "it is not healthy: GET / was not answered within 3 s"
    finally:
        host.check_output(f"systemctl kill --signal=CONT {NAME}@{live}.service")
    host.check_output(f"mkdir --parents {LOGS} && echo 'no such package' > {LOGS}/{NAME}-installation.log")
    assert "an installation of packages has failed" in " ".join(tell_status(host)["troubles"])
    assert "no such package" in host.run(f"webstack {NAME} why").stdout
    version = new_version()
    run_playbook(host, Path(DEPLOY), courier.beside(describe(host, version), host, version)).succeeded()
    assert host.check_output(f"webstack {NAME} why") == f"the last deploy of {NAME} went well"
