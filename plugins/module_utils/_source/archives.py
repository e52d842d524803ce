# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of source: fetched, compared with their checksum, and unpacked without a file outside the directory."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from ansible.module_utils.urls import ConnectionError as UrlError
from ansible.module_utils.urls import open_url
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import LENGTH
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import MOST_FETCHED, Allowance, Room
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import is_within

_CHECKSUM = re.compile(r"sha256:[0-9a-f]{64}")
_PIECE = 1 << 20
_TIMEOUT = 60
"""Seconds without a byte after which a download is given up."""

_LONGEST_HEADER, _MOST_HEADERS = 1 << 20, 64 << 20
"""Bytes of one header of a tar archive beyond the fixed ones, such as a long name, and of all of them: they are read into memory."""

_LARGEST_DIRECTORY = 32 << 20
"""Bytes of the list of members at the end of a zip archive, which is read into memory as a whole."""

_EXTENDED = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_LONGEST_LINK, _LONGEST_REASON = 4096, 500


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
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return f"sha256:{digest.hexdigest()}"


def require_checksum(path: Path, shown: str, checksum: str | None) -> None:
    """Raise UserError unless a file has the checksum, if there is one to compare with."""
    if checksum is not None and (found := measure_checksum(path)) != checksum:
        raise UserError(f"{shown} is not the archive that is described: its checksum is {found}, and `checksum` says {checksum}")


def download(url: str, target: Path, checksum: str) -> None:
    """Fetch a file over http or https; raise UserError, leaving nothing, if that fails or it is not the one that is described."""
    try:
        with open_url(url, timeout=_TIMEOUT, http_agent="webstack.flask") as answer, target.open("wb") as file:
            too_big = f"{url} is bigger than {MOST_FETCHED} bytes, the most that is fetched; make a smaller one, without what is no source"
            Allowance(MOST_FETCHED, too_big).copy(answer, file)
        require_checksum(target, url, checksum)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, (OSError, UrlError)):
            raise UserError(f"{url} could not be fetched: {getattr(error, 'reason', error)}") from error
        raise


def unpack(archive: Path, directory: Path) -> None:
    """Unpack a tar or zip archive of plain files, directories and links.

    Raise UserError for a member that would leave the directory, and for more than there may be. A hard link becomes a file of its own.
    """
    try:
        _unpack(archive, directory, Room("the archive"))
    except UserError:
        raise
    except Exception as error:  # the standard library has many ways to fail at an archive that was made to be read wrongly
        text = str(error) or type(error).__name__
        raise UserError(f"the archive cannot be unpacked: {text[:_LONGEST_REASON]}") from error


def _unpack(archive: Path, directory: Path, room: Room) -> None:
    try:
        tar = tarfile.open(archive, tarinfo=_make_member_type())  # noqa: SIM115 - the block below closes it
    except tarfile.ReadError:
        if not zipfile.is_zipfile(archive):
            raise
        _unpack_zip(archive, directory, room)
        return
    ready: set[Path] = set()
    files: dict[PurePosixPath, Path] = {}
    with tar:
        while (member := tar.next()) is not None:
            _unpack_member(tar, member, _prepare(member.name, directory, ready, room), files, room)
            tar.members.clear()  # type: ignore[attr-defined]  # which would grow by each member with all its headers


def _make_member_type() -> type[tarfile.TarInfo]:
    """Return a type of members of one archive that refuses headers which would fill the memory."""
    headers = Allowance(_MOST_HEADERS, f"the archive has more than {_MOST_HEADERS} bytes of headers beyond those of its members")

    class Member(tarfile.TarInfo):
        def _proc_member(self, *arguments: object) -> tarfile.TarInfo:
            if self.type == tarfile.GNUTYPE_SPARSE:
                raise UserError(_describe_sparse(self.name))
            if self.type in _EXTENDED:
                if self.size > _LONGEST_HEADER:
                    raise UserError(f"the archive has a header of {self.size} bytes, of which {_LONGEST_HEADER} are allowed")
                headers.take(self.size)
            member: tarfile.TarInfo = super()._proc_member(*arguments)  # type: ignore[misc]
            return member

        def _proc_gnusparse_10(self, following: tarfile.TarInfo, *_others: object) -> None:
            raise UserError(_describe_sparse(following.name))

    return Member


