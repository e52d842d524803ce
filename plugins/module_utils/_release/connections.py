# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells about the connections to a unix socket.

A server's end of each connection bears the file of the listening socket, from the moment of the client's connect(), long before it is
accepted (net/unix/af_unix.c). sock_diag(7) tells that file by its number and device, which nobody else can bind a socket to. Its name
anybody can imitate: a path may hold newlines, and so make up whole lines of /proc/net/unix.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SOCK_DIAG = 4
_BY_FAMILY = 20
_DUMP = 0x301
"""NLM_F_REQUEST and NLM_F_DUMP of netlink(7)."""

_ERROR, _DONE = 2, 3
"""NLMSG_ERROR and NLMSG_DONE: the last message of an answer."""

_SHOWN = 0x02 | 0x10
"""UDIAG_SHOW_VFS and UDIAG_SHOW_RQLEN."""

_FILE, _QUEUE = 1, 4
"""UNIX_DIAG_VFS, the number and device of a file; UNIX_DIAG_RQLEN, of a listening socket the number of clients in its accept queue."""

_LISTENING = 10
_HEADER, _ATTRIBUTE, _PAIR = struct.Struct("=IHHII"), struct.Struct("=HH"), struct.Struct("=II")
_FIXED = 16
"""Bytes of an entry before its attributes: struct unix_diag_msg, the third byte of which is the state."""

_PIECE = 1 << 16
"""Bytes; the kernel sends at most 32 KiB at once."""

_TIMEOUT = 10.0

_LINE = re.compile(r"[0-9a-f]+: [0-9A-F]{8} [0-9A-F]{8} (?P<flags>[0-9A-F]{8}) [0-9A-F]{4} [0-9A-F]{2} +[0-9]+ (?P<path>.+)", re.IGNORECASE)
_ACCEPTING = 0x10000
"""The flag __SO_ACCEPTCON: the listening socket itself."""


@dataclass(frozen=True)
class Entry:
    """A socket that was bound to a file, or a server's end of a connection to such a one."""

    listens: bool
    inode: int
    """The lower 32 bits of the file's number."""

    device: int
    """The kernel's own number of the device, 20 bits of which are the minor one."""

    waiting: int
    """Of a listening socket, the number of clients that it has not accepted yet."""


def count_connections(path: Path) -> int:
    """Return how many clients are connected to, or wait in the accept queue of, the socket at `path`; an absent one has none.

    A kernel without sock_diag for unix sockets is asked by the socket's name: there, whoever may run a program on the host can make a
    connection up, which keeps a release that is to be stopped waiting for as long as requests may take, and does nothing else.
    """
    try:
        inode, device = find_file(path)
    except FileNotFoundError:
        return 0
    try:
        return count_of(_dump(), inode, device)
    except OSError:
        return count_by_name(Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace"), str(path))


def count_of(entries: Iterable[Entry], inode: int, device: int) -> int:
    """Return how many clients are connected to, or wait for, the socket that has this file.

    The kernel does not list those that wait, it counts them with the listening socket.
    """
    ours = [entry for entry in entries if (entry.inode, entry.device) == (inode, device)]
    return sum(entry.waiting if entry.listens else 1 for entry in ours)


def find_file(path: Path) -> tuple[int, int]:
    """Return the number and the device of a file as sock_diag tells them; raise FileNotFoundError where there is none.

    The device is that of the mount: stat(2) makes one up for each subvolume of btrfs.
    """
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        information = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii")
    finally:
        os.close(descriptor)
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    major, minor = find_device(information, mounts) or (os.major(status.st_dev), os.minor(status.st_dev))
    return status.st_ino & 0xFFFFFFFF, (major << 20 | minor) & 0xFFFFFFFF


def find_device(information: str, mounts: str) -> tuple[int, int] | None:
    """Return the device of the mount that a descriptor's information names, from /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    mount = re.search(r"^mnt_id:\s*([0-9]+)$", information, re.MULTILINE)
    found = mount and re.search(rf"^{mount[1]} [0-9]+ ([0-9]+):([0-9]+) ", mounts, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else None


def _dump() -> Iterator[Entry]:
    """Yield all sockets of the host that have a file; raise OSError where the kernel does not tell."""
    request = struct.pack("=BBHIIIII", socket.AF_UNIX, 0, 0, 0xFFFFFFFF, 0, _SHOWN, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.settimeout(_TIMEOUT)
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _DUMP, 1, 0) + request)
        is_over = False
        while not is_over:
            entries, is_over = parse_dump(kernel.recv(_PIECE))
            yield from entries


def parse_dump(data: bytes) -> tuple[list[Entry], bool]:
    """Return the sockets in a piece of an answer, and whether it was the last piece; raise OSError if the kernel refuses.

    What is cut off or makes no sense is passed over.
    """
    entries: list[Entry] = []
    while len(data) >= _HEADER.size:
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            break
        content = data[_HEADER.size : length]
        data = data[_align(length) :]
        if kind == _ERROR:
            number = -struct.unpack("=i", content[:4])[0] if len(content) >= 4 else 0
            raise OSError(number, "the kernel does not list unix sockets")
        if kind == _DONE:
            return entries, True
        entries += _parse_entry(content)
    return entries, False


def _parse_entry(content: bytes) -> list[Entry]:
    attributes = dict(_parse_attributes(content[_FIXED:]))
    file, queue = attributes.get(_FILE, b""), attributes.get(_QUEUE, b"")
    if len(file) < _PAIR.size:
        return []
    listens = content[2] == _LISTENING
    waiting = _PAIR.unpack_from(queue)[0] if listens and len(queue) >= _PAIR.size else 0
    inode, device = _PAIR.unpack_from(file)
    return [Entry(listens, inode, device, waiting)]


def _parse_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            return
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[_align(length) :]


def _align(length: int) -> int:
    return (length + 3) & ~3


def count_by_name(table: str, path: str) -> int:
    """Return how many lines of /proc/net/unix (proc_pid_net(5)) speak of a client of the socket at `path`, be they true or forged."""
    matches = [_LINE.fullmatch(line) for line in table.split("\n")]
    return sum(1 for match in matches if match and match["path"] == path and not int(match["flags"], 16) & _ACCEPTING)
