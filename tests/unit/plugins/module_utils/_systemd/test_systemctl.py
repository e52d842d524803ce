from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.systemctl import UnitState, is_over, is_running, parse_show

# What `systemctl show` printed on Debian 12 and 13 for units that were made to end in these ways.
_SHOWN = """\
MainPID=114
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
Id=shop@running.service
ActiveState=active
SubState=running
UnitFileState=enabled
Job=
CPUWeight=12

MainPID=115
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
Id=shop@starting.service
ActiveState=activating
SubState=start
UnitFileState=static
Job=433
CPUWeight=[not set]

MainPID=0
Result=exit-code
NRestarts=0
ExecMainCode=1
ExecMainStatus=3
Id=shop@exited.service
ActiveState=activating
SubState=auto-restart
UnitFileState=static
Job=

MainPID=0
Result=protocol
NRestarts=0
ExecMainCode=1
ExecMainStatus=0
Id=shop@exited-well.service
ActiveState=activating
SubState=auto-restart
UnitFileState=static
Job=

MainPID=0
Result=signal
NRestarts=0
ExecMainCode=2
ExecMainStatus=9
Id=shop@killed.service
ActiveState=activating
SubState=auto-restart
UnitFileState=static
Job=

MainPID=164
Result=success
NRestarts=5
ExecMainCode=0
ExecMainStatus=0
Id=shop@looping.service
ActiveState=activating
SubState=start
UnitFileState=static
Job=751

MainPID=0
Result=exit-code
NRestarts=7
ExecMainCode=1
ExecMainStatus=3
Id=shop@looping-13.service
ActiveState=activating
SubState=auto-restart-queued
UnitFileState=static
Job=861

MainPID=0
Result=exit-code
NRestarts=0
ExecMainCode=1
ExecMainStatus=3
Id=shop@failed.service
ActiveState=failed
SubState=failed
UnitFileState=static
Job=

MainPID=0
Result=success
NRestarts=0
ExecMainCode=0
ExecMainStatus=0
Id=shop@unknown.service
ActiveState=inactive
SubState=dead
UnitFileState=
Job=

Result=success
Id=shop@running.socket
ActiveState=active
SubState=running
UnitFileState=enabled
Job=
"""


def test_each_unit_is_found_by_its_name_with_its_whole_state() -> None:
    states = parse_show(_SHOWN)
    assert len(states) == 10
    assert states["shop@running.service"] == UnitState("active", "running", main_pid=114, enablement="enabled", cpu_weight=12)
    assert states["shop@killed.service"] == UnitState(
        "activating", "auto-restart", result="signal", exit_code=2, exit_status=9, enablement="static"
    )
    assert states["shop@starting.service"].cpu_weight is None
    assert states["shop@looping.service"] == UnitState("activating", "start", restarts=5, main_pid=164, enablement="static", job=751)


def test_a_socket_which_has_no_process_has_a_state_too() -> None:
    assert parse_show(_SHOWN)["shop@running.socket"] == UnitState("active", "running", enablement="enabled")


def test_only_an_enabled_unit_starts_at_boot() -> None:
    states = parse_show(_SHOWN)
    assert states["shop@running.service"].enabled
    assert not states["shop@unknown.service"].enabled
    assert not states["shop@failed.service"].enabled


def test_nothing_shown_is_no_unit() -> None:
    assert parse_show("") == {}
    assert parse_show("\n\n") == {}


@pytest.mark.parametrize(
    ("unit", "death"),
    [
        ("running", None),
        ("starting", None),
        ("exited", "its process ended with exit status 3"),
        ("exited-well", "its process ended with exit status 0"),
        ("killed", "its process was ended by signal 9"),
        ("looping", "it has died and been restarted 5 time(s)"),
        ("looping-13", "it has died and been restarted 7 time(s)"),
        ("failed", "its process ended with exit status 3"),
        ("unknown", "it has stopped"),
    ],
)
def test_the_death_of_a_release_is_told_and_a_living_one_has_none(unit: str, death: str | None) -> None:
    assert parse_show(_SHOWN)[f"shop@{unit}.service"].describe_death() == death


def test_restarts_of_before_are_no_death_and_one_more_is() -> None:
    state = UnitState("active", "running", restarts=5)
    assert state.describe_death(5) is None
    assert state.describe_death(4) == "it has died and been restarted 5 time(s)"


