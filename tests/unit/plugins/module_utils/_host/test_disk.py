from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import find_room, measure, require_room


class Usage(NamedTuple):
    free: int
    total: int = 100 << 30


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """Return a directory that can be cleared whatever is in it."""
    (tmp_path / "tree").mkdir()
    yield tmp_path / "tree"
    subprocess.run(["find", tmp_path / "tree", "-delete"], check=True)


def test_a_file_counts_by_what_it_takes_on_the_disk_and_once(tree: Path) -> None:
    (tree / "file").write_bytes(os.urandom(1 << 20))
    (tree / "inner").mkdir()
    (tree / "inner" / "same").hardlink_to(tree / "file")
    with (tree / "sparse").open("wb") as file:
        file.truncate(200 << 30)
    (tree / "inner" / "sparse").hardlink_to(tree / "sparse")
    with (tree / "sparse2").open("wb") as file:
        file.truncate(200 << 30)
    (tree / "link").symlink_to("/usr/bin")
    assert 1 << 20 <= measure(tree) < 2 << 20


def test_a_tree_of_any_depth_is_measured(tree: Path) -> None:
    current = os.open(tree, os.O_DIRECTORY)
    for _level in range(6000):
        os.mkdir("d", dir_fd=current)
        inner = os.open("d", os.O_DIRECTORY, dir_fd=current)
        os.close(current)
        current = inner
    bottom = os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=current)
    os.write(bottom, b"x" * 10_000)
    os.close(bottom)
    os.close(current)
    assert measure(tree) >= 10_000


def test_twice_the_room_of_the_biggest_is_asked_for_and_what_a_link_leads_to_does_not_count(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("small", 1), ("big", 3)):
        (tree / name).mkdir()
        (tree / name / "file").write_bytes(os.urandom(size << 20))
    (tree / "link").symlink_to("/usr/lib")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(free=5 << 20))
    with pytest.raises(UserError, match="has 5 MiB of free space, and a build may need 6 MiB"):
        require_room(tree, "a build", 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(free=7 << 20))
    require_room(tree, "a build", 1)
    with pytest.raises(UserError, match="may need 8 MiB"):
        require_room(tree, "a build", 8)
    with pytest.raises(UserError, match="an environment may need 9 MiB"):
        require_room(tree, "an environment", 1, times=3)


@pytest.mark.parametrize(("free", "room"), [(1 << 30, 768 << 20), (100 << 20, 0)])
def test_a_file_of_unknown_size_leaves_some_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, room: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(free))
    assert find_room(tmp_path) == room


def test_on_a_small_disk_that_is_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(50 << 20, 100 << 20))
    assert find_room(tmp_path) == 45 << 20
