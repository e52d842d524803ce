"""However the clock of a machine is set, each time of a job has one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario_tests import other_clock, wait_on_host
from scenario_tests.faulty import NAME, ROOT, ensure_served

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

HOUR = 3600
AHEAD = 20
"""Seconds before a time, so that a run for one that was left out until then has ended."""

RUNS = f"{ROOT}/shared/runs"
"""The job writes the time into it."""

STARTER = f"{NAME}.hourly.job.service"


def read_runs(host: Host) -> list[int]:
    """Return when the job has run."""
    return [int(line) for line in host.check_output(f"cat {RUNS}").split()]


def come_to(host: Host, time: int, *, passed_over: int = 0) -> None:
    """Let a time come, and wait until the job has run, or was passed over so many times, and its starter has ended."""
    passed = f"journalctl --no-pager --output=cat --unit {STARTER} | grep -c 'has had its run'"
    before = int(host.run(passed).stdout)
    host.check_output("date --set @%s", str(time - AHEAD))
    has_run = f"test $(tail -n 1 {RUNS}) -ge {time} -a $(tail -n 1 {RUNS}) -lt {time + HOUR}"
    happened = f"test $({passed}) -eq {before + passed_over}" if passed_over else has_run
    wait_on_host(host, f"{happened} && test $(systemctl show --value --property=ActiveState {STARTER}) = inactive", pause=0.5)


def test_each_time_of_a_job_has_one_run_however_the_clock_is_set(host: Host) -> None:
    ensure_served(host)
    with other_clock(host):
        # This test may have been here in this hour.
        host.check_output(f"rm -f {RUNS} {ROOT}/started/hourly && systemctl start {STARTER}")
        due = int(host.check_output("date +%s")) // HOUR * HOUR + HOUR + HOUR // 2
        come_to(host, due)
        come_to(host, due, passed_over=1)
        # It is ahead for a while: what was left out then has its run when it comes, but for the last, which had one at once.
        come_to(host, due + 3 * HOUR)
        come_to(host, due + HOUR)
        come_to(host, due + 3 * HOUR, passed_over=2)
        (_by_hand, *runs) = read_runs(host)
        host.check_output(f"systemctl start {STARTER}")
        assert len(read_runs(host)) == 1 + len(runs) + 1, "who starts it by hand has a run in any case"
    times = [(run - HOUR // 2) // HOUR for run in runs]
    assert len(times) == len(set(times))
