"""SQLite databases are found by their first bytes, and copied as they were at one moment."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._backups.sqlite import copy_database, find_databases
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="it gives files to others")


def make(path: Path, mode: str = "DELETE") -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA journal_mode={mode}")
    database.execute("CREATE TABLE words (word TEXT)")
    database.execute("INSERT INTO words VALUES ('kept')")
    database.commit()
    return database


def test_databases_are_found_wherever_they_are_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    make(tmp_path / "deep" / "no name").close()
    (tmp_path / "text.db").write_text("SQLite format 3 is what this text is about" * 100)
    (tmp_path / "link.db").symlink_to("deep/no name")
    (tmp_path / "empty.sqlite").touch()
    os.mkfifo(tmp_path / "fifo")
    assert find_databases(tmp_path) == {"deep/no name": (tmp_path / "deep" / "no name").stat().st_size}


@AS_ROOT
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_copy_has_what_was_written_and_not_what_is_being_written(tmp_path: Path, mode: str) -> None:
    with make(tmp_path / "a?b #1.db", mode) as database:
        if mode == "WAL":
            database.execute("INSERT INTO words VALUES ('not yet')")
        assert copy_database(tmp_path / "a?b #1.db", tmp_path / "copy", os.getuid(), os.getgid(), timeout=60)
    database.close()
    with sqlite3.connect(tmp_path / "copy") as copy:
        assert copy.execute("SELECT word FROM words").fetchall() == [("kept",)]
    copy.close()


@AS_ROOT
def test_one_that_is_damaged_is_told(tmp_path: Path) -> None:
    make(tmp_path / "bad.db").close()
    content = bytearray((tmp_path / "bad.db").read_bytes())
    content[4096:4200] = b"x" * 104
    (tmp_path / "bad.db").write_bytes(content)
    with pytest.raises(UserError, match=r"the SQLite database .*bad\.db could not be copied"):
        copy_database(tmp_path / "bad.db", tmp_path / "copy", os.getuid(), os.getgid(), timeout=60)


@AS_ROOT
def test_one_that_the_app_has_deleted_meanwhile_is_passed_over(tmp_path: Path) -> None:
    assert not copy_database(tmp_path / "gone.db", tmp_path / "copy", os.getuid(), os.getgid(), timeout=60)
    assert list(tmp_path.iterdir()) == []
