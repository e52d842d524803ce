# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Redis of an app is told: its configuration, its unit, and which of the settings can be changed while it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._redis.address import RedisLayout
from ansible_collections.webstack.flask.plugins.module_utils._redis.size import MIB, parse_size
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import format_directives
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import FENCES

PROGRAM = "/usr/bin/redis-server"

ADMINISTRATOR = "webstack"
"""The user of Redis by whom root looks after it."""

_SPARE = 64 * MIB
"""Bytes for the program itself, and for what it buffers for clients and for its files."""

_ON_DISK: Mapping[str, Mapping[str, str]] = {
    "everysec": {"appendonly": "yes", "appendfsync": "everysec", "save": ""},
    "always": {"appendonly": "yes", "appendfsync": "always", "save": ""},
    "snapshots": {"appendonly": "no", "appendfsync": "everysec", "save": "300 1 60 10000"},
    "none": {"appendonly": "no", "appendfsync": "everysec", "save": ""},
}
"""The settings of Redis by which its data come to the disk, for each word of ours."""

SETTINGS = ("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "save")
"""The settings that are the user's. Redis takes all of them while it runs, and tells what they are."""

_MAY = "~* &* +@all -@admin -migrate -restore-asking +client|list +client|kill"
"""What an app may do in its Redis: work with any key and channel, and see and end its own connections, as RQ does. It may not configure
it, let it load modules or write files elsewhere, have it follow another one, or end it."""

_OWN_FENCES = {
    "IPAddressDeny": "any",
    "RestrictAddressFamilies": "AF_UNIX",
    "MemoryDenyWriteExecute": "yes",
    "InaccessiblePaths": "-/var/www",
    "NoExecPaths": "/",
    "ExecPaths": f"{PROGRAM} /usr/lib /lib",
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
}
"""What is closed to Redis beyond what is closed to apps: all networks, other programs, and the apps' own directories."""


def list_settings(wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return the SETTINGS of a Redis as it is wanted, in the words in which Redis tells them."""
    of_memory = {"maxmemory": str(parse_size(wanted["max_memory"])), "maxmemory-policy": wanted["eviction"]}
    return {**of_memory, **_ON_DISK[wanted["persistence"]]}


def format_config(layout: RedisLayout, settings: Mapping[str, str], password: str) -> str:
    """Return the configuration file. Of the administrator's password it has the digest alone."""
    lines = "".join(f'{key} "{value}"\n' for key, value in settings.items())
    return f"""\
# The Redis of {layout.name}. Written by webstack.flask: what is changed here by hand, the next run changes back.
port 0
unixsocket {layout.socket}
unixsocketperm 660
daemonize no
supervised systemd
logfile ""
dir {layout.data}
oom-score-adj yes
oom-score-adj-values 0 200 800

# Who opens the socket is the app. It has no password, and may do all but administration.
user default on nopass {_MAY}
user {ADMINISTRATOR} on #{hashlib.sha256(password.encode()).hexdigest()} ~* &* +@all

# What can be changed while it runs.
{lines}"""


def find_fixed(text: str) -> list[str]:
    """Return the lines of a configuration or unit file that only a restart brings into force."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [line for line in lines if line.partition(" ")[0] not in SETTINGS and not line.startswith("MemoryMax=")]


def known_settings(config: str | None, otherwise: Mapping[str, str]) -> dict[str, str]:
    """Return the SETTINGS that a configuration file has, and others where it has none, or some that we would not write."""
    found = (line.partition(" ") for line in (config or "").splitlines())
    known = {key: value.strip('"') for key, _space, value in found if key in SETTINGS}
    return {**otherwise, **known, **({} if known.get("maxmemory", "").isdigit() else {"maxmemory": otherwise["maxmemory"]})}


def format_unit(layout: RedisLayout, settings: Mapping[str, str]) -> str:
    """Return the unit file.

    A child that writes the data to a file sees them as they were: the kernel copies for it each page that changes meanwhile, which are all
    of them at worst. So the unit may have twice the memory that the data may. If that is not enough, the kernel ends the child, which has
    the higher score, and the server goes on. The directory of the socket has the group of the app, and so has, by the bit for that, what is
    made in it.
    """
    service = {
        "Type": "notify",
        "ExecStartPre": f"+/usr/bin/install --directory --owner={layout.account} --group={layout.name} --mode=2750 {layout.socket.parent}",
        "ExecStart": f"{PROGRAM} {layout.config}",
        "Restart": "always",
        "RestartSec": "1",
        "TimeoutStartSec": "600",
        "TimeoutStopSec": "300",
        "User": layout.account,
        "Group": layout.account,
        "ReadWritePaths": f"{layout.data} -{layout.socket.parent}",
        "LimitNOFILE": "16384",
        "MemoryMax": str(2 * int(settings["maxmemory"]) + _SPARE),
        "OOMPolicy": "continue",
        "TasksMax": "64",
        **FENCES,
        **_OWN_FENCES,
    }
    return f"""\
# The Redis of {layout.name}. Written by webstack.flask.
[Unit]
Description=Redis of {layout.name}
RequiresMountsFor={layout.data}
StartLimitIntervalSec=0

[Service]
{format_directives(service)}
[Install]
WantedBy=multi-user.target
"""
