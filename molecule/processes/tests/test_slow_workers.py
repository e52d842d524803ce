"""Workers that take long to end, that become more or fewer, whose change is cut off, and whose app is removed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import http_get, one_of, run_playbook, wait_on_host
from scenario_tests.faulty import DEPLOY, new_version, running, words_of
from scenario_tests.orders import (
    ALL,
    NAME,
    SHARED,
    SITE,
    UNTIL_TOLD,
    at_work,
    begin_long,
    clock,
    current,
    deploy,
    describe,
    done,
    ensure_well,
    order,
    read_jobs,
    show_units,
    tell,
    units,
    wait_for,
)
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = one_of("debian13", "debian12")


def test_what_takes_long_holds_up_neither_the_run_nor_the_next_one_and_its_release_stays_until_it_is_done(host: Host) -> None:
    """A worker, a job at a certain time, and what somebody runs by hand are each in a release of their own."""
    ensure_well(host)
    of_worker, order_number = current(host), f"long-{new_version()}"
    worker = begin_long(host, order_number)

    version = new_version()
    deploy(host, version).succeeded()
    of_job = current(host)
    with running(host, {**describe(host, version), "flask_app": NAME, "flask_job": "long"}, "playbooks/job.yml") as job:
        wait_on_host(host, f"systemctl is-active {NAME}.long.job@{of_job}.service | grep -q activating")

        deploy(host, new_version()).succeeded()
        of_hand = current(host)
        host.check_output(f"rm -f {SHARED}/go; (webstack {NAME} run 'until test -e $HOME/go; do sleep 0.2; done') > /dev/null 2>&1 & echo")
        wait_on_host(host, f"systemctl list-units --plain --no-legend '{NAME}.*.run@{of_hand}.service' | grep -q running")

        last = new_version()
        deploy(host, last).succeeded()
        again = deploy(host, last).succeeded()
        assert again.changed == 0, again.changed_tasks
        deploy(host, new_version()).succeeded()
        assert {of_worker, of_job, of_hand} <= read_app(host, NAME).records.keys()
        assert show_units(host)[worker]["ActiveState"] == "deactivating"
        assert f"rq {order_number}" not in done(host)

        for number in (order_number, f"long-{version}", "go"):
            tell(host, number)
        assert "ends long" in words_of(job.wait().succeeded())
    assert read_jobs(host, "ends", "long")[-1][1] == version
    wait_for(host, f"rq {order_number}")
    assert done(host)[f"rq {order_number}"] == 1
    wait_on_host(host, f"! systemctl list-units --all --plain --no-legend | grep -q -e {worker} -e '{NAME}[.].*[.]run@'")
    deploy(host, new_version()).succeeded()
    assert {of_worker, of_job, of_hand}.isdisjoint(read_app(host, NAME).records)


def test_more_and_fewer_of_a_process_touch_nothing_else(host: Host) -> None:
    version = new_version()
    run = deploy(host, version).succeeded()
    assert "Procfile" not in words_of(run)  # the description has all that is in it
    before, release = at_work(host), current(host)
    web = http_get(host, SITE, "/process").body

    def scaled(count: int) -> dict[str, str]:
        play = deploy(host, version, celery={"count": count}).succeeded()
        assert play.changed == 1, play.changed_tasks
        assert deploy(host, version, celery={"count": count}).succeeded().changed == 0
        assert current(host) == release
        assert http_get(host, SITE, "/process").body == web
        wait_on_host(host, "! systemctl list-units 'orders.*@*.service' | grep -q deactivating")
        return at_work(host)

    third = f"orders.celery.3@{release}.service"
    assert scaled(3).items() - before.items() == {(third, at_work(host)[third])}
    assert set(scaled(0)) == units(release, [name for name in ALL if "celery" not in name])
    assert scaled(2).keys() == before.keys()


def test_the_processes_may_be_those_of_the_procfile_in_the_source_which_a_rollback_leaves_again(host: Host) -> None:
    release = current(host)
    described = describe(host, new_version())
    described["flask_apps"][0] |= {"processes": "Procfile", "gunicorn": {}}
    run = run_playbook(host, Path(DEPLOY), described).succeeded()
    assert "of the Procfile of the source only the processes are taken" in words_of(run)
    assert "gunicorn: {workers: 2, loglevel: info}" in words_of(run)
    assert set(at_work(host)) == units(current(host), ["orders.bot", "orders.clock"])
    again = run_playbook(host, Path(DEPLOY), described).succeeded()
    assert again.changed == 0, again.changed_tasks
    assert "Procfile" not in words_of(again)
    run_playbook(host, Path("playbooks/rollback.yml"), describe(host, "whatever")).succeeded()
    assert current(host) == release
    assert set(at_work(host)) == units(release)
    assert "is not alone" not in " ".join(clock(host))


def test_a_run_that_is_killed_while_the_workers_change_is_made_good_by_the_next(host: Host) -> None:
    deploy(host, new_version()).succeeded()
    release, version = current(host), new_version()
    wait_on_host(host, "! systemctl list-units 'orders.*@*.service' | grep -q deactivating")
    with running(host, describe(host, version)) as run:
        new = f"systemctl list-units --plain --no-legend 'orders.*@*.service' | grep -v 'job@' | grep -qv {release}"
        wait_on_host(host, new, then=f"kill -KILL $(cat /run/webstack-flask/{NAME}.lock)")
        run.kill()
    assert current(host) != release
    deploy(host, version).succeeded()
    assert set(at_work(host)) == units(current(host))
    assert "is not alone" not in " ".join(clock(host))


def test_a_removal_lets_the_jobs_end_and_leaves_nothing(host: Host) -> None:
    version = new_version()
    deploy(host, version).succeeded()
    order(host, "rq", f"last-{version}", UNTIL_TOLD)
    wait_on_host(host, f"systemctl status 'orders.rq@*' | grep -q 'last-{version}'")
    # Not before the removal has told the worker to end.
    ends = "systemctl show -P ActiveState 'orders.rq@*' | grep -q deactivating"
    told = f"until {ends}; do sleep 1; done; sleep 3; touch {SHARED}/last-{version}"
    host.check_output("systemd-run sh -c %s", told)
    run_playbook(host, Path("playbooks/remove.yml"), {**describe(host, version), "flask_app": NAME}).succeeded()
    assert f"rq last-{version} {version}" in host.check_output(f"cat {SHARED}/done.txt")
    assert host.check_output("find /etc/systemd/system -name 'orders*'") == ""
    assert host.check_output("systemctl list-units --all --plain --no-legend 'orders*'") == ""
