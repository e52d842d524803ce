"""What is written down of an act, and that writing it down never stands in anybody's way."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import audit
from ansible_collections.webstack.flask.plugins.module_utils._host.actor import Actor
from ansible_collections.webstack.flask.plugins.module_utils._host.audit import (
    KEPT,
    Act,
    audited,
    describe,
    format_entry,
    format_line,
    format_sentence,
    name_program,
    read_last,
    record,
)

ANNA = Actor("admin", "192.0.2.7", "anna@laptop")
DEPLOY = Act("deploy", "shop", before="0123456789ab", after="ba9876543210", version="v1.4", seconds=12.34, notes=["waited 3 s"])
HOSTILE = ["a\nb", "\x1b[31mred", "\u202ereversed", "\udc80", '"}\r\n{"app": "evil"}', "x" * 100_000, "a\0b", "é\u2028\x85", "\t"]


def test_a_line_says_who_from_where_what_from_to_how_long_and_how_it_ended() -> None:
    described = describe(DEPLOY, ANNA, 1767225600)
    assert json.loads(format_line(described)) == {
        "time": "2026-01-01T00:00:00Z",
        "app": "shop",
        "act": "deploy",
        "what": "",
        "from": "0123456789ab",
        "to": "ba9876543210",
        "version": "v1.4",
        "seconds": 12.3,
        "outcome": "ok",
        "reason": "",
        "notes": ["waited 3 s"],
        "user": "admin",
        "address": "192.0.2.7",
        "controller": "anna@laptop",
        "ci": "",
        "ci_user": "",
    }
    assert format_sentence(described) == (
        "deploy of shop from 0123456789ab to ba9876543210, ok after 12.3 s; admin from 192.0.2.7 by anna@laptop"
    )


def test_of_a_failure_the_first_line_of_the_reason_is_kept() -> None:
    described = describe(
        Act("restart", "shop", "celery", "0123456789ab", "0123456789ab", error="it is not well\n  secret=1"), Actor("root"), 0
    )
    assert (described["outcome"], described["reason"]) == ("failed", "it is not well")
    assert format_sentence(described) == "restart of shop (celery) at 0123456789ab, failed after 0 s; root: it is not well"


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_makes_a_second_line_or_speaks_to_a_terminal_or_grows(text: str) -> None:
    act = Act(text, text, text, text, text, text, 0, text, [text] * 1000)
    described = describe(act, Actor(text, text, text, text, text), 0)
    line = format_line(described)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert len(line) < 32 << 10
    assert json.loads(line) == described
    texts = [value for value in described.values() if isinstance(value, str)] + described["notes"]
    assert all(part.isprintable() for part in texts)
    names = [row.partition(b"=")[0] for row in format_entry(described).splitlines()]
    assert len(names) == len(set(names))
    assert all(name.replace(b"_", b"").isupper() for name in names)


def test_the_journal_gets_each_field_as_one_of_its_own(tmp_path: Path) -> None:
    sent: list[bytes] = []
    assert record(DEPLOY, ANNA, file=tmp_path / "logs" / "audit.jsonl", send=sent.append) == []
    rows = sent[0].decode().splitlines()
    assert {"SYSLOG_IDENTIFIER=webstack-audit", "PRIORITY=5", "WEBSTACK_APP=shop", "WEBSTACK_SECONDS=12.3", "WEBSTACK_USER=admin"} <= set(
        rows
    )
    assert rows[0].startswith("MESSAGE=deploy of shop from ")


def drop(_entry: bytes) -> None:
    """Be a journal that nobody reads."""


def refuse(_entry: bytes) -> None:
    """Be a journal that takes nothing."""
    raise subprocess.CalledProcessError(1, "logger")


def write(file: Path, *apps: str) -> list[str]:
    """Write an act of each app down; return what is told of the file."""
    return [words for app in apps for words in record(Act("deploy", app), ANNA, file=file, send=drop)]


def test_the_file_is_root_s_alone_and_what_was_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "audit.jsonl"
    assert write(file, "one", "two") == []
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]
    file.chmod(0o666)
    assert write(file, "three") == []
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [act["app"] for act in read_last(10, file=file)] == ["one", "two", "three"]
    assert [act["app"] for act in read_last(10, "two", file=file)] == ["two"]
    assert [act["app"] for act in read_last(1, file=file)] == ["three"]
    assert read_last(0, file=file) == []


def test_a_line_that_the_power_has_cut_takes_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "audit.jsonl"
    write(file, "one")
    with file.open("a") as cut:
        cut.write('{"app": "cu')
    write(file, "two")
    assert [act["app"] for act in read_last(10, file=file)] == ["one", "two"]


def test_the_file_is_put_aside_before_it_grows_too_long_and_the_oldest_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_BYTES", 1000)
    file = tmp_path / "logs" / "audit.jsonl"
    apps = [f"app{number}" for number in range(40)]
    assert write(file, *apps) == []
    files = sorted(file.parent.iterdir())
    assert len(files) == KEPT + 1
    assert all(path.stat().st_size <= 1000 for path in files)
    left = [act["app"] for act in read_last(1000, file=file)]
    assert left == apps[-len(left) :]
    assert len(left) > KEPT
    assert [act["app"] for act in read_last(7, file=file)] == apps[-7:]


def test_where_there_is_no_room_nothing_is_raised_and_no_half_line_stays(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "audit.jsonl"
    write(file, "one")
    size, before = file.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    # A write beyond the kernel's limit on files is cut, as on a full disk. It holds for pytest's own files, too: no longer than need be.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size * 3 // 2, before[1]))
    try:
        told = write(file, "two")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "this was done, and could not be written to" in told[0]
    assert "there was no room" in told[0]
    assert file.stat().st_size == size


def test_a_place_that_is_no_directory_a_link_or_somebody_else_s_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    for place in ("file", "logs"):
        assert "could not be written" in "".join(write(tmp_path / place / "audit.jsonl", "shop"))
    assert not (tmp_path / "elsewhere").exists()


def test_who_holds_the_lock_holds_no_act_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "audit.jsonl"
    monkeypatch.setattr(audit, "_PATIENCE", 0.05)
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert "others have been writing to it" in "".join(write(file, "shop"))
    finally:
        os.close(descriptor)
    assert write(file, "shop") == []


_WRITER = """
import sys
from pathlib import Path
from ansible_collections.webstack.flask.plugins.module_utils._host import audit
from ansible_collections.webstack.flask.plugins.module_utils._host.actor import Actor
audit.MOST_BYTES, audit.KEPT, audit._PATIENCE = 20000, 50, 60
for number in range(100):
    act = audit.Act("deploy", sys.argv[2], error="x" * 250, notes=[str(number)])
    complaints = audit.record(act, Actor("root"), file=Path(sys.argv[1]), send=len)
    assert complaints == []
