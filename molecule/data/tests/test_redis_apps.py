"""An app with a Redis of its own: its libraries work, and what was acknowledged is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scenario_tests import http_get, http_request, run_playbook, wait_on_host

from .conftest import FORM, SITE, read_value, write_value

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12", "debian13"]

APP = "switchboard"
UNIT = f"{APP}.redis.service"


@pytest.mark.parametrize(
    ("page", "answer"), [("/sum/celery", "3"), ("/sum/rq", "3"), ("/visits", "1"), ("/asynchronous", "True")], ids=lambda value: value
)
def test_queues_sessions_and_asynchronous_code_work_with_what_the_app_is_told(host: Host, page: str, answer: str) -> None:
    told = http_get(host, f"{APP}.test", page)
    assert (told.status, told.body) == (200, answer)


def test_a_session_goes_on_with_the_cookie(host: Host) -> None:
    cookie = http_get(host, f"{APP}.test", "/visits").headers["set-cookie"].split(";")[0]
    assert http_request(host, f"{APP}.test", "GET", "/visits", headers={"Cookie": cookie}).body == "2"


def test_a_cache_gives_what_another_worker_has_put_there(host: Host) -> None:
    assert len({http_get(host, f"{APP}.test", "/cached").body for _attempt in range(6)}) == 1


def test_a_limit_counts_for_all_workers(host: Host) -> None:
    assert [http_get(host, f"{APP}.test", "/limited").status for _attempt in range(2)][-1] == 429


def test_release_commands_have_it(host: Host) -> None:
    assert "a release command has run" in command(host, "GET greeting").body


def test_what_was_acknowledged_is_there_after_a_kill(host: Host) -> None:
    write_value(host, "acknowledged")
    before = host.check_output(f"systemctl show --property MainPID --value {UNIT}")
    host.check_output(f"kill -9 {before}")
    wait_on_host(host, f"systemctl is-active --quiet {UNIT} && ! systemctl show --property MainPID {UNIT} | grep -q ={before}$")
    assert read_value(host) == "acknowledged"


def command(host: Host, words: str) -> Any:  # noqa: ANN401
    return http_request(host, f"{APP}.test", "POST", "/command", body=f"words={words}", headers=FORM)


@pytest.mark.parametrize(
    "words",
    [
        "CONFIG SET dir /tmp",
        "CONFIG GET dir",
        "MODULE LOAD /tmp/evil.so",
        "REPLICAOF 192.0.2.1 6379",
        "MIGRATE 192.0.2.1 6379 value 0 1",
        "SHUTDOWN NOSAVE",
        "SAVE",
        "DEBUG SLEEP 1",
        "ACL LIST",
        "MONITOR",
    ],
)
def test_whoever_has_taken_over_the_app_does_not_administer_its_redis(host: Host, words: str) -> None:
    refused = command(host, words)
    assert refused.status == 403
    assert "permissions" in refused.body or "not allowed" in refused.body


@pytest.mark.any_debian("debian12")
def test_a_release_that_is_switched_leaves_it_running(host: Host, apps: dict[str, Any]) -> None:
    process = host.check_output(f"systemctl show --property MainPID --value {UNIT}")
    switched = {**apps[APP], "env": {"COLOUR": "green"}}
    run_playbook(host, SITE, {"flask_apps": [switched]}).succeeded()
    assert host.check_output(f"systemctl show --property MainPID --value {UNIT}") == process
