"""Whoever an app names in `notify` is told when it fails and when it is well again, by Debian's apprise and over a real connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import courier, one_of, orders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

TOLD = "/var/lib/receiver/told.jsonl"
SETTINGS = f"/etc/webstack-flask/notifications/{courier.NAME}.json"
STATE = f"/var/lib/webstack-flask/notifications/{courier.NAME}.json"
TIMER, SERVICE = "webstack-flask-notify.timer", "webstack-flask-notify.service"


@pytest.fixture(autouse=True)
def _alone(host: Host) -> Iterator[None]:
    """Let nobody look but the test, and nothing be known."""
    host.check_output(f"systemctl stop {TIMER} {SERVICE} && systemctl start receiver.service && rm --force {TOLD} {STATE}")
    yield
    host.check_output(f"systemctl start receiver.service {_unit(host)} {orders.NAME}.long.job.timer {TIMER}")


def _unit(host: Host) -> str:
    return f"{courier.NAME}.deliver@{courier.current(host)}.service"


def look(host: Host) -> list[dict[str, Any]]:
    """Have the host look once, and return what has come to the receiver since the look before."""
    # systemd starts no unit more than five times in ten seconds, unless it is told to forget them.
    host.run(f"systemctl reset-failed {SERVICE}")
    told = host.check_output(f"systemctl start {SERVICE} && touch {TOLD} && cat {TOLD} && rm {TOLD}")
    return [json.loads(line) for line in told.splitlines()]


def list_unsent(host: Host) -> list[str]:
    """Return what the command webstack tells of a receiver that cannot be reached."""
    return [each for each in orders.tell_status(host, courier.NAME)["troubles"] if "notify[0]" in each]


def test_what_fails_is_told_once_its_recovery_too_and_nothing_is_lost_while_the_receiver_is_down(host: Host) -> None:
    unit, name = _unit(host), host.check_output("uname --nodename")
    assert look(host) == []
    host.check_output(f"systemctl stop {unit}")
    assert look(host) == [], "it may be started anew"
    (message,) = look(host)
    assert (message["type"], message["title"]) == ("failure", f"FAILURE: courier on {name}")
    assert message["message"].splitlines()[1].startswith("- the process deliver does not run: ")
    assert message["message"].splitlines()[-1] == "- sudo webstack courier logs deliver"
    # Who has sent it was of no account of the host's: systemd gives such numbers from 61184 on.
    assert message["uid"] >= 61184
    assert message["seen"] == []
    assert look(host) == [], "it was told"

    host.check_output(f"systemctl stop receiver.service && systemctl start {unit}")
    assert [look(host) for _look in range(2)] == [[], []]
    assert list_unsent(host)[0].startswith("notifications cannot be sent: notify[0] (json://…): ")
    host.check_output("systemctl start receiver.service")
    assert look(host) == [], "it has a pause"
    # Its end is written down.
    host.check_output(f'sed --in-place \'s/"next": [0-9.]*/"next": 1.0/\' {STATE}')
    (message,) = look(host)
    assert (message["type"], message["title"]) == ("success", f"RECOVERY: courier on {name}")
    assert "- the process deliver does not run" in message["message"]
    assert (look(host), list_unsent(host)) == ([], [])
    assert oct(host.file(SETTINGS).mode) == oct(host.file(STATE).mode) == "0o600"
    assert host.run(f"journalctl --no-pager --unit 'webstack-flask-*' | grep --fixed-strings a-secret-word {STATE} -").rc == 1


def test_a_job_whose_timer_somebody_has_stopped_is_a_trouble(host: Host) -> None:
    timer = f"{orders.NAME}.long.job.timer"
    host.check_output(f"systemctl stop {timer}")
    told = f"the job long does not run at its times: its timer does not run; see `systemctl status {timer}`; site.yml starts it"
    assert told in orders.tell_status(host)["troubles"]