def test_a_process_that_nobody_has_asked_after_yet_does_not_run_any_more() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert is_running(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert not is_running(process.pid)
    assert not is_running(process.pid)


def test_a_process_that_is_killed_where_others_have_the_processor_does_not_run_any_more() -> None:
    processor = {min(os.sched_getaffinity(0))}
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as busy, subprocess.Popen(["sleep", "60"]) as process:
        try:
            os.sched_setaffinity(busy.pid, processor)
            os.sched_setaffinity(process.pid, processor)
            os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
            process.kill()
            assert not is_running(process.pid)
        finally:
            busy.kill()
            process.kill()


@pytest.mark.parametrize(
    ("state", "of_its_thread", "of_the_process", "over"),
    [
        pytest.param("S (sleeping)", 0, 0, False, id="waits"),
        pytest.param("S (sleeping)", 0, 1 << 14, False, id="is asked to end, and may finish what it does"),
        pytest.param("R (running)", 0x100, 0x100, True, id="was killed, and waits for a processor to end on"),
        pytest.param("R (running)", 0x100, 1 << 14, True, id="has no answer to a signal that ends it, and waits for a processor"),
        pytest.param("R (running)", 0, 0x100, True, id="was killed, and is ending"),
        pytest.param("Z (zombie)", 0, 0x100, True, id="was killed, and has ended"),
        pytest.param("Z (zombie)", 0, 0, True, id="has ended by itself"),
        pytest.param("X (dead)", 0, 0, True, id="is being removed"),
    ],
)
def test_a_process_is_over_when_it_has_ended_or_was_killed_even_if_the_kernel_has_not_come_to_end_it(
    state: str, of_its_thread: int, of_the_process: int, *, over: bool
) -> None:
    masks = f"SigPnd:\t{of_its_thread:016x}\nShdPnd:\t{of_the_process:016x}\nSigBlk:\t{0x10100:016x}\n"
    assert is_over(f"Name:\tgunicorn: master [Z]\nState:\t{state}\nTgid:\t81\n{masks}") is over


def test_there_is_hope_while_a_job_waits_for_its_turn() -> None:
    assert UnitState("inactive", "dead", job=7).describe_death() is None


def test_a_unit_that_is_being_stopped_is_dying() -> None:
    assert UnitState("deactivating", "stop-sigterm").describe_death() == "it is being stopped"


def test_a_unit_that_failed_without_a_process_says_what_systemd_says() -> None:
    assert UnitState("failed", "failed", result="resources").describe_death() == "systemd gives the result 'resources'"


@pytest.mark.parametrize("change", [systemctl.enable, systemctl.disable])
def test_what_starts_at_boot_is_on_the_disk_before_a_run_goes_on(
    change: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "multi-user.target.wants").mkdir()
    (tmp_path / "removed.wants").symlink_to("nowhere")
    (tmp_path / "not-systemd-s.wants").touch()
    synced: set[Path] = set()
    monkeypatch.setattr(systemctl, "UNIT_ROOT", tmp_path)
    monkeypatch.setattr(systemctl, "_systemctl", lambda *_words: "")
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(Path(f"/proc/self/fd/{descriptor}").readlink()))
    change("shop@1.service")
    assert synced == {tmp_path, tmp_path / "multi-user.target.wants"}


def _put_program(directory: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a shell script be what is run by this name."""
    (directory / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")


def test_of_a_journal_of_hundreds_of_megabytes_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put_program(tmp_path, "journalctl", '[ "$1" = --sync ] || { yes | head -c 300000000; printf "\\nthe \\377 end\\n"; }', monkeypatch)
    text = systemctl.read_journal("shop@1.service", 20)
    assert text.endswith("\nthe \N{REPLACEMENT CHARACTER} end")
    assert len(text) < 1 << 21


def test_of_a_whole_journal_the_last_lines_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put_program(tmp_path, "journalctl", 'echo "$@"', monkeypatch)
    assert "--since" not in systemctl.read_journal("shop@1.service", 20)
    assert "--since=@12.500000" in systemctl.read_journal("shop@1.service", 20, since=12.5)


def test_a_journal_that_does_not_answer_is_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemctl, "_SHORT_TIMEOUT", 0.2)
    _put_program(tmp_path, "journalctl", "exec sleep 60", monkeypatch)
    assert systemctl.read_journal("shop@1.service", 20) == ""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert systemctl.read_journal("shop@1.service", 20) == ""


def test_a_systemd_that_does_not_answer_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemctl, "_TIMEOUT", 0.3)
    monkeypatch.setattr(systemctl, "_SHORT_TIMEOUT", 0.3)
    for name in ("systemctl", "systemd-analyze"):
        _put_program(tmp_path, name, "exec sleep 60", monkeypatch)
    with pytest.raises(UserError, match=r"`systemctl start -- shop@1.socket` took more than 0\.005 minutes"):
        systemctl.start_and_wait("shop@1.socket")
    with pytest.raises(UserError, match=r"`systemd-analyze --no-pager verify shop@1.service` took more than 0\.3 s"):
        systemctl.find_complaints("shop@1.service", tmp_path)


def test_what_systemd_refuses_is_told_and_a_failure_that_is_not_there_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _put_program(tmp_path, "systemctl", "echo 'no such unit' >&2; exit 4", monkeypatch)
    with pytest.raises(UserError, match=r"^`systemctl reload -- nginx.service` failed: no such unit$"):
        systemctl.reload("nginx.service")
    systemctl.forget_failure("shop@1.service")
