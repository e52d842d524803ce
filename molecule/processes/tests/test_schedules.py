"""Jobs at certain times: one that fails, one that is suspended, one that takes longer than from one time to the next."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.schedules import Schedule
from scenario_tests import courier, one_of, restart, run_playbook, wait_on_host
from scenario_tests.faulty import new_version, words_of
from scenario_tests.orders import NAME, SHARED, current, deploy, describe, ensure_well, read_jobs

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

EVERY = 10
JOB = "playbooks/job.yml"
JOBS = "playbooks/jobs.yml"


def test_a_job_that_fails_is_told_with_its_last_words_and_seen_until_it_is_done(host: Host) -> None:
    version = ensure_well(host)
    play = run_playbook(host, Path(JOB), {**describe(host, version), "app": NAME, "job": "bad"})
    assert play.status != 0
    assert "bad has failed: no money" in words_of(play)
    assert f"{NAME}.bad.job@" in host.check_output("systemctl list-units --failed --plain --no-legend")
    # The last run of a job that begins each ten seconds may be one that goes on.
    jobs = words_of(run_playbook(host, Path(JOBS), {**describe(host, version), "flask_runs": 3}).succeeded())
    assert re.search(
        rf"{NAME}\.bad: .* FAILED after [\d.]+ s, release {current(host)}: its process ended with exit status 1.* no money", jobs
    )
    assert re.search(rf"{NAME}\.often: next .* UTC.* success after [\d.]+ s", jobs)
    mended = describe(host, f"mended-{new_version()}")
    mended["flask_apps"][0]["schedules"]["bad"]["command"] = "python job.py bad"
    words = words_of(run_playbook(host, Path("playbooks/deploy.yml"), mended).succeeded())
    assert "ATTENTION: the job bad has failed: its process ended with exit status 1" in words
    run_playbook(host, Path(JOB), {**mended, "app": NAME, "job": "bad"}).succeeded()
    assert f"{NAME}.bad.job@" not in host.check_output("systemctl list-units --failed --plain --no-legend")
    unknown = run_playbook(host, Path(JOB), {**describe(host, version), "flask_app": NAME, "flask_job": "none"})
    assert "it has bad, long, often" in words_of(unknown)


def test_a_job_that_is_suspended_does_not_run_whatever_is_deployed_until_it_is_resumed(host: Host) -> None:
    version, other = ensure_well(host), new_version()
    said = {**describe(host, version), "flask_app": NAME, "flask_job": "often"}
    try:
        assert run_playbook(host, Path(JOB), {**said, "flask_suspended": True}).succeeded().changed
        assert run_playbook(host, Path(JOB), {**said, "flask_suspended": True}).succeeded().changed == 0
        assert "often is suspended" in words_of(deploy(host, other).succeeded())
        restart(host)
        time.sleep(2 * EVERY)
        assert other not in [version for _at, version in read_jobs(host, "begins", "often")]
    finally:
        run_playbook(host, Path(JOB), {**said, "flask_suspended": False}).succeeded()
    wait_on_host(host, f"grep -q 'begins often .* {other}' {SHARED}/jobs.txt")
    assert deploy(host, other).succeeded().changed == 0


def test_a_time_that_comes_while_the_job_runs_is_passed_over(host: Host) -> None:
    layout, release = AppLayout.of("slow"), "0123456789ab"
    job = layout.job_unit(release, "sleep")
    files = {**Schedule("sleep", "*:*:0/5 UTC").list_files(layout), job: "[Service]\nType=oneshot\nExecStart=/bin/sleep 8\n"}
    host.check_output(f"mkdir --parents {layout.root} && ln --symbolic --no-dereference --force releases/{release} {layout.jobs}")
    for name, text in files.items():
        host.check_output(f"printf '%%s' %s > /etc/systemd/system/{name}", text)
    try:
        host.check_output(f"systemctl daemon-reload && systemctl start {layout.timer_unit('sleep')}")
        passed_over = f"journalctl --no-pager --output=cat --unit {layout.starter_unit('sleep')} | grep -q 'came while one ran'"
        wait_on_host(host, passed_over, pause=1)
    finally:
        host.check_output(f"systemctl stop {layout.timer_unit('sleep')} {layout.starter_unit('sleep')} {job}")
        host.check_output(f"rm -rf {layout.root} {' '.join(f'/etc/systemd/system/{name}' for name in files)} && systemctl daemon-reload")


def test_a_time_that_does_not_come_is_refused_before_anything_is_changed(host: Host) -> None:
    """Each of two apps has one."""
    apps = describe(host, new_version())["flask_apps"] + courier.describe(host, new_version())["flask_apps"]
    apps[0]["schedules"]["often"]["at"] = "2020-01-01"
    apps[1]["schedules"] = {"often": {"command": "python job.py", "at": "*-*-* 02:30 Europe/Prague"}}
    before = current(host), courier.current(host)
    words = words_of(run_playbook(host, Path("playbooks/deploy.yml"), {"flask_apps": apps}))
    assert "the job often is to run at '2020-01-01 UTC', which is never again" in words
    assert "the clocks of Europe/Prague go from 02:00 to 03:00, and 02:30 does not come" in words
    assert (current(host), courier.current(host)) == before
