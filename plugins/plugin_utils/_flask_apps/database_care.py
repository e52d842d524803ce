# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `database.yml` is asked for: what is wrong with that, and how psql is opened on a host."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.plugin_utils._desk import describe_terminal
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import find_closest, show

_WANTS = {
    "list": (),
    "dump": ("app", "to"),
    "load": ("app", "from"),
    "shell": ("app",),
    "clone": ("app", "from"),
    "drop": ("app",),
}
"""What each of the words for `flask_do` needs."""

_MEANS = {
    "app": "name the app by `-e flask_app=shop`",
    "to": "name the file on this computer that gets the dump by `-e flask_to=shop.dump`",
}

_FROM = {
    "load": "name the dump on this computer by `-e flask_from=shop.dump`",
    "clone": "name the app whose data are taken by `-e flask_from=shop`",
}


def find_problem(do: str, given: Mapping[str, Any], host: str, hosts: Sequence[str], known: Sequence[str]) -> str:
    """Return what is wrong with what `database.yml` was asked for on a host; empty where nothing is.

    `hosts` are those of the play, and `known` are all of the inventory.
    """
    if do not in _WANTS:
        closest = find_closest(do, _WANTS)
        hint = f"; did you mean {closest}?" if closest else "."
        return f"flask_do is {show(do)}{hint} Allowed are {', '.join(_WANTS)}"
    missing = [_FROM[do] if need == "from" else _MEANS[need] for need in _WANTS[do] if not given[need]]
    if missing:
        return f"flask_do is {do}; {', and '.join(missing)}"
    if do == "dump" and len(hosts) > 1:
        return f"flask_to is one file, and the hosts are {', '.join(hosts)}; choose one by `--limit`"
    if do == "drop" and bool(given["database"]) == bool(given["dumps"]):
        return (
            "flask_do is drop; name the database by `-e flask_database=shop.20261128t023000`, or say `-e flask_dumps=true` for the dumps "
            "of an app that was removed"
        )
    return _find_source_problem(given, host, known) if do == "clone" else ""


def _find_source_problem(given: Mapping[str, Any], host: str, known: Sequence[str]) -> str:
    if given["from_host"] not in known:
        return f"flask_from_host is {show(given['from_host'])}, and the inventory has no such host; it has {', '.join(known)}"
    if (given["from"], given["from_host"]) == (given["app"], host):
        return (
            f"flask_from and flask_app are both {given['app']} on {host}, which has these data already; name two apps, or another "
            "flask_from_host"
        )
    return ""


def find_file_problem(states: Sequence[Mapping[str, Any]], path: str, *, may_replace: bool) -> str:
    """Return why a dump cannot be written to a path, given what is there and what is in the place of its directory."""
    there, directory = states
    if not directory.get("isdir"):
        return f"{path} cannot be written, because its directory is not there; make it, or choose another path"
    if there.get("isdir"):
        return f"{path} is a directory; name a file in it"
    if there["exists"] and not may_replace:
        return f"{path} is there already, and was not written over; choose another path, or say `-e flask_overwrite=true`"
    return ""


def describe_shell(connection: Mapping[str, Any], app: str, database: str, port: int) -> list[str]:
    """Return in words the command that opens psql as an app's user on its database, given how Ansible connects.

    A psqlrc is the app's to write, and what is typed is not to be in its files.
    """
    words = ["psql", "-X", "-v", "HISTFILE=/dev/null", "-h", SOCKET_DIRECTORY, "-p", str(int(port)), "-U", app, "-d", database]
    become = ["runuser", "-u", app, "--"] if connection["user"] == "root" else ["sudo", "-u", app]
    # Nobody else's directory is one in which the app's user may be.
    return describe_terminal(connection, "psql", f"cd / && {shlex.join([*become, *words])}")