"""


def test_many_at_a_time_lose_no_line_and_mix_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "audit.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, file, f"app{number}"], env=_path()) for number in range(4)]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    monkeypatch.setattr(audit, "KEPT", 50)
    acts = read_last(1000, file=file)
    for number in range(4):
        assert [act["notes"] for act in acts if act["app"] == f"app{number}"] == [[str(each)] for each in range(100)]


def _path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_nothing_is_raised_whatever_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> Any:  # noqa: ANN401 - never returns
        raise RuntimeError("never")

    monkeypatch.setattr(audit, "describe", fail)
    assert record(DEPLOY, ANNA) == ["deploy of shop could not be written down: RuntimeError: never"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("no such part\nmore"), "no such part"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (ValueError("may quote a secret"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_what_is_raised_within_is_written_down_and_raised_again(
    error: BaseException, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(audit, "record", lambda act: record(act, ANNA, file=tmp_path / "audit.jsonl", send=refuse))

    def fail() -> None:
        with audited("restart", "shop", "web", told.append) as act:
            act.before = "0123456789ab"
            raise error

    with pytest.raises(type(error)):
        fail()
    (written,) = read_last(9, file=tmp_path / "audit.jsonl")
    assert (written["outcome"], written["reason"], written["from"]) == ("failed", reason, "0123456789ab")
    assert told == ["this was done, and could not be written to the journal: Command 'logger' returned non-zero exit status 1."]


def test_the_seconds_are_those_of_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    acts: list[Act] = []

    def keep(act: Act) -> list[str]:
        acts.append(act)
        return []

    monkeypatch.setattr(audit, "record", keep)
    times = iter([100.0, 142.5])
    monkeypatch.setattr(time, "monotonic", lambda: next(times))
    with audited("run", "shop"):
        pass
    assert [(act.seconds, act.error) for act in acts] == [(42.5, "")]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["flask", "users", "--password", "hunter2"], "flask, 3 arguments"),
        (["/usr/bin/env"], "env, 0 arguments"),
        (["flask users add hunter2"], "flask, 3 arguments"),
        (["PASSWORD=hunter2 OTHER='a b' flask users"], "flask, 1 argument"),
        (["TOKEN=hunter2"], "a line for a shell"),
        (["$(cat hunter2)"], "a line for a shell"),
        (["hunter2'"], "a line for a shell"),
        (["echo|tee"], "a line for a shell"),
        (["TOKEN=hunter2", "x"], "a program"),
        ([""], "a line for a shell"),
        (["\x1b[31m", "x"], "a program"),
    ],
)
def test_of_a_command_line_the_program_is_named_and_no_argument(words: list[str], name: str) -> None:
    assert name_program(words) == name
