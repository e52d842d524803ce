# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks that speak with running apps show: lines of several hosts, and how a terminal there is reached."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape

_SSH_PORT = 22


def label_lines(said: Mapping[str, str]) -> list[str]:
    """Return the lines that each host has said, with its name before each. What a terminal would obey stands as an escape."""
    width = max(map(len, said), default=0)
    return [f"{host.ljust(width)}  {escape(line)}".rstrip() for host, text in said.items() for line in text.splitlines()]


def describe_terminal(connection: Mapping[str, Any], opened: str, remote: str) -> list[str]:
    """Return in words how something is `opened` at a terminal, by a command on the host, given how Ansible connects."""
    if connection["kind"] == "local":
        return [f"on this computer, {opened} is opened by", remote]
    if connection["kind"] not in ("ssh", "smart", "paramiko", "ansible.builtin.ssh"):
        return [f"on {connection['host']}, {opened} is opened by", remote]
    ssh = ["ssh", "-t"]
    ssh += ["-p", str(connection["port"])] if int(connection["port"]) != _SSH_PORT else []
    ssh += ["-i", str(connection["key"])] if connection["key"] else []
    ssh += shlex.split(str(connection["args"]))
    return [f"{opened} is opened by", shlex.join([*ssh, f"{connection['user']}@{connection['host']}", remote])]


def describe_app_terminal(connection: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Return in words how the command webstack is run at a terminal of a host, with these words behind it."""
    become = [] if connection["user"] == "root" else ["sudo"]
    return describe_terminal(connection, f"a terminal with {words[0]}", shlex.join([*become, "webstack", *words]))
