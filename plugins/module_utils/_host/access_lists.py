# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a group read some directories of an account's data, and nothing else there, by POSIX access lists: acl(5).

A list that a directory passes on to what is made in it counts instead of the umask, so that new files are readable as well.

Root does this in a tree that the account can change at any time: by descriptors of what was opened without following links, and with
what is the account's own alone. So it does no more than that account could.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import ACCESS_LIST, INHERITED_LIST
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import (
    Moved,
    Step,
    Visit,
    list_mounts,
    open_directory,
    show_path,
    walk,
)

_READ, _PASS = 4, 1
_OTHERS = 0o007

_VERSION = 2
_HEAD, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_NOBODY = 0xFFFFFFFF
"""The number of an entry that is for no account by number."""

_ATTEMPTS = 3
"""Times that a tree is gone through anew, when the app has moved a directory meanwhile."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class _Tag(IntEnum):
    """Whom an entry is for, as the kernel numbers it in an extended attribute: linux/posix_acl_xattr.h."""

    OWNER = 0x01
    USER = 0x02
    OWN_GROUP = 0x04
    GROUP = 0x08
    MASK = 0x10
    OTHERS = 0x20


AccessList = dict[tuple[int, int], int]
"""Permission bits by whom they are for: a tag, and the number of the user or group."""


@dataclass(frozen=True)
class Opening:
    """Which directories of a tree a group may read, by their paths below the top."""

    public: frozenset[str]
    owner: int
    """Number of the account whose tree it is."""

    reader: int
    """Number of the group."""

    check: bool
    mounts: frozenset[str]
    """What is mounted in the tree, which can be open to others elsewhere, and is not closed to them here."""

    @property
    def ways(self) -> frozenset[str]:
        """The directories that the group has to pass, by their paths; the top is an empty one."""
        return frozenset("" if str(way) == "." else str(way) for path in self.public for way in PurePosixPath(path).parents)


def ensure_readable(top: Path, public: Iterable[str], *, owner: int, reader: int, check: bool) -> bool:
    """Let the group `reader` read these directories below `top`, all that is in them and will be, and nothing else of the tree.

    Return whether that changed (or in check mode would change) anything. A directory that is as it should be is not gone through again.
    What others than the group's members may do with the rest of the tree, behind a top that is closed to them, is taken away where the
    group could reach it. Where `public` is empty, the group is let out everywhere.

    Raise UserError where such a directory is a link or somebody else's, or its file system has no access lists, or is not root's to
    change. One that is missing is passed over.
    """
    real = os.path.realpath(top)
    mounts = frozenset(os.path.relpath(place, real) for place in list_mounts(real))
    opening = Opening(frozenset(public), owner, reader, check, mounts)
    if not opening.public and not _may_look(top):
        return False  # on another machine, which lets no other root look: nothing was opened there
    try:
        return _ensure(top, opening)
    except OSError as error:
        raise _describe(error, top) from error


def _may_look(directory: Path) -> bool:
    try:
        with open_directory(directory):
            return True
    except PermissionError:
        return False


def _ensure(top: Path, opening: Opening) -> bool:
    for attempt in range(_ATTEMPTS):
        try:
            with open_directory(top) as descriptor:
                return _tend(descriptor, top, "", opening) or attempt > 0
        except Moved:
            if attempt == _ATTEMPTS - 1:
                raise
    return True


def _tend(directory: int, place: Path, path: str, opening: Opening) -> bool:
    """Bring a directory that is not public, and what is in it, to what is wanted; itself last, so that its list tells of the rest."""
    changed = False
    for name in _list_names(directory, opening):
        inner = f"{path}/{name}" if path else name
        if inner not in opening.public and inner not in opening.ways:
            changed |= _shut(directory, name, inner, opening)
            continue
        with _open_own(directory, name, place / name, opening.owner) as opened:
            changed |= _open_up(opened, place / name, opening) if inner in opening.public else _tend(opened, place / name, inner, opening)
    # Who has put other lists here is not asked: this directory is as closed as it is said to be.
    bits, needed = (_PASS, place) if path in opening.ways else (0, None)
    kept = {key: value for key, value in _read(directory, ACCESS_LIST, needed).items() if key[0] not in (_Tag.USER, _Tag.GROUP)}
    changed |= _write(directory, ACCESS_LIST, _with_reader(kept, opening.reader, bits), needed, check=opening.check)
    return changed | _write(directory, INHERITED_LIST, {}, needed, check=opening.check)


def _list_names(directory: int, opening: Opening) -> list[str]:
    """Return what in a directory may have to be opened or closed: where nothing is public, directories alone can have been."""
    with os.scandir(directory) as entries:
        return sorted(entry.name for entry in entries if opening.public or entry.is_dir(follow_symlinks=False))


@contextmanager
def _open_own(directory: int, name: str, place: Path, owner: int) -> Iterator[int]:
    try:
        opened = os.open(name, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        raise Moved(f"{place} was moved or deleted while root was working in it; end what is running there, and run again") from None
    except NotADirectoryError:
        raise UserError(
            f"{place} has to be a directory for nginx to send what is in it, and is none; nginx follows no link in what an app can "
            f"change. To have it on another disk, mount that there (`mount --bind DIRECTORY {place}`); or take it out of `static`, and the "
            "app sends these files"
        ) from None
    try:
        if os.fstat(opened).st_uid != owner:
            raise UserError(f"{place} does not belong to the app, whose files nginx is to send from there: `chown {owner} {place}`")
        yield opened
    finally:
        os.close(opened)


def _open_up(top: int, place: Path, opening: Opening) -> bool:
    """Let the group read a directory, unless its own list says that it was done."""
    wanted = _with_reader(_read(top, ACCESS_LIST, place), opening.reader, _READ | _PASS)
    passed_on = _make_inherited(wanted)
    if _read(top, ACCESS_LIST, place) == wanted and _read(top, INHERITED_LIST, place) == passed_on:
        return False
    if not opening.check:
        # What is made meanwhile inherits a list, or is found by the walk.
        _write(top, INHERITED_LIST, passed_on, place)
        _change_tree(top, place, opening, _READ)
        _write(top, ACCESS_LIST, wanted, place)
    return True


def _shut(directory: int, name: str, path: str, opening: Opening) -> bool:
    """Let the group, and whoever else could come now, out of what is not public; return whether anything was open."""
    changed = False
    for opened in _open_item(directory, name, opening.owner):
        status = os.stat(opened)
        if opening.public and status.st_mode & _OTHERS and path not in opening.mounts:
            changed = True
            if not opening.check:
                os.chmod(opened, stat.S_IMODE(status.st_mode) & ~_OTHERS)
        if not any((_Tag.GROUP, opening.reader) in _read(opened, kind, None) for kind in (ACCESS_LIST, INHERITED_LIST)):
            continue
        changed = True
        if not opening.check:
            if stat.S_ISDIR(status.st_mode):
                inner = os.open(opened, os.O_RDONLY | os.O_DIRECTORY)  # not by its name, which can be another one's by now
                try:
                    _change_tree(inner, None, opening, 0)
                finally:
                    os.close(inner)
            _set_reader(opened, opening.reader, 0, None)
    return changed


def _change_tree(top: int, place: Path | None, opening: Opening, bits: int) -> None:
    """Give the group these rights to all that is in a directory and the account's own, but not to that directory.

    What has an entry for the group, but a mask without reading, has got a mode like 0600 since: the account keeps it to itself. Where
    there are no access lists, that is an error that names the `place`; without one it is none.
    """
    with closing(walk(top)) as visits:
        for visit in visits:
            if visit.is_top or visit.step is Step.LEAVE or visit.status.st_uid != opening.owner:
                continue
            shown = place / show_path(visit.path) if place else None
            if visit.step is Step.ENTER:
                if not (bits and _is_kept(visit.descriptor, opening.reader, shown)):
                    _set_reader(visit.descriptor, opening.reader, bits and bits | _PASS, shown)
            elif stat.S_ISREG(visit.status.st_mode):
                _change_file(visit, opening, bits, shown)


def _change_file(visit: Visit, opening: Opening, bits: int, shown: Path | None) -> None:
    for opened in _open_item(visit.descriptor, visit.name, opening.owner):
        if stat.S_ISREG(os.stat(opened).st_mode) and not (bits and _is_kept(opened, opening.reader, shown)):
            _set_reader(opened, opening.reader, bits, shown)


def _is_kept(opened: int | str, reader: int, place: Path | None) -> bool:
    """Return whether the account has taken away by chmod(2), which changes the mask, what the group has here."""
    entries = _read(opened, ACCESS_LIST, place)
    return (_Tag.GROUP, reader) in entries and not entries.get((_Tag.MASK, _NOBODY), 7) & _READ


def _open_item(directory: int, name: str, owner: int) -> Iterator[str]:
    """Yield a path of what has this name and is the account's own, be it what it may but a link, good for one turn."""
    # By O_PATH, for to open a device or a fifo can do something; the way by /proc is how such a descriptor can be used: open(2).
    try:
        opened = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=directory)
    except FileNotFoundError:
        return
    try:
        status = os.fstat(opened)
        if status.st_uid == owner and not stat.S_ISLNK(status.st_mode):
            yield f"/proc/self/fd/{opened}"
    finally:
        os.close(opened)


