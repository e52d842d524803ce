# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address at which a host gives metrics."""

from __future__ import annotations

import ipaddress

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError


def check_address(address: str) -> str:
    """Return the address at which exporters are to listen; raise UserError unless it is a single one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        found = None
    if found is None or found.is_unspecified or found.is_multicast or "%" in address:
        raise UserError(
            f"metrics_address is {address!r}; it must be one IP address of the host at which Prometheus reaches it, such as 192.0.2.10, "
            "and not all of them. By default it is 127.0.0.1, which only the host itself reaches"
        )
    return str(found)
