# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What root does to trees that other accounts have written: no link is followed, and any depth and any name will do.

Each directory is opened in the one that it is in, never by a path: a path is resolved anew by each call, and whoever may write to a
directory on the way can put a link there between two of them. One descriptor at a time is open, so that depth costs none; on the way up
the directory must be the one that the walk came from.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, drop_acl, set_access

MOST_COPIED = 1_000_000
"""Entries of a tree that is copied: more is a mistake or an attack."""

DEEPEST_COPIED = 200
"""Levels of directories in a tree that is copied."""

_MOST_REWRITTEN = 1 << 20
"""Bytes of a file that is rewritten while it is copied; a larger one is copied as it is."""

_MOST_NAMED = 5
"""Paths that are named in a message, where there may be many."""

_LONGEST_NAME = 200
"""Characters of a path that are shown in a message."""

_ASIDE = ".removed-"

_TIMEOUT = 6 * 3600
"""Seconds for deleting a tree."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_MOUNTS = Path("/proc/self/mountinfo")
_MIB = 1024 * 1024


class Moved(UserError):
    """A tree was changed while root was in it."""


class Step(Enum):
    """What a walk has come to."""

    ENTER = auto()
    """A directory, before what is in it."""

    ITEM = auto()
    """Something in the directory that is no directory."""

    LEAVE = auto()
    """A directory, after what is in it."""


class Visit(NamedTuple):
    """A stop of a walk, which is good until the next one."""

    step: Step
    descriptor: int
    """Of the directory itself; of the one that it is in for what is none. It is the walk's to close."""

    name: str
    """Of what is no directory; else empty."""

    status: os.stat_result
    names: list[str]
    """The directories from the top, which has no name here, to `descriptor`. It is the walk's own list."""

    @property
    def is_top(self) -> bool:
        """Whether this is the tree itself."""
        return not self.names and not self.name

    @property
    def path(self) -> str:
        """Path below the top. To make one for each stop of a deep tree would take more time than the walk."""
        return "/".join([*self.names, self.name] if self.name else self.names)


@contextmanager
def open_directory(path: Path) -> Iterator[int]:
    """Hold a directory open; a link in its place raises UserError."""
    try:
        descriptor = os.open(path, _DIRECTORY)
    except NotADirectoryError:
        raise UserError(f"{path} has to be a directory, and is none; a symbolic link is not followed. Move it away and run again") from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walk(top: int) -> Generator[Visit, None, None]:
    """Visit a tree, given a descriptor of its directory; what goes away meanwhile is passed over.

    Raise Moved where a directory is exchanged or moved while the walk is in it. Use it with `closing`, for it holds a descriptor.
    """
    names: list[str] = []
    levels: list[tuple[os.stat_result, list[str]]] = []
    current = os.dup(top)
    try:
        status = os.fstat(current)
        yield Visit(Step.ENTER, current, "", status, names)
        levels.append((status, os.listdir(current)))
        while levels:
            status, left = levels[-1]
            if not left:
                yield Visit(Step.LEAVE, current, "", status, names)
                levels.pop()
                if levels:
                    current = _replace(current, _go_up(current, levels[-1][0], names))
                    names.pop()
                continue
            name = left.pop()
            try:
                found = os.stat(name, dir_fd=current, follow_symlinks=False)
                if not stat.S_ISDIR(found.st_mode):
                    yield Visit(Step.ITEM, current, name, found, names)
                    continue
                inner = os.open(name, _DIRECTORY, dir_fd=current)
            except FileNotFoundError:
                continue
            except NotADirectoryError:
                raise _moved("/".join([*names, name])) from None
            current = _replace(current, inner)
            names.append(name)
            found = os.fstat(current)
            yield Visit(Step.ENTER, current, "", found, names)
            levels.append((found, os.listdir(current)))
    finally:
        os.close(current)


def _go_up(current: int, expected: os.stat_result, names: list[str]) -> int:
    """Open the directory in which the current one is; raise Moved if that is not the one expected."""
    upper = os.open("..", _DIRECTORY, dir_fd=current)
    if _identify(os.fstat(upper)) == _identify(expected):
        return upper
    os.close(upper)
    raise _moved("/".join(names))


def _replace(former: int, descriptor: int) -> int:
    os.close(former)
    return descriptor


def _identify(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _moved(path: str) -> Moved:
    return Moved(f"{show_path(path)} was exchanged or moved while root was working in it; end what is running there, and run again")


def show_path(path: str) -> str:
    """Return a path, whose bytes may be any, as a message can show it."""
    shown = escape(path).replace("\n", "\\n").replace("\t", "\\t")
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[:_LONGEST_NAME]}…"


