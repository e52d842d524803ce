# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring files and directories to a wanted state: compare first, then write a temporary file and rename it."""

from __future__ import annotations

import errno
import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

ACCESS_LIST, INHERITED_LIST = "system.posix_acl_access", "system.posix_acl_default"
"""The extended attributes that hold the POSIX access list of a file, and the one that what is made in a directory inherits: acl(5)."""

_ACLS = (ACCESS_LIST, INHERITED_LIST)

_MOST_LINKS = 40
"""So many links on one way the kernel follows: path_resolution(7)."""


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
    """Return whether `path` exists with exactly this owner, group and mode, and without an access list that says otherwise."""
    return _has_mode(path, access) and not has_acl(path)


def _has_mode(path: Path, access: Access) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    return (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (access.uid, access.gid, access.mode)


def has_acl(path: Path) -> bool:
    """Return whether a path has an access list, or passes one on; one that is absent has none."""
    try:
        return any(name in _ACLS for name in os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.ENOENT, errno.ENOTDIR):
            raise
        return False


def drop_acl(opened: int | str) -> None:
    """Take the access lists off what is opened as a descriptor, or named by a path; the permission bits stay as they are."""
    try:
        names = os.listxattr(opened)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return
    for name in names:
        if name in _ACLS:
            os.removexattr(opened, name)


def set_access(descriptor: int, access: Access) -> None:
    """Give what is opened exactly this access. The list goes first: where there is one, chmod(2) changes its mask alone."""
    drop_acl(descriptor)
    os.fchown(descriptor, access.uid, access.gid)
    os.fchmod(descriptor, access.mode)


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
            set_access(descriptor, access)
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
    """Give programs that root starts a secret as a file in memory, which disappears with this process."""
    descriptor = os.memfd_create("secret")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, 0o600)  # ssh refuses a key that others may read
        file.write(text)
        file.flush()
        # By this process's number, for ssh closes whatever it inherits.
        yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")


def ensure_directory(path: Path, access: Access, *, check: bool = False, may_have_list: bool = False) -> bool:
    """Make the directory with this access; return whether that changed (or in check mode would change) anything.

    An access list goes; with `may_have_list` one that leaves the owner, the group and the mode as they are to be is not looked at.
    Something else in its place, be it a link to a directory, raises UserError.
    """
    try:
        present = path.lstat()
    except FileNotFoundError:
        present = None
    if present and not stat.S_ISDIR(present.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(present.st_mode) else "no directory"
        mend = "to have it on another disk, mount that there (`mount --bind`)" if stat.S_ISLNK(present.st_mode) else "move it away"
        raise UserError(f"{path} is {kind}, and has to be a directory; {mend}, and run again")
    if present and (_has_mode if may_have_list else has_access)(path, access):
        return False
    if not check:
        for parent in reversed(path.parents):
            if not parent.exists():
                _make_directory(parent, Access(os.geteuid(), os.getegid(), 0o755))
        _make_directory(path, access)
    return True


def _make_directory(path: Path, access: Access) -> None:
    """Make a directory that may be there, and give it this access without following a link that may have come in its place.

    A new one survives a power cut: what is written in it later, or a link that leads to it, would not help without it.
    """
    is_new = not os.path.lexists(path)
    path.mkdir(mode=0o700, exist_ok=True)
    if is_new:
        sync_directory(path.parent)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        set_access(descriptor, access)
    finally:
        os.close(descriptor)


def require_closed_way(path: Path, *, trusted: int = 0) -> None:
    """Raise UserError if anybody but root could exchange a directory on the way to `path`, or `path` itself, for another one.

    Whoever may write to a directory may rename what is in it; one with the sticky bit, such as /tmp, lets others at least make what is
    not there yet. So each one, from / on and wherever links lead, has to belong to root (to `trusted`), and be for nobody else to write.
    What is not there yet, root will make.
    """
    place, left, links = Path("/"), [*reversed(path.parts[1:])], 0
    _require_closed(place, path, trusted)
    while left:
        name = left.pop()
        step = place.parent if name == ".." else place / name
        try:
            status = step.lstat()
        except FileNotFoundError:
            return
        except PermissionError:  # somebody else than root asks, and may not look there
            return
        if stat.S_ISLNK(status.st_mode):
            links += 1
            if links > _MOST_LINKS:
                raise UserError(f"{path} leads in a circle of symbolic links at {step}; choose another place")
            target = Path(os.readlink(step))
            left += [part for part in reversed(target.parts) if part != "/"]
            place = Path("/") if target.is_absolute() else place
        elif stat.S_ISDIR(status.st_mode):
            place = step
            _require_closed(place, path, trusted)
        else:
            raise UserError(f"{step}, on the way to {path}, is no directory; choose another place")


def _require_closed(directory: Path, path: Path, trusted: int) -> None:
    status = directory.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid == trusted and not mode & (stat.S_IWGRP | stat.S_IWOTH):
        return
    mends = [f"chown root:root {directory}"] if status.st_uid != trusted else []
    mends += [f"setfacl -b {directory}"] if has_acl(directory) else []
    mends += [f"chmod go-w {directory}"] if mode & (stat.S_IWGRP | stat.S_IWOTH) else []
    raise UserError(
        f"{directory} belongs to {_name_user(status.st_uid)} and has the mode {mode:04o}; others than root may write there, and could "
        f"exchange what root is about to write below {path}. Run `{' && '.join(mends)}`, or choose a place that is root's alone"
    )


def _name_user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def mark_used(path: Path) -> bool:
    """Touch the path so that pruning treats it as recently used; return whether it exists."""
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
