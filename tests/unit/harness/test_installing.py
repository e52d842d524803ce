"""What the harness installs or makes on a machine: once, whoever asks at the same time. Nothing here asks what this machine has."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness import bootstrap, docker, locks, paths, process, system
from harness.process import CommandError, HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_IMPORTS = paths.ROOT / "tests"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the machine's locks, the clone's cache and apt-get a place of their own."""
    shared = tmp_path / "lock"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setattr(locks, "_SHARED", (tmp_path / "none", shared))
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(paths, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(system, "_LOCK_PAUSE", 0.01)
    monkeypatch.setattr(system, "_LOCK_TIMEOUT", 10)
    monkeypatch.setattr(system, "root_prefix", list)
    return tmp_path


def put_apt(place: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let apt-get be a script, with which nothing is installed; it writes down how it was called."""
    program = place / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\ncd {place}\necho "$*" >> calls\n{script}\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def calls(place: Path) -> list[str]:
    """Return what apt-get was asked for, without its options."""
    return [next(word for word in line.split() if word in ("update", "install")) for line in (place / "calls").read_text().splitlines()]


_ASKS = """
import os, sys, time
from pathlib import Path
from harness import locks, paths, system

place = Path(sys.argv[1])
locks._SHARED = (place / "lock",)
paths.LOGS = place / "logs"
system.root_prefix = list

def missing():
    (place / f"asked-{os.getpid()}").touch()
    while len(list(place.glob("asked-*"))) < 2:
        time.sleep(0.01)
    return [] if (place / "installed").exists() else ["wanted"]

system.install(missing, "a test needs it")
"""


def test_of_two_processes_that_miss_something_at_once_one_installs_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_apt(place, 'mkdir busy || exit 100; sleep 0.3; case "$*" in *install*) touch installed;; esac; rmdir busy', monkeypatch)
    both = [subprocess.Popen([sys.executable, "-c", _ASKS, str(place)], env=os.environ | {"PYTHONPATH": str(_IMPORTS)}) for _both in "ab"]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    assert calls(place) == ["update", "install"]


def test_what_is_there_is_not_installed_and_asks_for_no_rights(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_apt(place, "exit 1", monkeypatch)
    monkeypatch.setattr(system, "root_prefix", lambda: None)
    system.require("sh", ["dash"], "a test needs it")
    assert not (place / "calls").exists()


@pytest.mark.parametrize("busy", ["update", "install"])
def test_apt_is_asked_again_while_another_program_holds_a_lock_of_its(place: Path, monkeypatch: pytest.MonkeyPatch, busy: str) -> None:
    held = f'case "$*" in *{busy}*) [ "$(grep -c {busy} calls)" -gt 2 ] || {{ echo "E: Could not get lock /x/lock" >&2; exit 100; }};; esac'
    put_apt(place, f'{held}\ncase "$*" in *install*) touch installed;; esac', monkeypatch)
    system.install(lambda: [] if (place / "installed").exists() else ["wanted"], "a test needs it")
    assert [calls(place).count(busy), len(calls(place))] == [3, 4]


def test_what_else_apt_complains_of_is_told_at_once_also_after_a_lock_was_held_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = 'if [ "$(wc -l < calls)" = 1 ]; then echo "E: Could not get lock /x/lock" >&2'
    put_apt(place, f"{held}; else echo E: Unable to locate package wanted; fi; exit 100", monkeypatch)
    with pytest.raises(HarnessError, match=r"\(a test needs it\); install it with: sudo apt-get install wanted\n.*apt\.log"):
        system.install(lambda: ["wanted"], "a test needs it")
    assert calls(place) == ["update", "update"]


def test_a_lock_that_is_held_for_too_long_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_apt(place, 'echo "E: Could not get lock /x/lock"; exit 100', monkeypatch)
    monkeypatch.setattr(system, "_LOCK_TIMEOUT", 0)
    with pytest.raises(HarnessError, match="sudo apt-get install wanted"):
        system.install(lambda: ["wanted"], "a test needs it")
    assert calls(place) == ["update"]


def test_a_package_that_does_not_bring_what_is_missing_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_apt(place, "", monkeypatch)
    with pytest.raises(HarnessError, match=r"What wanted should bring is missing, although"):
        system.require("there-is-no-such-program", ["wanted"], "a test needs it")


def test_the_virtualenv_is_made_by_one_of_two_calls_of_dev(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[Sequence[str]] = []

    def install(argv: Sequence[str]) -> None:
        installed.append(argv)
        time.sleep(0.3)

    together = threading.Barrier(2, timeout=30)

    def prepare() -> str:
        together.wait()
        return bootstrap.prepare("demo")

    monkeypatch.setattr(bootstrap, "_STAMP", place / "stamp")
    monkeypatch.setattr(process, "succeeds", lambda _argv: True)
    monkeypatch.setattr(process, "run", install)
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(prepare) for _both in "ab")
        assert first.result() == second.result()
    assert len(installed) == 1


def test_one_of_two_runs_starts_the_docker_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    together = threading.Barrier(2, timeout=30)

    def start(prefix: list[str]) -> bool:
        time.sleep(0.3)
        started.append(prefix)
        return True

    def command() -> tuple[str, ...]:
        together.wait()
        return docker.command()

    monkeypatch.setattr(docker, "_reachable", lambda: ("docker",) if started else None)
    monkeypatch.setattr(docker, "_wait_until_reachable", lambda _seconds: ("docker",) if started else None)
    monkeypatch.setattr(docker, "_start", start)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    docker.command.cache_clear()
    with ThreadPoolExecutor(2) as pool:
        assert [one.result() for one in [pool.submit(command), pool.submit(command)]] == [("docker",), ("docker",)]
    docker.command.cache_clear()
    assert len(started) == 1


@contextmanager
def umask(mask: int) -> Iterator[None]:
    former = os.umask(mask)
    try:
        yield
    finally:
        os.umask(former)


def test_a_lock_of_the_machine_can_be_held_by_every_user(place: Path) -> None:
    with umask(0o077), locks.of_machine("thing"):
        assert (place / "lock" / "webstack-flask-thing.lock").stat().st_mode & 0o777 == 0o644


def test_a_lock_is_held_by_one_at_a_time_and_the_other_says_that_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def take() -> None:
        with locks.of_machine("thing"):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with locks.of_machine("thing"):
            second = pool.submit(take)
            shown, deadline = "", time.monotonic() + 10
            while "webstack-flask-thing.lock" not in shown and time.monotonic() < deadline:
                shown += capsys.readouterr().out
                time.sleep(0.01)
            assert "Waiting for another" in shown
            order.append("first")
        second.result(timeout=30)
    assert order == ["first", "second"]


@pytest.mark.parametrize("target", ["there", "made"])
def test_a_link_in_a_lock_s_place_is_not_followed(place: Path, target: str) -> None:
    (place / "there").touch()
    (place / "lock" / "webstack-flask-thing.lock").symlink_to(place / target)
    with pytest.raises(HarnessError, match=r"webstack-flask-thing\.lock cannot be opened"), locks.of_machine("thing"):
        pass
    assert not (place / "made").exists()


def test_a_link_that_appears_when_the_lock_is_about_to_be_made_is_not_followed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_open = os.open

    def link_first(file: Path, flags: int, mode: int = 0o777) -> int:
        monkeypatch.setattr(os, "open", really_open)
        file.symlink_to(place / "made")
        raise FileNotFoundError(file, flags, mode)

    monkeypatch.setattr(os, "open", link_first)
    with pytest.raises(HarnessError, match="cannot be opened"), locks.of_machine("thing"):
        pass
    assert not (place / "made").exists()


@pytest.mark.timeout(30)
def test_a_pipe_in_a_lock_s_place_holds_nobody_up(place: Path) -> None:
    os.mkfifo(place / "lock" / "webstack-flask-thing.lock")
    with locks.of_machine("thing"):
        pass


def test_a_directory_that_is_not_everybody_s_holds_no_lock_of_the_machine(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_SHARED", (place,))
    with pytest.raises(HarnessError, match="mode 1777"), locks.of_machine("thing"):
        pass


def test_a_program_that_is_not_there_is_no_lock(place: Path) -> None:
    place.joinpath("logs").mkdir()
    with (place / "logs" / "apt.log").open("a+", encoding="utf-8") as log, pytest.raises(CommandError):
        system._run_apt([str(place / "none")], log)  # noqa: SLF001 - apt-get may be absent