def give_tree(top: Path, *, uid: int, gid: int, mode: int) -> list[str]:
    """Give what in a tree is root's to an account, the directory itself, with this mode, last: until then it is root's, and closed.

    So one that still is root's has not been given away in full. Return a few paths of files that stay as they are, because they have
    another name outside the tree: they may be somebody else's.
    """
    with open_directory(top) as descriptor:
        set_access(descriptor, Access(0, 0, 0o700))
        kept = _hand_over(descriptor, _Heir(0, uid, gid), before=False)
        set_access(descriptor, Access(uid, gid, mode))
    return kept


def take_tree(top: Path, owner: int | None = None) -> list[str]:
    """Give a tree to root, the directory itself first, closed to everybody else. Return what stays as it is, as `give_tree` does.

    With `owner` that is only what belongs to the account, or the group, of this number: what is mounted in the tree may hold the files of
    others.
    """
    with open_directory(top) as descriptor:
        set_access(descriptor, Access(0, 0, 0o700))
        return _hand_over(descriptor, _Heir(owner, 0, 0), before=True)


class _Heir(NamedTuple):
    """Whose files go to whom."""

    former: int | None
    uid: int
    gid: int

    def takes(self, status: os.stat_result) -> bool:
        """Return whether this one is to go."""
        return self.former is None or self.former in (status.st_uid, status.st_gid)


def _hand_over(top: int, heir: _Heir, *, before: bool) -> list[str]:
    """Change the owner of what is in a directory, of directories `before` or after what is in them; return what stays as it is."""
    names_inside: Counter[tuple[int, int]] = Counter()
    with closing(walk(top)) as visits:
        for visit in visits:
            if visit.step is not Step.ITEM:
                if not visit.is_top and before == (visit.step is Step.ENTER) and heir.takes(visit.status):
                    os.fchown(visit.descriptor, heir.uid, heir.gid)
            elif visit.status.st_nlink > 1:
                names_inside[_identify(visit.status)] += 1
            else:
                _chown(visit, heir)
    return _hand_over_linked(top, heir, names_inside) if names_inside else []


def _hand_over_linked(top: int, heir: _Heir, names_inside: Counter[tuple[int, int]]) -> list[str]:
    """Change the owner of the files that have several names, if all of them are in the tree; return a few of the others."""
    kept: list[str] = []
    with closing(walk(top)) as visits:
        for visit in visits:
            if visit.step is not Step.ITEM or visit.status.st_nlink == 1:
                continue
            if names_inside[_identify(visit.status)] >= visit.status.st_nlink:
                _chown(visit, heir)
            elif len(kept) < _MOST_NAMED:
                kept.append(show_path(visit.path))
    return kept


def _chown(visit: Visit, heir: _Heir) -> None:
    if not heir.takes(visit.status):
        return
    with suppress(FileNotFoundError):
        os.chown(visit.name, heir.uid, heir.gid, dir_fd=visit.descriptor, follow_symlinks=False)


def clear_acls(top: Path) -> None:
    """Take all access lists off a tree of root's, if it is there. The permission bits stay, which were asked for when it was made."""
    try:
        with open_directory(top) as descriptor, closing(walk(descriptor)) as visits:
            for visit in visits:
                if visit.step is Step.ENTER:
                    drop_acl(visit.descriptor)
                elif visit.step is Step.ITEM and not stat.S_ISLNK(visit.status.st_mode):
                    _clear_item(visit)
    except FileNotFoundError:
        return


