# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of source: fetched, compared with their checksum, and unpacked without a file outside the directory."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from ansible.module_utils.urls import ConnectionError as UrlError
from ansible.module_utils.urls import open_url
from ansible_collections.webstack.flask.plugins.module_utils.digest import LENGTH
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem
from ansible_collections.webstack.flask.plugins.module_utils.source_tree import is_within

_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")
_UNREADABLE = (
    *(OSError, EOFError, NotImplementedError, RuntimeError),
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
"""What the standard library raises for archives that it cannot read."""

_PATIENCE = 60
"""Seconds without a byte after which a download is given up."""


def is_url(archive: str) -> bool:
    """Return whether an archive is fetched by the host, and not carried over from the controller."""
    return re.match(r"https?://", archive) is not None


def find_archive_problems(archive: str, checksum: str | None) -> list[str]:
    """Return what is wrong with the description of an archive."""
    problems = []
    if checksum is not None and not _CHECKSUM.fullmatch(checksum):
        problems.append(f"source.checksum is {checksum!r}; it must be `sha256:` and 64 hexadecimal digits, as sha256sum prints them")
    if is_url(archive) and checksum is None:
        problems.append("source.archive is a URL and needs `source.checksum`: what is behind a URL can change")
    if re.match(r"https?://[^/]*@", archive):
        problems.append("source.archive is a URL with a user or a password in it, which is not supported; carry the file over instead")
    return problems


def identify_archive(checksum: str) -> str:
    """Return the identifier of the build of an archive."""
    return checksum.removeprefix("sha256:")[:LENGTH]


def measure_checksum(path: Path) -> str:
    """Return the checksum of a file, as a user writes it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def require_checksum(path: Path, shown: str, checksum: str | None) -> None:
    """Raise Problem unless a file has the checksum, if there is one to compare with."""
    if checksum is not None and (found := measure_checksum(path)) != checksum:
        raise Problem(f"{shown} is not the archive that is described: its checksum is {found}, and `checksum` says {checksum}")


def download(url: str, target: Path, checksum: str) -> None:
    """Fetch a file over http or https; raise Problem, leaving nothing, if that fails or it is not the one that is described."""
    try:
        with open_url(url, timeout=_PATIENCE, http_agent="webstack.flask") as answer, target.open("wb") as file:
            shutil.copyfileobj(answer, file)
        require_checksum(target, url, checksum)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError | UrlError):
            raise Problem(f"{url} could not be fetched: {getattr(error, 'reason', error)}") from error
        raise


def unpack(archive: Path, directory: Path) -> None:
    """Unpack a tar or zip archive of plain files, directories and links; raise Problem for a member that would leave the directory."""
    try:
        if not tarfile.is_tarfile(archive) and zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                for entry in zipped.infolist():
                    _unpack_entry(zipped, entry, directory)
        else:
            with tarfile.open(archive) as tar:
                for member in tar:
                    _unpack_member(tar, member, directory)
    except (
        OSError,
        tarfile.TarError,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise Problem(f"the archive cannot be unpacked: {error}") from error


def strip_top(directory: Path) -> None:
    """Let the content of a directory that holds one directory and nothing else take its place, as with archives of a version."""
    entries = list(directory.iterdir())
    if len(entries) != 1 or not entries[0].is_dir() or entries[0].is_symlink():
        return
    only = entries[0].rename(directory / f".{entries[0].name}.stripped")
    for entry in list(only.iterdir()):
        entry.rename(directory / entry.name)
    only.rmdir()


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, directory: Path) -> None:
    target = _prepare(member.name, directory)
    content = tar.extractfile(member) if member.isreg() else None
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        target.symlink_to(member.linkname)
    elif content is not None:
        _write(content, target, member.mode)
    else:
        raise Problem(f"the archive's member {member.name!r} is neither a file, a directory nor a symbolic link")


def _unpack_entry(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, directory: Path) -> None:
    target = _prepare(entry.filename, directory)
    mode = entry.external_attr >> 16
    if entry.is_dir():
        target.mkdir(exist_ok=True)
    elif stat.S_ISLNK(mode):
        target.symlink_to(os.fsdecode(zipped.read(entry)))
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
        _write(zipped.open(entry), target, mode)
    else:
        raise Problem(f"the archive's member {entry.filename!r} is neither a file, a directory nor a symbolic link")


def _prepare(name: str, directory: Path) -> Path:
    """Return where a member is to be written, with the directories above it made."""
    target = directory / check_member_name(name)
    if not is_within(target.parent, directory):
        raise Problem(f"the archive would write {name!r} through a link out of the build")
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _write(content: IO[bytes], target: Path, mode: int) -> None:
    with content, target.open("xb") as file:
        shutil.copyfileobj(content, file)
    target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def check_member_name(name: str) -> PurePosixPath:
    """Return the relative path of an archive's member, or raise Problem if it would be written outside the build."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Problem(f"the archive's member {name!r} would be written outside the build")
    return path
