# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a site: what they are unless the user says otherwise, and what a site wants of its names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import Claim
from ansible_collections.webstack.flask.plugins.plugin_utils._specs import list_defaults, load_options

_OPTIONS = load_options("nginx_site")["nginx_site_sites"]["options"]

SITE_DEFAULTS = list_defaults(_OPTIONS)
"""The options of a site beside its name, and what they are unless the user says otherwise."""

TLS_DEFAULTS = list_defaults(_OPTIONS["tls"]["options"])
"""The options of `tls` beside `certificate` and `key`, and what they are unless the user says otherwise."""

STATIC_DEFAULTS = list_defaults(_OPTIONS["static"]["options"])
"""The options of a static mapping beside `url` and `paths`, and what they are unless the user says otherwise."""

MAINTENANCE_DEFAULTS = list_defaults(_OPTIONS["maintenance"]["options"])
"""The options of `maintenance` beside `file`, and what they are unless the user says otherwise."""

INTERNAL_DEFAULTS = list_defaults(_OPTIONS["internal"]["options"])
"""The options of `internal` beside `address`, and what they are unless the user says otherwise."""


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that have a value; None stands for one that was not given, as in Ansible's modules."""
    return {key: value for key, value in options.items() if value is not None}


def is_present(site: Mapping[str, Any]) -> bool:
    """Return whether nginx is to serve a site."""
    return site.get("state") in (None, "present")


def prefix_of(site: Mapping[str, Any]) -> str:
    """Return the path of a site as it stands before the addresses below it."""
    return str(site.get("path") or "/").rstrip("/")


def claim(site: Mapping[str, Any]) -> Claim:
    """Return what a site wants of its names; of what is not checked yet only what makes sense."""
    names, path, tls = site.get("server_names"), site.get("path"), site.get("tls")
    settings: dict[str, Any] = {"listen_port": str(site.get("listen_port", SITE_DEFAULTS["listen_port"]))}
    if isinstance(tls, dict) and tls:
        settings.update({f"tls.{key}": value for key, value in {**TLS_DEFAULTS, **given(tls)}.items()})
    settings.update({key: site[key] for key in ("trusted_proxies", "trusted_header") if site.get(key)})
    prefix = str(path or "/").rstrip("/")
    addresses = {}
    for number, mapping in enumerate(site["static"] if isinstance(site.get("static"), list) else []):
        if isinstance(mapping, dict):
            addresses[f"static[{number}].url"] = f"{prefix}{mapping.get('url')}"
    for number, stream in enumerate(site["stream_paths"] if isinstance(site.get("stream_paths"), list) else []):
        addresses[f"stream_paths[{number}]"] = f"{prefix}{stream}"
    known = dict.fromkeys(str(name).lower() for name in names) if isinstance(names, list) else {}
    return Claim(str(site.get("name")), list(known), _list_ports(site), prefix, settings, addresses)


def _list_ports(site: Mapping[str, Any]) -> set[str]:
    """Return the ports on which a site is served, as text; of what is not checked yet only what makes sense."""
    tls = site.get("tls")
    ports = [site.get("listen_port", SITE_DEFAULTS["listen_port"])]
    if isinstance(tls, dict) and tls:
        ports.append(tls.get("port", TLS_DEFAULTS["port"]))
    return {str(port) for port in ports}
