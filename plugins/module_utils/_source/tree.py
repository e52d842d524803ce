# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of source on the controller: its files, its identifier, and the archive in which it is copied to the host."""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import LENGTH
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import MOST_LEVELS, Room, describe_depth

_CHUNK = 1 << 20


def list_files(top: Path) -> list[PurePosixPath]:
    """Return the files and links below `top` that are source, in order.

    What git would ignore is left out, and so are `.git`, byte code, virtualenvs, pipes, sockets and devices. Raise UserError if the rest is
    more than a source may be.
    """
    if not top.is_dir():
        raise UserError(f"the source {top} is not a directory on the controller")
    room = Room(f"the source {top}")
    found: set[PurePosixPath] = set()
    for path in _list_with_git(top) if _needs_git(top) else _walk(top):
        status = (top / path).lstat()
        if path in found or not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            continue
        room.enter(path)
        room.content.take(status.st_size)
        if leads_outside(top, path):
            raise UserError(describe_bad_link(top / path))
        found.add(path)
    return sorted(found)


def digest_tree(top: Path, files: list[PurePosixPath]) -> str:
    """Return the identifier of the files: of their names, contents, targets and whether they are executable."""
    digest = hashlib.sha256()
    for path in files:
        full = top / path
        if full.is_symlink():
            target = os.fsencode(os.readlink(full))
            digest.update(_head("link", len(target), path) + target)
        else:
            _digest_file(full, path, digest)
    return digest.hexdigest()[:LENGTH]


def _digest_file(full: Path, path: PurePosixPath, digest: hashlib._Hash) -> None:
    with full.open("rb") as file:
        status = os.fstat(file.fileno())
        digest.update(_head("program" if status.st_mode & stat.S_IXUSR else "file", status.st_size, path))
        left = status.st_size
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
    if left:
        raise UserError(f"{full} became shorter while it was read; run again when nothing writes to it")


def _head(kind: str, size: int, path: PurePosixPath) -> bytes:
    return f"{kind} {size} {path}\0".encode("utf-8", "surrogateescape")


def pack_tree(top: Path, files: list[PurePosixPath], archive: Path) -> None:
    """Write the files into a compressed archive, the same to the byte for the same tree."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=3, mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in files:
            _pack(top / path, tarfile.TarInfo(str(path)), tar)


def _pack(full: Path, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
    """Add a file or a link with nothing but what its identifier counts: no owner, no time, two modes."""
    if full.is_symlink():
        member.type, member.linkname = tarfile.SYMTYPE, os.readlink(full)
        tar.addfile(member)
        return
    with full.open("rb") as file:
        status = os.fstat(file.fileno())
        member.size, member.mode = status.st_size, 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        tar.addfile(member, file)


def _needs_git(top: Path) -> bool:
    return any((folder / ".git").exists() for folder in (top, *top.parents)) or _has_ignored(top)


def _has_ignored(top: Path) -> bool:
    """Return whether there is a .gitignore in any directory that could be source, by its depth."""
    folders = [(os.fspath(top), 0)]
    while folders:
        folder, level = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except PermissionError:  # it is told when it proves to be source
            continue
        for entry in entries:
            if entry.name == ".gitignore":
                return True
            if level < MOST_LEVELS and entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, level + 1))
    return False


def _list_with_git(top: Path) -> Iterator[PurePosixPath]:
    """Ask git, in the repository that the directory is in, or else in an empty one that has it as its work tree."""
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        inside = _git("-C", str(top), "rev-parse", "--is-inside-work-tree")
        if inside is not None:
            output = _git("-C", str(top), *listing)
        else:
            with tempfile.TemporaryDirectory() as empty:
                _git("init", "--quiet", "--bare", empty)
                output = _git("-C", str(top), f"--git-dir={empty}", f"--work-tree={top}", *listing)
    except FileNotFoundError as error:
        raise UserError(
            f"{top} has a .gitignore or is in a git repository, and only git can tell what that leaves out; install git on the controller"
        ) from error
    if output is None:
        raise UserError(f"git cannot list the files of {top}")
    paths = [PurePosixPath(name) for name in output.split("\0") if name and os.path.lexists(top / name)]
    virtualenvs = {path.parent for path in paths if path.name == "pyvenv.cfg"} - {PurePosixPath()}
    for path in paths:
        if "__pycache__" in path.parts or not virtualenvs.isdisjoint(path.parents):
            continue
        full = top / path
        if full.is_dir() and not full.is_symlink():  # a repository within this one
            yield from (path / inner for inner in list_files(full))
        else:
            yield path


def _walk(top: Path) -> Iterator[PurePosixPath]:
    """Yield what could be source below `top`, down to the first level that is too deep."""
    folders = [(os.fspath(top), PurePosixPath())]
    while folders:
        folder, inside = folders.pop()
        for entry in os.scandir(folder):
            path = inside / entry.name
            if not entry.is_dir(follow_symlinks=False):
                yield path
            elif entry.name not in (".git", "__pycache__") and not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                if len(path.parts) > MOST_LEVELS:
                    raise UserError(describe_depth(f"the source {top}"))
                folders.append((entry.path, path))


def leads_outside(top: Path, path: PurePosixPath) -> bool:
    """Return whether `path` is a link that leads out of the tree, by its text or by way of other links."""
    full = top / path
    if not full.is_symlink():
        return False
    return points_outside(path, os.readlink(full)) or not is_within(full, top)


def describe_bad_link(link: Path, shown: object = None) -> str:
    """Return what is wrong with a link that leads outside."""
    return f"{shown or link} is a link to {os.readlink(link)}, which is outside the source; a build may hold no such link"


def is_within(path: Path, top: Path) -> bool:
    """Return whether `path` is in `top` when all links on the way are followed, be they dangling or going in circles."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top))


def points_outside(link: PurePosixPath, target: str) -> bool:
    """Return whether the text of a link in a tree, at the relative path `link`, leads out of it."""
    if target.startswith("/"):
        return True
    depth = len(link.parent.parts)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def _git(*arguments: str) -> str | None:
    command = ["git", "-c", "safe.directory=*", *arguments]
    # A hook of git that runs Ansible passes on variables that mean another repository.
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    result = subprocess.run(command, capture_output=True, check=False, env=variables)
    return os.fsdecode(result.stdout) if result.returncode == 0 else None
