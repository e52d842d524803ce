# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory of source on the controller: which files belong to it, its identifier, and the archive that carries it over."""

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

from ansible_collections.webstack.flask.plugins.module_utils.digest import LENGTH
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem


def list_files(top: Path) -> list[PurePosixPath]:
    """Return the files and links below `top` that are source, in order.

    What git would ignore is left out, and so are `.git`, byte code, and virtualenvs.
    """
    if not top.is_dir():
        raise Problem(f"the source {top} is not a directory on the controller")
    found = sorted(set(_list_with_git(top) if _needs_git(top) else _walk(top, top)))
    for path in found:
        _check_link(top, path)
    return found


def digest_tree(top: Path, files: list[PurePosixPath]) -> str:
    """Return the identifier of the files: of their names, contents, targets and whether they are executable."""
    digest = hashlib.sha256()
    for path in files:
        full = top / path
        if full.is_symlink():
            kind, content = "link", os.fsencode(os.readlink(full))
        else:
            kind = "program" if full.stat().st_mode & stat.S_IXUSR else "file"
            content = full.read_bytes()
        digest.update(f"{kind} {len(content)} {path}\0".encode("utf-8", "surrogateescape"))
        digest.update(content)
    return digest.hexdigest()[:LENGTH]


def pack_tree(top: Path, files: list[PurePosixPath], archive: Path) -> None:
    """Write the files into a compressed archive, the same to the byte for the same tree."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=3, mtime=0, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in files:
            tar.add(top / path, arcname=str(path), recursive=False, filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def _needs_git(top: Path) -> bool:
    return any((folder / ".git").exists() for folder in (top, *top.parents)) or any(top.rglob(".gitignore"))


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
        raise Problem(f"{top} has a .gitignore, and only git can tell what it leaves out; install git on the controller") from error
    if output is None:
        raise Problem(f"git cannot list the files of {top}")
    for name in output.split("\0"):
        path = top / name
        if not name or not os.path.lexists(path):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from (PurePosixPath(name) / inner for inner in list_files(path))
        elif "__pycache__" not in path.parts:
            yield PurePosixPath(name)


def _walk(top: Path, folder: Path) -> Iterator[PurePosixPath]:
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in (".git", "__pycache__") and not (path / "pyvenv.cfg").exists():
                yield from _walk(top, path)
        elif entry.is_file(follow_symlinks=False) or entry.is_symlink():
            yield PurePosixPath(path.relative_to(top))


def _check_link(top: Path, path: PurePosixPath) -> None:
    full = top / path
    if full.is_symlink():
        target = os.readlink(full)
        if points_outside(path, target):
            raise Problem(f"{full} is a link to {target}, which is outside the source; a build may hold no such link")


def points_outside(link: PurePosixPath, target: str) -> bool:
    """Return whether a link in a tree, at the relative path `link`, leads out of it."""
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
    result = subprocess.run(command, capture_output=True, check=False)
    return os.fsdecode(result.stdout) if result.returncode == 0 else None