def _set_reader(opened: int | str, reader: int, bits: int, place: Path | None) -> None:
    """Give the group these rights, or with 0 none, to a file or directory; a directory passes them on. Other entries stay."""
    access = _with_reader(_read(opened, ACCESS_LIST, place), reader, bits)
    if stat.S_ISDIR(os.stat(opened).st_mode):
        inherited = _make_inherited(access) if bits else _with_reader(_read(opened, INHERITED_LIST, place), reader, 0)
        _write(opened, INHERITED_LIST, inherited if _names_somebody(inherited) else {}, place)
    _write(opened, ACCESS_LIST, access, place)


def _names_somebody(entries: AccessList) -> bool:
    """Return whether a list says more than a mode can."""
    return any(tag in (_Tag.USER, _Tag.GROUP) for tag, _number in entries)


def _with_reader(entries: AccessList, reader: int, bits: int) -> AccessList:
    """Return a list with what the group may do, 0 for nothing of its own. Nobody else gets more by it than the mask has left."""
    mask = entries.get((_Tag.MASK, _NOBODY), 7)
    changed = {
        key: value & mask if key[0] in (_Tag.USER, _Tag.OWN_GROUP, _Tag.GROUP) else value
        for key, value in entries.items()
        if key != (_Tag.GROUP, reader) and key[0] != _Tag.MASK
    }
    if bits:
        changed[(_Tag.GROUP, reader)] = bits
    if _names_somebody(changed):
        changed[(_Tag.MASK, _NOBODY)] = 0
        for (tag, _number), value in list(changed.items()):
            if tag in (_Tag.USER, _Tag.OWN_GROUP, _Tag.GROUP):
                changed[(_Tag.MASK, _NOBODY)] |= value
    return changed


