# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Redis that Debian's package starts by itself: every user of the host, be it an app, reaches it by TCP without a password."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._redis.server import ask, parse_info
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl

UNIT = "redis-server.service"

_ENABLED = Path("/etc/systemd/system/multi-user.target.wants") / UNIT
"""The link that is made when the package is installed."""

_DATA = Path("/var/lib/redis")

_TIMEOUT = 60

_SOON = 120
"""Seconds within which a package that is installed has started its server."""

_INEXACT = 2
"""Seconds by which the start of a process may be known wrongly: INFO tells its age in whole seconds."""

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


def attend(state: systemctl.UnitState, *, check: bool) -> str:
    """Stop Debian's own Redis, for good, if nobody has ever used it; return `stopped`, or `left` where it stays, or nothing."""
    is_up = state.active == "active"
    if not (is_up or state.enabled):
        return ""
    if not (_has_served_nobody(state.main_pid) if is_up else _has_left_nothing()):
        return "left"
    if not check:
        systemctl.stop(UNIT)
        systemctl.disable(UNIT)
        systemctl.forget_failure(UNIT)
    return "stopped"


def _has_served_nobody(process: int) -> bool:
    with suppress(UserError, FileNotFoundError):
        info = parse_info(ask(["-p", "6379", "INFO", "everything"], _ENVIRONMENT, "Debian's own Redis"))
        return is_unused(info, process, enabled=_ENABLED.lstat().st_mtime, now=time.time())
    return False


def _has_left_nothing() -> bool:
    """Return whether one that is down has never run: at its end, Debian's configuration has it write its data to its directory."""
    with suppress(FileNotFoundError, commands.TimedOut):
        verified = commands.run(["dpkg", "--verify", "redis-server"], timeout=_TIMEOUT, env=_ENVIRONMENT)
        return verified.status == 0 and not verified.output.strip() and not any(_DATA.iterdir())
    return False


def is_unused(info: Mapping[str, Any], process: int, *, enabled: float, now: float) -> bool:
    """Return whether nobody has used a server since its package was installed, from what INFO says of it.

    It is still the process that the installation has started, and has never been asked anything but this. One that was started again, that
    was configured or has data may be somebody's.
    """
    asked = {key for key in info if key.startswith("cmdstat_")}
    has_data = any(key.startswith("db") and key[2:].isdigit() for key in info)
    started = now - float(info.get("uptime_in_seconds", 0))
    is_first = -_INEXACT <= started - enabled <= _SOON
    return info.get("process_id") == str(process) and is_first and not has_data and asked <= {"cmdstat_info"}