def _clear_item(visit: Visit) -> None:
    # By O_PATH, for to open a device or a fifo can do something; the way by /proc is how such a descriptor can be used: open(2).
    descriptor = os.open(visit.name, os.O_PATH | os.O_NOFOLLOW, dir_fd=visit.descriptor)
    try:
        if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
            drop_acl(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class _Copying:
    """How a tree is copied."""

    uid: int
    gid: int
    directory_mode: int
    file_mode: int
    program_mode: int
    wants_rewrite: Callable[[PurePosixPath], bool]
    rewrite: Callable[[PurePosixPath, bytes], bytes]
    owner: int
    """Of the tree that is copied."""

    room: int
    """Bytes that may be copied."""


def copy_tree(  # noqa: PLR0913  each is given by name, and says what it is
    source: Path,
    target: Path,
    *,
    uid: int,
    gid: int,
    directory_mode: int,
    file_mode: int,
    program_mode: int,
    wants_rewrite: Callable[[PurePosixPath], bool] = lambda _path: False,
    rewrite: Callable[[PurePosixPath, bytes], bytes] = lambda _path, content: content,
) -> None:
    """Copy a tree that another account has written into a directory that is not there yet; if that fails, nothing of it is left.

    All files are new ones, so that what others hold open is none of them. Links are copied as links; what is neither file, link nor
    directory is left out. Files that their owner may execute get `program_mode`. They keep their time of change, which byte code
    records; access lists are not copied. `rewrite` gets the path below the top and the content of files for which `wants_rewrite`, and
    returns the content that is written; one of more than 1 MiB is left as it is.

    Raise UserError, before anything is copied, where the tree has more than 1,000,000 entries or 200 levels, would not fit, or has a
    second name of somebody else's file.
    """
    with open_directory(source) as descriptor:
        owner = os.fstat(descriptor).st_uid
        room = shutil.disk_usage(target.parent).free
        _require_copyable(descriptor, owner, room, f"{source} cannot be copied to {target}")
        os.mkdir(target, 0o700)
        try:
            how = _Copying(uid, gid, directory_mode, file_mode, program_mode, wants_rewrite, rewrite, owner, room)
            _copy(descriptor, target, how)
        except BaseException:
            _delete(target)
            raise


def _require_copyable(top: int, owner: int, room: int, trouble: str) -> None:
    """Raise UserError if a tree is more than may be copied."""
    entries = size = 0
    with closing(walk(top)) as visits:
        for visit in visits:
            if visit.step is Step.LEAVE:
                continue
            entries += 1
            if entries > MOST_COPIED:
                raise UserError(f"{trouble}: it has more than {MOST_COPIED} files and directories")
            if len(visit.names) > DEEPEST_COPIED:
                raise UserError(f"{trouble}: its directories are more than {DEEPEST_COPIED} levels deep")
            if stat.S_ISREG(visit.status.st_mode):
                _require_own(visit.status, owner, visit.path)
                size += visit.status.st_size
    if size > room:
        raise UserError(f"{trouble}: its files have {-(-size // _MIB)} MiB, and there are {room // _MIB} MiB of free space")


def _require_own(status: os.stat_result, owner: int, path: str) -> None:
    """Raise UserError where a file is a second name of somebody else's: the copy could be read by those who may not read that one."""
    if status.st_nlink > 1 and status.st_uid != owner:
        raise UserError(
            f"{show_path(path)} is a second name of a file of the user with the id {status.st_uid}, and is not copied; delete it"
        )


def _copy(top: int, target: Path, how: _Copying) -> None:
    """Copy what is in a directory into an empty one, which is opened to others last."""
    made = [os.open(target, _DIRECTORY)]
    copied = 0
    try:
        drop_acl(made[0])  # so that what is made in it inherits none
        with closing(walk(top)) as visits:
            for visit in visits:
                if visit.step is Step.LEAVE:
                    set_access(made[-1], Access(how.uid, how.gid, how.directory_mode))
                    os.close(made.pop())
                elif visit.step is Step.ENTER:
                    if not visit.is_top:
                        if len(made) > DEEPEST_COPIED:
                            raise _moved(visit.path)
                        os.mkdir(visit.names[-1], 0o700, dir_fd=made[-1])
                        made.append(os.open(visit.names[-1], _DIRECTORY, dir_fd=made[-1]))
                elif stat.S_ISLNK(visit.status.st_mode):
                    os.symlink(os.readlink(visit.name, dir_fd=visit.descriptor), visit.name, dir_fd=made[-1])
                    os.chown(visit.name, how.uid, how.gid, dir_fd=made[-1], follow_symlinks=False)
                elif stat.S_ISREG(visit.status.st_mode):
                    copied += _copy_file(visit, made[-1], how, how.room - copied)
    finally:
        for descriptor in made:
            os.close(descriptor)


def _copy_file(visit: Visit, target: int, how: _Copying, room: int) -> int:
    """Copy a file into a directory; return its size in bytes. Raise UserError where it is not what it was, or exceeds `room` bytes."""
    # Neither a link nor a fifo, on which open(2) would wait, that has come in the file's place.
    reading = os.open(visit.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=visit.descriptor)
    try:
        status = os.fstat(reading)
        if not stat.S_ISREG(status.st_mode) or status.st_size > room:
            raise _moved(visit.path)
        _require_own(status, how.owner, visit.path)
        writing = os.open(visit.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=target)
        try:
            path = PurePosixPath(visit.path)
            if status.st_size <= _MOST_REWRITTEN and how.wants_rewrite(path):
                _write(writing, how.rewrite(path, _read(reading, status.st_size)))
            else:
                _send(reading, writing, status.st_size)
            os.fchown(writing, how.uid, how.gid)
            os.fchmod(writing, how.program_mode if status.st_mode & stat.S_IXUSR else how.file_mode)
            os.utime(writing, ns=(status.st_mtime_ns, status.st_mtime_ns))
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    return status.st_size


def _send(reading: int, writing: int, size: int) -> None:
    while size > 0 and (sent := os.sendfile(writing, reading, None, size)):
        size -= sent


def _read(reading: int, size: int) -> bytes:
    content = b""
    while len(content) < size and (piece := os.read(reading, size - len(content))):
        content += piece
    return content


def _write(writing: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(writing, left) :]


def set_aside(path: Path) -> Path:
    """Return the name beside it that a tree bears while it is removed; one that bears such a name keeps it."""
    return path if path.name.startswith(_ASIDE) else path.with_name(f"{_ASIDE}{path.name}")


def remove_tree(path: Path) -> None:
    """Delete a directory and what is in it; renamed first, so that an interrupted removal leaves no half of it in use.

    What an earlier one that was cut off has left is deleted as well. Raise UserError if anything is mounted in it, or is left.
    """
    doomed = set_aside(path)
    require_unmounted(path)
    require_unmounted(doomed)
    if os.path.lexists(doomed):
        _delete(doomed)
    if not os.path.lexists(path):
        return
    try:
        os.rename(path, doomed)
    except OSError as error:
        # A directory of a lower layer of overlayfs cannot be renamed, nor one in which something is mounted for some other process.
        if error.errno not in (errno.EXDEV, errno.EBUSY):
            raise
        doomed = path
    _delete(doomed)


def _delete(path: Path) -> None:
    """Delete a tree with rm(1), which goes by descriptors, follows no link, and takes any depth."""
    command = ["rm", "--recursive", "--force", "--one-file-system", "--", str(path)]
    try:
        ended = run(command, timeout=_TIMEOUT, most=_MIB, env={"PATH": os.defpath, "LC_ALL": "C"})
    except TimedOut:
        raise UserError(f"deleting {path} took more than {_TIMEOUT // 3600} hours and was stopped; run again to go on") from None
    if ended.status or os.path.lexists(path):
        raise UserError(f"{path} could not be deleted: {show_words(ended.errors)}")


def show_words(words: str) -> str:
    """Return the first lines of what a program said of a tree, bounded, for its paths can be of any length."""
    lines = [show_path(line) for line in words.splitlines() if line.strip()]
    more = [f"and {len(lines) - _MOST_NAMED} lines more"] if len(lines) > _MOST_NAMED else []
    return "; ".join([*lines[:_MOST_NAMED], *more]) or "it gave no reason"


def require_unmounted(path: Path) -> None:
    """Raise UserError if something is mounted at `path` or below it: it is not part of the tree, and would be deleted with it.

    `rm --one-file-system` alone does not see a directory of the same file system that is mounted there (mount --bind).
    """
    # Not by its own name: what `path` is a link to is not deleted.
    mounts = list_mounts(os.path.join(os.path.realpath(path.parent), path.name))
    if mounts:
        shown = show_path(mounts[-1])
        raise UserError(
            f"something is mounted at {shown}, and is not to be deleted with {path}. What is on it will be neither copied nor removed: "
            f"keep a copy if you need one, give it to root (`chown -hR root:root {shown}`), run `umount {shown}`, and run again"
        )


def list_mounts(top: str) -> list[str]:
    """Return where something is mounted at `top`, a path without links, or below it."""
    return find_mounts(_MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"), top)


def is_mount(path: Path) -> bool:
    """Return whether something is mounted at a path, be it a directory of the same file system."""
    real = os.path.join(os.path.realpath(path.parent), path.name)
    return real in list_mounts(real)


def find_mounts(table: str, top: str) -> list[str]:
    """Return where something is mounted at `top` or below it, from /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    fields = [line.split(" ") for line in table.split("\n")]
    places = [re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[4]) for words in fields if len(words) > 4]
    return [place for place in places if place == top or place.startswith(f"{top.rstrip('/')}/")]


def empty_directory(top: Path) -> None:
    """Delete what is in a directory of root's, which stays: something is mounted there, or a link leads to it.

    All of it is renamed first, so that an interrupted removal leaves no half of it in use.
    """
    require_nothing_mounted_in(top)
    doomed = top / f"{_ASIDE}data"
    doomed.mkdir(mode=0o700, exist_ok=True)
    for name in list_content(top):
        try:
            os.rename(top / name, doomed / name)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EBUSY, errno.ENOTEMPTY, errno.EEXIST):
                raise
            _delete(top / name)
    _delete(doomed)


def list_content(top: Path) -> list[str]:
    """Return the names in a directory that are neither the file system's own nor left by a removal that was cut off."""
    return sorted(name for name in os.listdir(top) if name not in ("lost+found", f"{_ASIDE}data"))


def require_nothing_mounted_in(top: Path) -> None:
    """Raise UserError if something is mounted below a directory, which itself may be where something is."""
    for name in os.listdir(top):
        require_unmounted(top / name)
