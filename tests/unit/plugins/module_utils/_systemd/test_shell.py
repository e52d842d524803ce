from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._systemd.shell import BASH, stays, wrap

RELEASE = "/var/www/shop/releases/r1"


def test_a_command_is_one_argument_of_a_shell() -> None:
    assert wrap("flask db upgrade; echo $X", [], RELEASE) == ["/bin/sh", "-c", "flask db upgrade; echo $X"]


def test_files_of_variables_are_read_by_the_environment_s_own_python() -> None:
    wrapped = wrap("flask db upgrade", [".flaskenv", "conf/.env"], RELEASE)
    assert wrapped[:2] == [f"{RELEASE}/venv/bin/python", "-c"]
    assert wrapped[3:] == ["/bin/sh", "flask db upgrade", f"{RELEASE}/app/.flaskenv", f"{RELEASE}/app/conf/.env"]


@pytest.mark.parametrize(
    ("command", "shell_stays"),
    [
        ("sleep 9", False),
        ("A=1 sleep 9", False),
        ("cd / && sleep 9", False),
        ("cd /\nsleep 9 # why", False),
        ("exec sleep 9 > /dev/null", False),
        ("sleep 9 > /dev/null", True),
        ("sleep 9 | cat", True),
        ("while true; do sleep 9; done", True),
    ],
)
def test_signals_reach_the_last_program_of_a_command_unless_it_is_told(command: str, *, shell_stays: bool) -> None:
    with subprocess.Popen(wrap(command, [], RELEASE, BASH), start_new_session=True) as process:
        try:
            deadline = time.monotonic() + 10
            while stays(process.pid) != shell_stays:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            time.sleep(0.1)
            assert stays(process.pid) == shell_stays
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_process_that_is_gone_is_no_shell() -> None:
    with subprocess.Popen([BASH, "-c", "while true; do sleep 9; done"], start_new_session=True) as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not stays(process.pid)