def _describe_sparse(name: str) -> str:
    return f"the archive's member {name!r} is a sparse file; make the archive without `--sparse`"


def _unpack_zip(archive: Path, directory: Path, room: Room) -> None:
    with archive.open("rb") as file:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # noqa: SLF001 - what ZipFile itself goes by
    # What is said of their number is looked at first, and they are counted as they come: it may lie.
    Room("the archive").members.take(end[zipfile._ECD_ENTRIES_TOTAL])  # type: ignore[attr-defined]  # noqa: SLF001
    if end[zipfile._ECD_SIZE] > _LARGEST_DIRECTORY:  # type: ignore[attr-defined]  # noqa: SLF001
        raise UserError(f"the archive's list of members has more than {_LARGEST_DIRECTORY} bytes")
    ready: set[Path] = set()
    with zipfile.ZipFile(archive) as zipped:
        for entry in zipped.infolist():
            _unpack_entry(zipped, entry, _prepare(entry.filename, directory, ready, room), room)


def strip_top(directory: Path) -> None:
    """Let the content of a directory that holds one directory and nothing else take its place, as with archives of a version."""
    entries = list(directory.iterdir())
    if len(entries) != 1 or not entries[0].is_dir() or entries[0].is_symlink():
        return
    only = entries[0].rename(directory / f".{entries[0].name}.stripped")
    for entry in list(only.iterdir()):
        entry.rename(directory / entry.name)
    only.rmdir()


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path, files: dict[PurePosixPath, Path], room: Room) -> None:
    """Unpack a member, and add it to `files` if it is one: a hard link leads to one of these, and never to a file of the host."""
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        target.symlink_to(_check_text(member.linkname))
    elif member.islnk():
        source = files.get(PurePosixPath(member.linkname))
        if source is None:
            raise UserError(
                f"the archive's member {member.name!r} is a hard link to {member.linkname!r}, which is no file in the archive before it"
            )
        _write(source.open("rb"), target, source.stat().st_mode, room)
    elif member.isreg() and (content := tar.extractfile(member)):
        _write(content, target, member.mode, room)
    else:
        raise UserError(f"the archive's member {member.name!r} is neither a file, a directory nor a link")
    if member.isreg() or member.islnk():
        files[PurePosixPath(member.name)] = target


def _unpack_entry(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: Room) -> None:
    mode = entry.external_attr >> 16
    if entry.is_dir():
        target.mkdir(exist_ok=True)
    elif stat.S_ISLNK(mode):
        with zipped.open(entry) as content:
            target.symlink_to(_check_text(os.fsdecode(content.read(_LONGEST_LINK))))
    elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
        _write(zipped.open(entry), target, mode, room)
    else:
        raise UserError(f"the archive's member {entry.filename!r} is neither a file, a directory nor a link")


def _prepare(name: str, directory: Path, ready: set[Path], room: Room) -> Path:
    """Return where a member is to be written, with the directories above it made, and added to those that are `ready`.

    A directory that was ready once stays so: no member can take the place of an earlier one.
    """
    path = check_member_name(name)
    room.enter(path)
    target = directory / path
    if target.parent not in ready:
        if not is_within(target.parent, directory):
            raise UserError(f"the archive would write {name!r} through a link out of the build")
        target.parent.mkdir(parents=True, exist_ok=True)
        ready.add(target.parent)
    return target


def _write(content: IO[bytes], target: Path, mode: int, room: Room) -> None:
    with content, target.open("xb") as file:
        room.content.copy(content, file)
    target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def check_member_name(name: str) -> PurePosixPath:
    """Return the relative path of an archive's member, or raise UserError if it would be written outside the build."""
    path = PurePosixPath(_check_text(name))
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"the archive's member {name!r} would be written outside the build")
    return path


def _check_text(text: str) -> str:
    """Return a name or the target of a link, or raise UserError if no file can have it."""
    if "\0" in text:
        raise UserError(f"the archive has {text[:_LONGEST_REASON]!r} for a name, with a character of value zero in it")
    return text
