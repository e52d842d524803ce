from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.webstack.flask.plugins.module_utils._release import connections
from ansible_collections.webstack.flask.plugins.module_utils._release.connections import (
    Entry,
    count_by_name,
    count_connections,
    count_of,
    find_device,
    parse_dump,
)
from hypothesis import example, given
from hypothesis import strategies as st

# As Linux 6 prints it: the listening socket, a connection that waits to be accepted (inode 0), one that was accepted,
# the clients' ends, another socket with a longer path, an abstract one, and one whose path has a space.
_TABLE = """\
Num       RefCount Protocol Flags    Type St Inode Path
00000000c13527d1: 00000002 00000000 00010000 0001 01 272971 /var/www/shop/releases/r1/gunicorn.sock
000000006ba4ce3f: 00000003 00000000 00000000 0001 02     0 /var/www/shop/releases/r1/gunicorn.sock
0000000037c7264d: 00000003 00000000 00000000 0001 03 272973 /var/www/shop/releases/r1/gunicorn.sock
000000008e1f7a11: 00000003 00000000 00000000 0001 03 272972
000000008e1f7a12: 00000003 00000000 00000000 0001 03 272974
0000000011111111: 00000003 00000000 00000000 0001 03 272980 /var/www/shop/releases/r1/gunicorn.sock2
0000000022222222: 00000003 00000000 00000000 0001 03 272981 @/var/www/shop/releases/r1/gunicorn.sock
0000000033333333: 00000002 00000000 00010000 0001 01 272982 /srv/my shop/gunicorn.sock
0000000044444444: 00000003 00000000 00000000 0001 03 272983 /srv/my shop/gunicorn.sock
"""


