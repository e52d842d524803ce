# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells about the connections to a unix socket.

/proc/net/unix has a line for every socket: a server's end of each connection bears the path of the listening socket,
from the moment of the client's connect(), long before it is accepted (proc_pid_net(5), net/unix/af_unix.c).
"""

from __future__ import annotations

_ACCEPTING = 0x10000
"""The flag __SO_ACCEPTCON: the listening socket itself."""


def count_connections(table: str, path: str) -> int:
    """Return how many clients are connected to, or wait in the accept queue of, the socket at `path`.

    `table` is the content of /proc/net/unix.
    """
    connections = 0
    for line in table.splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[7] == path and not int(fields[3], 16) & _ACCEPTING:
            connections += 1
    return connections
