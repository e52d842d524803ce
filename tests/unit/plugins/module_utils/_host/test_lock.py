from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock

if TYPE_CHECKING:
    from pathlib import Path


def hold(path: Path) -> None:
    with hold_lock(path, 0, lambda _words: None):
        pass


def test_the_second_holder_is_told_who_is_the_first(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "shop.lock"
    with hold_lock(path, 0, lambda _words: None), pytest.raises(UserError, match=f"process {os.getpid()} on this host"):
        hold(path)
    hold(path)


def test_a_lock_ends_with_its_holder_however_that_ends(tmp_path: Path) -> None:
    path = tmp_path / "shop.lock"
    program = f"import fcntl, os; f = open({str(path)!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", program], check=False)
    hold(path)


def test_a_lock_is_for_nobody_else_to_open_and_its_directory_for_nobody_else_to_write(tmp_path: Path) -> None:
    directory = tmp_path / "locks"
    directory.mkdir()
    directory.chmod(0o777)
    (directory / "shop.lock").touch()
    (directory / "shop.lock").chmod(0o666)
    os.chown(directory / "shop.lock", 61001, 61001)
    hold(directory / "shop.lock")
    for path, mode in ((directory, 0o755), (directory / "shop.lock", 0o600)):
        status = path.stat()
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (os.geteuid(), mode)


def test_a_link_in_the_place_of_a_lock_or_of_its_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious", encoding="ascii")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "shop.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        hold(tmp_path / "locks" / "shop.lock")
    (tmp_path / "link").symlink_to(tmp_path / "locks")
    with pytest.raises(UserError, match="is a symbolic link"):
        hold(tmp_path / "link" / "other.lock")
    assert (tmp_path / "victim").read_text(encoding="ascii") == "precious"
    assert not (tmp_path / "locks" / "other.lock").exists()
