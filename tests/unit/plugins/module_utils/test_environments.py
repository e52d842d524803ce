from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils.environments import (
    RECORD,
    close_to_writers,
    is_finished,
    keep_pins,
    read_python_version,
    shorten,
)
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem


def test_the_end_of_an_output_is_shown_indented() -> None:
    assert shorten("Collecting flask\nERROR: no such version\n") == "  Collecting flask\n  ERROR: no such version"


def test_colours_empty_lines_and_trailing_blanks_are_left_out() -> None:
    assert shorten("\x1b[31mERROR:\x1b[0m bad   \n\n \n\x1b[?25hend\x1b[2K") == "  ERROR: bad\n  end"


def test_of_a_long_output_the_last_lines_are_shown_for_there_the_reason_is() -> None:
    lines = shorten("".join(f"line {number}\n" for number in range(1000))).splitlines()
    assert len(lines) == 40
    assert (lines[0], lines[-1]) == ("  line 960", "  line 999")


def test_no_output_is_nothing() -> None:
    assert shorten("\n\n") == ""


def test_only_what_is_pinned_to_a_version_can_be_a_constraint() -> None:
    frozen = (
        "Flask==2.0.2\n"
        "zope.interface==7\n"
        "thing @ file:///tmp/thing-1.0.whl\n"
        "-e git+https://example.com/a.git@1234#egg=a\n"
        "# Editable install with no version control (b==1.0)\n"
        "-e /srv/b\n"
        "typing_extensions==4.15.0\n"
    )
    assert keep_pins(frozen) == "Flask==2.0.2\nzope.interface==7\ntyping_extensions==4.15.0\n"


def test_nothing_installed_is_no_constraint() -> None:
    assert keep_pins("") == ""


def test_the_version_of_an_interpreter_is_asked_of_itself() -> None:
    assert read_python_version(sys.executable) == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("python", ["/nonexistent/python3", "/bin/false", "/etc/hostname"])
def test_an_interpreter_that_does_not_run_is_named(python: str) -> None:
    with pytest.raises(Problem, match=f"the interpreter {python} does not run"):
        read_python_version(python)


def test_an_environment_is_finished_once_its_record_is_written(tmp_path: Path) -> None:
    assert not is_finished(tmp_path / "missing")
    assert not is_finished(tmp_path)
    (tmp_path / RECORD).touch()
    assert is_finished(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_nobody_but_root_can_write_to_a_closed_tree_and_others_cannot_look_into_it(tmp_path: Path) -> None:
    top = tmp_path / "environment"
    outside = tmp_path / "outside"
    outside.touch(0o666)
    outside.chmod(0o666)
    (top / "bin").mkdir(parents=True)
    for name, mode in (("bin/gunicorn", 0o700), ("bin/trap", 0o6755), ("pyvenv.cfg", 0o666)):
        (top / name).touch()
        os.chown(top / name, 1234, 1234)
        (top / name).chmod(mode)
    (top / "bin/python").symlink_to("/usr/bin/python3")
    (top / "bin/outside").symlink_to(outside)

    close_to_writers(top, 4321)

    modes = {str(path.relative_to(top)): stat.S_IMODE(path.stat().st_mode) for path in top.rglob("*") if not path.is_symlink()}
    assert modes == {"bin": 0o750, "bin/gunicorn": 0o750, "bin/trap": 0o750, "pyvenv.cfg": 0o640}
    owners = {(path.lstat().st_uid, path.lstat().st_gid) for path in (top, *top.rglob("*"))}
    assert owners == {(0, 4321)}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o666
    assert outside.stat().st_gid != 4321
