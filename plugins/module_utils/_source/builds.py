# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds on the host: made in a temporary directory, checked, given to root, and renamed into place."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import ensure_group, find_group
from ansible_collections.webstack.flask.plugins.module_utils._host.app_root import ensure_root
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import require_room
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    mark_used,
    sync_directory,
    sync_filesystem,
)
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import link_shared
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import describe_bad_link, is_within, leads_outside

_LEAST_ROOM = 32
"""MiB that must be free before a build is made."""

_PASS_THROUGH, _OPEN = 0o751, 0o755
"""Modes of a directory that others may only pass through, to public ones, and of a public one."""


def ensure_build(
    layout: AppLayout, identifier: str, fill: Callable[[Path], None], subdirectory: str = "", shared: Sequence[str] = ()
) -> bool:
    """Make the build unless it exists, by calling `fill` on an empty directory; return whether it was made.

    Of what `fill` writes, `subdirectory` becomes the build. The places named in `shared` become links to the app's shared data.
    """
    ensure_root(layout)
    ensure_group(layout.name)
    group = find_group(layout.name)
    if group is None:
        raise UserError(f"the group {layout.name} does not exist and could not be made")
    through = Access(0, 0, 0o711)
    ensure_directory(layout.builds, through)
    ensure_directory(layout.cache.parent, Access(0, 0, 0o755))
    ensure_directory(layout.cache, through)
    final = layout.build(identifier)
    if mark_used(final):
        return False
    require_room(layout.builds, "a build", _LEAST_ROOM)
    partial = layout.builds / f".partial-{identifier}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    try:
        _fill(partial, fill, subdirectory, shared)
        close_to_others(partial, group)
        sync_filesystem(partial)
        os.replace(partial, final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sync_directory(layout.builds)
    return True


@contextmanager
def open_scratch_build(directory: Path, fill: Callable[[Path], None], subdirectory: str, shared: Sequence[str]) -> Iterator[Path]:
    """Make a temporary build below a directory, for a check run."""
    build = directory / "build"
    build.mkdir(mode=0o700)
    try:
        _fill(build, fill, subdirectory, shared)
        yield build
    finally:
        shutil.rmtree(build, ignore_errors=True)


def _fill(build: Path, fill: Callable[[Path], None], subdirectory: str, shared: Sequence[str]) -> None:
    fill(build)
    descend(build, subdirectory)
    check_links(build)
    link_shared(build, shared)


def descend(top: Path, subdirectory: str) -> None:
    """Replace a tree by one of its directories."""
    if not subdirectory:
        return
    wanted = top / subdirectory
    if not wanted.is_dir() or not is_within(wanted, top):
        raise UserError(f"the source has no directory {subdirectory!r}")
    kept = top.with_name(f"{top.name}-kept")
    shutil.rmtree(kept, ignore_errors=True)
    os.replace(os.path.realpath(wanted), kept)
    shutil.rmtree(top)
    os.replace(kept, top)


def check_links(top: Path, shared: Sequence[str] = ()) -> None:
    """Raise UserError if a link in the tree leads out of it, but for those to `shared` data."""
    for folder, folders, files in os.walk(top):
        for name in (*folders, *files):
            if not os.path.islink(os.path.join(folder, name)):
                continue
            path = PurePosixPath(Path(folder, name).relative_to(top))
            if str(path) not in shared and leads_outside(top, path):
                raise UserError(describe_bad_link(top / path, path))


def close_to_others(top: Path, group: int) -> None:
    """Give the tree to root. The group may read it, others may only pass through its directories."""
    _set_modes(top, _PASS_THROUGH, lambda mode: 0o750 if mode & stat.S_IXUSR else 0o640, group)


def _set_modes(top: Path, directory_mode: int, file_mode: Callable[[int], int], group: int | None = None) -> None:
    """Set the mode of each file and directory of a tree; with a group, give them to root and to it. Links are not followed.

    A directory follows its content, so that its mode tells whether the content was done.
    """
    for folder, _folders, files in os.walk(top, topdown=False):
        for path in (*(os.path.join(folder, name) for name in files), folder):
            status = os.lstat(path)
            if group is not None:
                os.chown(path, 0, group, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                os.chmod(path, directory_mode if stat.S_ISDIR(status.st_mode) else file_mode(status.st_mode))


def open_to_others(build: Path, paths: Sequence[str], *, check: bool = False) -> bool:
    """Make these directories and files of a build readable by all, and so by the web server; return whether that changed anything.

    A directory's own mode tells whether its content was opened already.
    """
    changed = False
    for name in paths:
        top = build / name
        if not top.exists() or not is_within(top, build) or top.stat().st_mode & stat.S_IROTH:
            continue
        changed = True
        if not check and top.is_dir():
            _set_modes(top, _OPEN, lambda _mode: 0o644)
        elif not check:
            top.chmod(0o644)
    return changed