@pytest.fixture(params=["by file", "by name"])
def counting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel as it is, and one that does not list unix sockets."""
    if request.param == "by name":

        def refuse() -> Iterator[Entry]:
            raise OSError(2, "the kernel does not list unix sockets")

        monkeypatch.setattr(connections, "_dump", refuse)


@pytest.mark.usefixtures("counting")
def test_a_connection_counts_from_connect_until_the_server_closes_it(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as waiting:
        server.bind(str(path))
        server.listen()
        assert count_connections(path) == 0
        client.connect(str(path))
        assert count_connections(path) == 1
        accepted = server.accept()[0]
        assert count_connections(path) == 1
        waiting.connect(str(path))
        assert count_connections(path) == 2
        client.close()
        assert count_connections(path) == 2, "the server still owes the answer"
        accepted.close()
        assert count_connections(path) == 1
    assert count_connections(path) == 0


@pytest.mark.usefixtures("counting")
def test_a_socket_that_is_not_there_has_no_connections(tmp_path: Path) -> None:
    assert count_connections(tmp_path / "s") == 0


def _bind_below(directory: Path, name: str, stack: ExitStack) -> None:
    """Bind a listening socket to a name of many directories, and connect to it, as a program that was broken into may."""
    (directory / name).parent.mkdir(parents=True)
    before = Path.cwd()
    stack.callback(os.chdir, before)
    os.chdir(directory)
    server = stack.enter_context(socket.socket(socket.AF_UNIX))
    server.bind(name)
    server.listen()
    stack.enter_context(socket.socket(socket.AF_UNIX)).connect(name)


@pytest.mark.parametrize("flags", ["z", "0", "00000000"])
def test_nobody_can_make_up_a_connection_by_the_name_of_a_socket(tmp_path: Path, flags: str) -> None:
    path = Path("/tmp") / f"s{os.getpid()}"  # noqa: S108 - a short one, for a forged line holds it whole
    lines = ["", f"\n0: 0 0 {flags} 0 0 0 ", f"\n0: 00000002 00000000 {flags} 0001 03 1 "]
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(str(path))
        stack.callback(path.unlink)
        server.listen()
        for number, line in enumerate(lines):
            directory = tmp_path / str(number)
            directory.mkdir()
            _bind_below(directory, f"a{line}{path}", stack)
        assert f" {path}\n" in Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").replace("@", " ")
        assert count_connections(path) == 0


def test_a_socket_that_took_the_name_of_another_one_has_none_of_its_connections(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as former, socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as new:
        former.bind(str(path))
        former.listen()
        client.connect(str(path))
        assert count_connections(path) == 1
        path.unlink()
        new.bind(str(path))
        new.listen()
        assert count_connections(path) == 0


def test_of_a_listening_socket_the_clients_that_wait_count_and_of_others_each_is_one() -> None:
    entries = [Entry(listens=True, inode=1, device=2, waiting=3), Entry(listens=False, inode=1, device=2, waiting=0)]
    others = [Entry(listens=False, inode=1, device=3, waiting=0), Entry(listens=True, inode=2, device=2, waiting=7)]
    assert count_of(entries + others, 1, 2) == 4


def test_the_device_is_that_of_the_mount_and_not_what_stat_makes_up_for_a_subvolume() -> None:
    mounts = "27 1 254:0 / / rw - ext4 /dev/vda rw\n128 1 0:44 / /x rw - tmpfs x rw\n28 27 0:45 /@ /var rw - btrfs /dev/vdb rw\n"
    assert find_device("pos:\t0\nflags:\t012100000\nmnt_id:\t28\nino:\t257\n", mounts) == (0, 45)
    assert find_device("mnt_id:\t29\n", mounts) is None
    assert find_device("", mounts) is None


def _pack(kind: int, content: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(content), kind, 2, 1, 0) + content


_SOCKET = struct.pack("=BBBBIII", 1, 1, 10, 0, 77, 1, 0) + struct.pack("=HHII", 12, 1, 5, 6) + struct.pack("=HHII", 12, 4, 3, 128)


def test_sockets_are_told_until_the_kernel_says_that_it_is_done() -> None:
    listening = Entry(listens=True, inode=5, device=6, waiting=3)
    nameless = struct.pack("=BBBBIII", 1, 1, 1, 0, 78, 1, 0)
    odd = struct.pack("=BBBBIII", 1, 1, 1, 0, 78, 1, 0) + struct.pack("=HHB", 5, 9, 1) + b"\0\0\0" + struct.pack("=HHII", 12, 1, 5, 6)
    assert parse_dump(_pack(20, _SOCKET) + _pack(20, nameless)) == ([listening], False)
    assert parse_dump(_pack(20, odd) + _pack(3, b"\0" * 4) + _pack(20, _SOCKET)) == ([Entry(False, 5, 6, 0)], True)  # noqa: FBT003


def test_a_kernel_that_refuses_is_told_apart() -> None:
    with pytest.raises(FileNotFoundError):
        parse_dump(_pack(2, struct.pack("=i", -2) + b"\0" * 16))
    with pytest.raises(OSError, match="does not list"):
        parse_dump(_pack(2, b""))


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 64,
        struct.pack("=IHHII", 15, 20, 2, 1, 0) + _SOCKET,
        struct.pack("=IHHII", 1 << 31, 20, 2, 1, 0) + _SOCKET,
        _pack(20, b"\1" * 15),
        _pack(20, _SOCKET[:16] + b"\0" * 24),
        _pack(20, _SOCKET[:16] + struct.pack("=HHII", 3, 1, 5, 6)),
        _pack(20, _SOCKET[:16] + struct.pack("=HHII", 400, 1, 5, 6)),
        _pack(20, _SOCKET[:16] + struct.pack("=HHI", 8, 1, 5)),
    ],
)
def test_what_makes_no_sense_is_passed_over(data: bytes) -> None:
    assert parse_dump(data) == ([], False)


@given(st.one_of(st.binary(max_size=200), st.integers(0, 76).map(lambda length: (_pack(20, _SOCKET) + _pack(20, _SOCKET))[:length])))
def test_whatever_the_bytes_are_no_more_than_an_error_of_the_kernel_comes_of_them(data: bytes) -> None:
    try:
        entries, _is_over = parse_dump(data)
    except OSError:
        return
    assert len(entries) <= len(data) // 32


def test_by_name_waiting_and_accepted_connections_count_and_the_listening_socket_does_not() -> None:
    assert count_by_name(_TABLE, "/var/www/shop/releases/r1/gunicorn.sock") == 2


def test_by_name_a_path_with_a_space_is_one_path() -> None:
    assert count_by_name(_TABLE, "/srv/my shop/gunicorn.sock") == 1


def test_by_name_a_socket_that_nobody_knows_has_no_connections() -> None:
    assert count_by_name(_TABLE, "/var/www/shop/releases/r2/gunicorn.sock") == 0
    assert count_by_name("", "/var/www/shop/releases/r1/gunicorn.sock") == 0


@example("1 2 z 4 5 6 /srv/my shop/gunicorn.sock")
@given(st.text(alphabet="0123: azA\n\u2028\x1c/é", max_size=80))
def test_by_name_no_forged_line_ends_a_run(forged: str) -> None:
    assert count_by_name(f"{_TABLE}0: {forged}", "/srv/my shop/gunicorn.sock") >= 1
