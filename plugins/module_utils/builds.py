# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds on the host: put together in a directory beside, checked, given to root, and renamed into place."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils.accounts import ensure_group, find_group
from ansible_collections.webstack.flask.plugins.module_utils.disk import require_room
from ansible_collections.webstack.flask.plugins.module_utils.files import Access, ensure_directory, mark_used, sync_directory
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem
from ansible_collections.webstack.flask.plugins.module_utils.shared_data import link_shared
from ansible_collections.webstack.flask.plugins.module_utils.source_tree import describe_bad_link, is_within, leads_outside

_LEAST_ROOM = 32
"""MiB that must be free before a build is made."""

_PASS_THROUGH, _OPEN = 0o751, 0o755
"""Modes of a directory that others may pass through, to what is public, and of one that they may read."""


def ensure_build(layout: AppLayout, identifier: str, fill: Callable[[Path], None], shared: Sequence[str] = ()) -> bool:
    """Make the build if it is not there, by calling `fill` on an empty directory; return whether it was made.

    The places named in `shared` become links to the app's shared data.
    """
    ensure_group(layout.name)
    group = find_group(layout.name)
    if group is None:
        raise Problem(f"the group {layout.name} does not exist and could not be made")
    through = Access(0, 0, 0o711)
    ensure_directory(layout.root, through)
    ensure_directory(layout.builds, through)
    final = layout.build(identifier)
    if mark_used(final):
        return False
    require_room(layout.builds, "a build", _LEAST_ROOM)
    partial = layout.builds / f".partial-{identifier}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    try:
        fill(partial)
        check_links(partial)
        link_shared(partial, shared)
        close_to_others(partial, group)
        os.replace(partial, final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sync_directory(layout.builds)
    return True


def unpack(archive: Path, directory: Path) -> None:
    """Unpack a tar archive of plain files, directories and links; raise Problem for a member that would leave the directory."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                _unpack_member(tar, member, directory)
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise Problem(f"the archive cannot be unpacked: {error}") from error


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, directory: Path) -> None:
    target = directory / check_member_name(member.name)
    if not is_within(target.parent, directory):
        raise Problem(f"the archive would write {member.name!r} through a link out of the build")
    target.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member) if member.isreg() else None
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        target.symlink_to(member.linkname)
    elif content is not None:
        with content, target.open("xb") as file:
            shutil.copyfileobj(content, file)
        target.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)
    else:
        raise Problem(f"the archive's member {member.name!r} is neither a file, a directory nor a symbolic link")


def check_member_name(name: str) -> PurePosixPath:
    """Return the relative path of an archive's member, or raise Problem if it would be written outside the build."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Problem(f"the archive's member {name!r} would be written outside the build")
    return path


def check_links(top: Path) -> None:
    """Raise Problem if a link in the tree leads out of it."""
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            path = PurePosixPath(Path(folder, name).relative_to(top))
            if leads_outside(top, path):
                raise Problem(describe_bad_link(top / path, path))


def close_to_others(top: Path, group: int) -> None:
    """Give the tree to root: the group may read it, others may pass through its directories and no more."""
    for folder, _folders, files in os.walk(top):
        os.chown(folder, 0, group)
        os.chmod(folder, _PASS_THROUGH)
        for name in files:
            path = os.path.join(folder, name)
            os.chown(path, 0, group, follow_symlinks=False)
            if not os.path.islink(path):
                os.chmod(path, 0o750 if os.stat(path).st_mode & stat.S_IXUSR else 0o640)


def open_to_others(build: Path, directories: Sequence[str], *, check: bool = False) -> bool:
    """Let everybody, and so the web server, read these directories of a build; return whether that was not so.

    A directory's own mode tells whether its content was opened already.
    """
    changed = False
    for name in directories:
        top = build / name
        if not top.is_dir() or not is_within(top, build) or top.stat().st_mode & stat.S_IROTH:
            continue
        changed = True
        if check:
            continue
        for folder, _folders, files in os.walk(top, topdown=False):
            for file in files:
                path = os.path.join(folder, file)
                if not os.path.islink(path):
                    os.chmod(path, 0o644)
            os.chmod(folder, _OPEN)
    return changed
