"""A program that says or takes too much costs neither memory nor time."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_what_a_program_says_is_kept_by_stream() -> None:
    ended = run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"), timeout=30)
    assert (ended.status, ended.output, ended.errors, ended.cut) == (3, "out\n", "err\n", False)


def test_of_too_much_the_last_is_kept() -> None:
    ended = run(python("print('x' * 5_000_000); print('end')"), timeout=30, most=100)
    assert ended.output == "x" * 95 + "\nend\n"
    assert ended.cut


def test_errors_stand_within_the_output_where_that_is_asked_for() -> None:
    ended = run(["/bin/sh", "-c", "echo one; echo two >&2; echo three"], timeout=30, together=True)
    assert (ended.output, ended.errors) == ("one\ntwo\nthree\n", "")


@pytest.mark.parametrize("program", ["sleep 60", "while :; do echo x; done", "exec >/dev/null 2>&1; sleep 60", "sleep 60 & echo done"])
def test_a_program_that_takes_too_long_is_killed_with_all_that_it_has_started(program: str, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(TimedOut):
        run(["/bin/sh", "-c", f"echo $$ > {tmp_path}/pid; {program}"], timeout=0.5)
    assert time.monotonic() - started < 10
    group = (tmp_path / "pid").read_text().strip()
    time.sleep(0.1)
    groups = [stat.read_text().rpartition(")")[2].split()[:3] for stat in Path("/proc").glob("[0-9]*/stat") if stat.exists()]
    assert not [state for state, _parent, found in groups if found == group and state != "Z"]


def test_bytes_that_are_no_text_are_replaced() -> None:
    assert run(python(r"import sys; sys.stdout.buffer.write(b'a\xffb')"), timeout=30).output == "a�b"


def test_output_goes_into_a_file_and_none_of_it_is_kept(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as file:
        assert run(python("print('out')"), timeout=30, stdout=file).output == ""
    assert (tmp_path / "output").read_text() == "out\n"
