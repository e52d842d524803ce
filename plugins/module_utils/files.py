# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories brought to a wanted state: read, compare, and only then write beside and rename."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Access:
    """Who may do what with a path: numeric owner and group, and permission bits."""

    uid: int
    gid: int
    mode: int


def read_text(path: Path) -> str | None:
    """Return the content of a file, or None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return None


def has_access(path: Path, access: Access) -> bool:
    """Return whether `path` exists with exactly this owner, group and mode."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (access.uid, access.gid, access.mode)


def ensure_file(path: Path, text: str, access: Access, *, check: bool = False) -> bool:
    """Give the file this content and access; return whether that changed (or in check mode would change) anything."""
    if read_text(path) == text and has_access(path, access):
        return False
    if not check:
        write_atomically(path, text, access)
    return True


def write_atomically(path: Path, text: str, access: Access) -> None:
    """Replace the file in one step; a reader, or a power cut, meets the old content or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            os.fchown(descriptor, access.uid, access.gid)
            os.fchmod(descriptor, access.mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    sync_directory(path.parent)


@contextmanager
def hold_in_memory(text: str) -> Iterator[Path]:
    """Let programs that root starts read a secret as a file that is on no disk, and is gone with this process, however that ends."""
    descriptor = os.memfd_create("secret")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)  # ssh takes no key that others may read
        file.write(text)
        file.flush()
        # By this process's number, for ssh closes whatever it inherits.
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")


def ensure_directory(path: Path, access: Access, *, check: bool = False) -> bool:
    """Make the directory with this access; return whether that changed (or in check mode would change) anything."""
    if path.is_dir() and not path.is_symlink() and has_access(path, access):
        return False
    if not check:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chown(path, access.uid, access.gid)
        os.chmod(path, access.mode)
    return True


def give_tree(tree: Path, access: Access) -> None:
    """Give a directory and what is in it to an owner and a group; the mode is that of the directory alone."""
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), access.uid, access.gid, follow_symlinks=False)
    os.chmod(tree, access.mode)
    os.chown(tree, access.uid, access.gid)


def mark_used(path: Path) -> bool:
    """Let what is deleted when nobody has used it for a while count as used now; return whether it is there at all."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def read_link(path: Path) -> str | None:
    """Return where a symbolic link points, or None where there is no link."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def point_link(path: Path, target: str) -> None:
    """Make `path` a symbolic link to `target` by one rename, so that it is never absent."""
    staged = path.with_name(f".{path.name}.new")
    staged.unlink(missing_ok=True)
    staged.symlink_to(target)
    os.replace(staged, path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames within the directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_filesystem(path: Path) -> None:
    """Write all that the file system of `path` still holds in memory to its disk.

    A rename, or a mark, that says that a tree is complete can reach the disk half a minute before the tree's content does: after
    a power cut in between, files are there, and empty. One call is quicker than one for each file, and fsync(2) of the
    directory is not enough.
    """
    subprocess.run(["sync", "--file-system", path], check=True)


def remove_tree(path: Path) -> None:
    """Delete a directory and what is in it; renamed first, so that an interrupted removal leaves no half of it in use."""
    if not path.exists():
        return
    doomed = path.with_name(f".removed-{path.name}")
    if doomed.exists():
        shutil.rmtree(doomed)
    os.replace(path, doomed)
    shutil.rmtree(doomed)
