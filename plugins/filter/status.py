# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the playbooks that look at running apps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._desk import describe_app_terminal, label_lines
from ansible_collections.webstack.flask.plugins.plugin_utils._filters import as_filter
from ansible_collections.webstack.flask.plugins.plugin_utils._hosts_status import describe_hosts


@as_filter
def status_summary(found: Mapping[str, Sequence[Mapping[str, Any]]], described: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the lines that say how the apps of several hosts are."""
    return describe_hosts(found, described, time.time())


@as_filter
def host_lines(said: Mapping[str, str]) -> list[str]:
    """Return the lines that each host has said, with its name before each."""
    return label_lines(said)


@as_filter
def app_terminal(connection: Mapping[str, Any], words: Sequence[str]) -> list[str]:
    """Return in words how the command webstack is run at a terminal of a host."""
    return describe_app_terminal(connection, words)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"app_terminal": app_terminal, "host_lines": host_lines, "status_summary": status_summary}