def _make_inherited(access: AccessList) -> AccessList:
    """Return what a public directory passes on: its own list, of which all is the owner's and nothing anybody's."""
    return {**access, (_Tag.OWNER, _NOBODY): 7, (_Tag.OTHERS, _NOBODY): 0}


def _read(opened: int | str, kind: str, place: Path | None) -> AccessList:
    """Return an access list: where there is none, what the mode says, or of the inherited one nothing.

    Raise UserError if the file system has none; with no `place` to name, that is as good as no list.
    """
    try:
        content = os.getxattr(opened, kind)
    except OSError as error:
        if error.errno == errno.ENODATA or (error.errno == errno.ENOTSUP and place is None):
            mode = os.stat(opened).st_mode
            tags = ((_Tag.OWNER, mode >> 6), (_Tag.OWN_GROUP, mode >> 3), (_Tag.OTHERS, mode))
            return {(tag, _NOBODY): bits & 7 for tag, bits in tags} if kind == ACCESS_LIST else {}
        raise _describe(error, place) from error
    return {(tag, number): bits for tag, bits, number in _ENTRY.iter_unpack(content[_HEAD.size :])}


def _write(opened: int | str, kind: str, entries: AccessList, place: Path | None, *, check: bool = False) -> bool:
    """Give what is opened this list; return whether it had another one. One that says no more than a mode can leaves a mode."""
    if _read(opened, kind, place) == entries:
        return False
    if check:
        return True
    try:
        if entries:
            packed = (_ENTRY.pack(tag, bits, number) for (tag, number), bits in sorted(entries.items()))
            os.setxattr(opened, kind, _HEAD.pack(_VERSION) + b"".join(packed))
        else:
            os.removexattr(opened, kind)
    except OSError as error:
        if error.errno == errno.ENODATA:
            return False
        raise _describe(error, place) from error
    return True


def _describe(error: OSError, place: Path | None) -> Exception:
    if place is None or error.errno not in (errno.ENOTSUP, errno.EROFS, errno.EPERM, errno.EACCES):
        return error
    if error.errno != errno.ENOTSUP:
        return UserError(
            f"what nginx may read of {place} cannot be changed ({error.strerror}): it is mounted read-only, or lies on another machine "
            "that trusts no root but its own, or has files with the flag `i` of chattr(1). Mend that; with the directory out of `static`, "
            "the app sends these files"
        )
    return UserError(
        f"{place} is to be readable for nginx, and its file system takes no access list, as in acl(5), that could say so: mount it with "
        "them (`mount -o remount,acl`; NFS and FAT have none), or take the directory out of `static`, and the app sends these files"
    )
