# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of source: fetched, compared with their checksum, and unpacked without a file outside the directory."""

from __future__ import annotations

import hashlib
import lzma
import os
import re
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

MOST_FETCHED, MOST_UNPACKED, MOST_MEMBERS = 1 << 30, 4 << 30, 200_000
"""Bytes of a download, bytes and members of what comes of an archive: more is a mistake or an attack, and would fill the host's disk."""

_CHUNK = 1 << 20
_LONGEST_LINK = 4096


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
            too_big = f"{url} is bigger than {MOST_FETCHED} bytes, the most that is fetched; make a smaller one, without what is no source"
            Allowance(MOST_FETCHED, too_big).copy(answer, file)
        require_checksum(target, url, checksum)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError | UrlError):
            raise Problem(f"{url} could not be fetched: {getattr(error, 'reason', error)}") from error
        raise


class Allowance:
    """How much may yet be written."""

    def __init__(self, most: int, message: str) -> None:
        """Allow `most` of what is counted, and say `message` when it is more."""
        self._left = most
        self._message = message

    def take(self, amount: int) -> None:
        """Take a part of it; raise Problem if there is not so much left."""
        self._left -= amount
        if self._left < 0:
            raise Problem(self._message)

    def copy(self, content: IO[bytes], file: IO[bytes]) -> None:
        """Copy bytes, no more than there are left. What a header says of their number does not count: it may lie."""
        while chunk := content.read(_CHUNK):
            self.take(len(chunk))
            file.write(chunk)


def unpack(archive: Path, directory: Path) -> None:
    """Unpack a tar or zip archive of plain files, directories and links.

    Raise Problem for a member that would leave the directory, and for more than there may be. A hard link becomes a file of its own.
    """
    room = Allowance(
        MOST_UNPACKED,
        f"the archive unpacks to more than {MOST_UNPACKED} bytes, the most that a source may have; leave out what is no source",
    )
    members = Allowance(
        MOST_MEMBERS, f"the archive has more than {MOST_MEMBERS} members, the most that a source may have; leave out what is no source"
    )
    ready: set[Path] = set()
    try:
        if not tarfile.is_tarfile(archive) and zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                for entry in zipped.infolist():
                    members.take(1)
                    _unpack_entry(zipped, entry, _prepare(entry.filename, directory, ready), room)
        else:
            files: dict[PurePosixPath, tarfile.TarInfo] = {}
            with tarfile.open(archive) as tar:
                for member in tar:
                    members.take(1)
                    _unpack_member(tar, member, _prepare(member.name, directory, ready), files, room)
    except _UNREADABLE as error:
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


def _unpack_member(
    tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, files: dict[PurePosixPath, tarfile.TarInfo], room: Allowance
) -> None:
    """Unpack a member, and add it to `files` if it is one: a hard link leads to one of these, and never to a file of the host."""
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        target.symlink_to(member.linkname)
    elif member.isreg() or member.islnk():
        source = files.get(PurePosixPath(member.linkname)) if member.islnk() else member
        content = tar.extractfile(source) if source else None
        if source is None or content is None:
            raise Problem(
                f"the archive's member {member.name!r} is a hard link to {member.linkname!r}, which is no file in the archive before it"
            )
        _write(content, target, source.mode, room)
        files[PurePosixPath(member.name)] = source
    else:
        raise Problem(f"the archive's member {member.name!r} is neither a file, a directory nor a link")


def _unpack_entry(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: Allowance) -> None:
    mode = entry.external_attr >> 16
    if entry.is_dir():
        target.mkdir(exist_ok=True)
    elif stat.S_ISLNK(mode):
        with zipped.open(entry) as content:
            target.symlink_to(os.fsdecode(content.read(_LONGEST_LINK)))
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
        _write(zipped.open(entry), target, mode, room)
    else:
        raise Problem(f"the archive's member {entry.filename!r} is neither a file, a directory nor a link")


def _prepare(name: str, directory: Path, ready: set[Path]) -> Path:
    """Return where a member is to be written, with the directories above it made, and added to those that are `ready`.

    A directory that was ready once stays so: no member can take the place of an earlier one.
    """
    target = directory / check_member_name(name)
    if target.parent not in ready:
        if not is_within(target.parent, directory):
            raise Problem(f"the archive would write {name!r} through a link out of the build")
        target.parent.mkdir(parents=True, exist_ok=True)
        ready.add(target.parent)
    return target


def _write(content: IO[bytes], target: Path, mode: int, room: Allowance) -> None:
    with content, target.open("xb") as file:
        room.copy(content, file)
    target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def check_member_name(name: str) -> PurePosixPath:
    """Return the relative path of an archive's member, or raise Problem if it would be written outside the build."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise Problem(f"the archive's member {name!r} would be written outside the build")
    return path
