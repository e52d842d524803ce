"""Whatever runs as an account is ended, however it hides or hurries, and nothing else is."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.processes import end_processes

USER = 54321

_HOP = """
import os, time
os.setsid()
print("ready", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
"""
"""A process that is another one each time that /proc is read."""


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """A process of another account."""
    with subprocess.Popen(["/bin/sleep", "60"], user=USER + 1) as process:
        yield process
        process.kill()


def start(program: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["/usr/bin/python3", "-c", program], user=USER, group=USER, stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize(
    "before",
    [
        "pass",
        "ctypes.CDLL(None).prctl(4, 0)",  # PR_SET_DUMPABLE: its directory in /proc belongs to root then
        "os.setsid()",
        "[signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGHUP)]",
    ],
)
def test_whatever_runs_as_the_account_is_ended_and_nothing_else(before: str, neighbour: subprocess.Popen[bytes]) -> None:
    with start(f"import ctypes, os, signal, time; {before}; print('ready', flush=True); time.sleep(60)") as process:
        end_processes(USER)
        assert process.wait(5) == -signal.SIGKILL
    assert neighbour.poll() is None


@pytest.mark.parametrize("_attempt", range(5))
def test_a_process_that_forks_faster_than_proc_is_read_is_ended(_attempt: int, neighbour: subprocess.Popen[bytes]) -> None:
    with start(_HOP) as process:
        end_processes(USER)
        assert process.stdout
        readable = select.select([process.stdout], [], [], 10)[0]
        assert readable, "nobody holds the other end of the pipe any more"
        assert process.stdout.read() == b""
    assert neighbour.poll() is None


def test_root_s_processes_are_never_ended() -> None:
    with pytest.raises(ValueError, match="0"):
        end_processes(0)
    assert os.getpid()
