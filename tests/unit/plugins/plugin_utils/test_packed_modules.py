"""Which packed modules are kept, and for whom they count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.plugin_utils import _packed_modules
from ansible_collections.webstack.flask.plugins.plugin_utils._packed_modules import keep, lend, name_set

_OURS = "ansible_collections.webstack.flask.plugins.modules.releases-ZIP_DEFLATED-none"
_THEIRS = "ansible.modules.ping-ZIP_DEFLATED-none"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A directory with a file of code."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "switch.py").write_text("one = 1\n")
    return tmp_path / "code"


def _write(directory: Path, *names: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).write_text(f"packed {name}")
    return directory


def test_the_same_files_and_versions_have_the_same_name(code: Path) -> None:
    assert name_set(["2.19"], [code]) == name_set(["2.19"], [code])


def test_another_version_has_another_name(code: Path) -> None:
    assert name_set(["2.19"], [code]) != name_set(["2.20"], [code])


@pytest.mark.parametrize("change", ["content", "time", "new file", "gone"])
def test_a_changed_file_has_another_name(code: Path, change: str) -> None:
    former = name_set(["2.19"], [code])
    file = code / "switch.py"
    if change == "content":
        seen = file.stat()
        file.write_text("one = 10\n")
        os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    elif change == "time":
        os.utime(file, (1, 1))
    elif change == "new file":
        (code / "other.py").touch()
    else:
        file.unlink()
    assert name_set(["2.19"], [code]) != former


def test_what_one_run_has_packed_of_this_collection_the_next_is_given(tmp_path: Path) -> None:
    first = _write(tmp_path / "first", _OURS, f"{_OURS}.lock", f"{_OURS}-part", _THEIRS)
    kept = tmp_path / "home" / "modules" / "set"
    keep(first, kept)
    lend(kept, tmp_path / "second")
    assert {file.name: file.read_text() for file in (tmp_path / "second").iterdir()} == {_OURS: f"packed {_OURS}"}


def test_what_a_run_was_given_is_not_kept_again(tmp_path: Path) -> None:
    kept = tmp_path / "modules" / "set"
    keep(_write(tmp_path / "first", _OURS), kept)
    lend(kept, tmp_path / "second")
    before = (kept / _OURS).stat()
    keep(tmp_path / "second", kept)
    assert (kept / _OURS).stat() == before


def test_nobody_else_can_have_written_what_a_run_is_given(tmp_path: Path) -> None:
    kept = tmp_path / "modules" / "set"
    keep(_write(tmp_path / "first", _OURS), kept)
    assert kept.stat().st_mode & 0o777 == 0o700
    kept.chmod(0o770)
    lend(kept, tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_only_so_many_sets_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_packed_modules, "_SETS", 2)
    run = _write(tmp_path / "run", _OURS)
    for number, name in enumerate(["one", "two", "three"]):
        keep(run, tmp_path / "modules" / name)
        if name != "three":
            os.utime(tmp_path / "modules" / name, (number, number))
    assert sorted(file.name for file in (tmp_path / "modules").iterdir()) == ["three", "two"]
