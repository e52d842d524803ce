from __future__ import annotations

import socket
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils.unix_sockets import count_connections

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


def test_waiting_and_accepted_connections_count_and_the_listening_socket_does_not() -> None:
    assert count_connections(_TABLE, "/var/www/shop/releases/r1/gunicorn.sock") == 2


def test_a_path_with_a_space_is_one_path() -> None:
    assert count_connections(_TABLE, "/srv/my shop/gunicorn.sock") == 1


def test_a_socket_that_nobody_knows_has_no_connections() -> None:
    assert count_connections(_TABLE, "/var/www/shop/releases/r2/gunicorn.sock") == 0
    assert count_connections("", "/var/www/shop/releases/r1/gunicorn.sock") == 0


def test_this_kernel_tells_of_a_connection_from_connect_until_the_server_closes_it(tmp_path: Path) -> None:
    path = str(tmp_path / "s")

    def count() -> int:
        return count_connections(Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace"), path)

    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client, socket.socket(socket.AF_UNIX) as waiting:
        server.bind(path)
        server.listen()
        assert count() == 0
        client.connect(path)
        assert count() == 1
        accepted = server.accept()[0]
        waiting.connect(path)
        assert count() == 2
        client.close()
        assert count() == 2, "the server still owes the answer"
        accepted.close()
        assert count() == 1
    assert count() == 0
