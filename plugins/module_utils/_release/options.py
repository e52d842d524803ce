# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules that switch releases, and what they are read as."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import list_covered, read_present
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.services import introduce_host
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Proxy, Switch

HEALTH_OPTIONS: dict[str, Any] = {
    "path": {"type": "str", "default": "/"},
    "statuses": {"type": "list", "elements": "int", "default": []},
    "timeout": {"type": "float", "default": 5},
    "interval": {"type": "float", "default": 0.2},
    "deadline": {"type": "float", "default": 60},
}
PROXY_OPTIONS: dict[str, Any] = {
    "address": {"type": "str", "default": "127.0.0.1"},
    "port": {"type": "int", "default": 80},
    "host": {"type": "str", "required": True},
    "tls": {"type": "bool", "default": False},
    "proxy_protocol": {"type": "bool", "default": False},
    "internal": {"type": "bool", "default": False},
    "proof": {"type": "path"},
    "certified": {
        "type": "dict",
        "options": {
            "certificate": {"type": "path", "required": True},
            "encrypted_port": {"type": "int", "default": 443},
            "names": {"type": "list", "elements": "str", "required": True},
        },
    },
}
SWITCH_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "root": {"type": "path"},
    "health": {"type": "dict", "options": HEALTH_OPTIONS, "apply_defaults": True},
    "proxy": {"type": "dict", "options": PROXY_OPTIONS},
    "drain": {"type": "float", "default": 30},
    "watch": {"type": "float", "default": 1},
    "group": {"type": "str", "default": ""},
}
"""The options, in the terms of an Ansible argument spec, that all modules which switch releases share."""


def describe_switching(app: Mapping[str, Any]) -> str:
    """Return the text that tells how an app is asked and switched, from a module's parameters."""
    return json.dumps({key: app[key] for key in SWITCH_OPTIONS}, indent=2, sort_keys=True) + "\n"


def read_switching(layout: AppLayout, host: Host) -> dict[str, Any] | None:
    """Return how an app was last deployed to be asked and switched, as a module's parameters; None where that is not written down."""
    text = host.files.read_text(layout.switching)
    try:
        return complete(json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


def complete(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return such parameters that were written down, perhaps by another version of the collection, with what it did not know."""
    return {key: option.get("default") for key, option in SWITCH_OPTIONS.items()} | dict(told)


def read_switch(app: dict[str, Any], layout: AppLayout, host: Host) -> Switch:
    """Return the switch of an app, from a module's parameters as SWITCH_OPTIONS describes them."""
    proxy = choose_proxy(app["proxy"]) if app["proxy"] else None
    if proxy and app["proxy"].get("internal"):
        proxy = replace(proxy, authorization=introduce_host(layout.name, host))
    asked: dict[str, Any] = {"host": proxy.host, "is_encrypted": proxy.tls, "proxy_protocol": proxy.proxy_protocol} if proxy else {}
    check = HealthCheck(**asked).asked_as(app["health"])
    return Switch(layout, host, check, proxy, drain_limit=app["drain"], watch_time=app["watch"])


def choose_proxy(options: dict[str, Any]) -> Proxy:
    """Return the web server as it is now: encrypted once it has the certificate that it may have, by a name that this one is for."""
    proxy, certified = {key: value for key, value in options.items() if key not in ("certified", "internal")}, options.get("certified")
    proxy["proof"] = Path(proxy["proof"]) if proxy.get("proof") else None
    covered = list_covered(certified["names"], read_present(Path(certified["certificate"]))) if certified else []
    if not certified or not covered:
        return Proxy(**proxy)
    return Proxy(**{**proxy, "port": certified["encrypted_port"], "host": covered[0], "tls": True})
