from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.workshop import end_processes


@pytest.mark.skipif(os.getuid() != 0 or not Path("/usr/bin/python3").exists(), reason="only root can start processes of other users")
@pytest.mark.parametrize(
    "before",
    [
        "pass",
        "ctypes.CDLL(None).prctl(4, 0)",  # PR_SET_DUMPABLE: its directory in /proc belongs to root then
        "os.setsid()",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    ],
)
def test_whatever_runs_as_the_build_user_is_ended_and_nothing_else(before: str) -> None:
    user = 54321
    program = f"import ctypes, os, signal, time; {before}; print('ready', flush=True); time.sleep(60)"
    with (
        subprocess.Popen(["/usr/bin/python3", "-c", program], user=user, stdout=subprocess.PIPE) as installer,
        subprocess.Popen(["/bin/sleep", "60"], user=user + 1) as other,
    ):
        try:
            assert installer.stdout
            assert installer.stdout.readline() == b"ready\n"
            end_processes(user)
            assert installer.wait(5) == -signal.SIGKILL
            assert other.poll() is None
        finally:
            installer.kill()
            other.kill()
