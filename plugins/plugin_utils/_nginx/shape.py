# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checked sites, as the template of the role nginx_site wants them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import split_directives
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.options import (
    INTERNAL_DEFAULTS,
    MAINTENANCE_DEFAULTS,
    SITE_DEFAULTS,
    STATIC_DEFAULTS,
    TLS_DEFAULTS,
    claim,
    given,
    is_present,
    prefix_of,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import group

_OF_THE_NAME = ("listen_port", "tls", "trusted_proxies", "trusted_header")
"""Options of which sites with a name in common have one."""


def shape_site(site: Mapping[str, Any], *others: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checked site as the template wants it: every option there, names and mappings as nginx wants them.

    With others that have names in common with it, they are one site, named after the one that is at `/`, else the first. What each has
    below its path is in `places`, and what the names have once is what any of them says.
    """
    members = sorted((site, *others), key=lambda member: prefix_of(member) != "") if others else [site]
    once = {key: value for member in reversed(members) for key, value in given(member).items() if key in _OF_THE_NAME and value}
    tls = {**TLS_DEFAULTS, **given(once["tls"])} if once.get("tls") else None
    places = [_shape_place({**SITE_DEFAULTS, **given(member)}) for member in members]
    lead = {**SITE_DEFAULTS, **given(members[0]), **once}
    fronts = _list_fronts(lead, tls, places)
    for place in places:
        place["encrypted"] = any(front["encrypted"] and place in front["places"] for front in fronts)
    return {
        **lead,
        **places[0],
        "tls": tls,
        "internal": {**INTERNAL_DEFAULTS, **given(lead["internal"])} if lead["internal"] else None,
        "fronts": fronts,
        "places": places,
        "guarded": any(place["guarded"] for place in places),
        "trusted_proxies": _tidy_networks(lead["trusted_proxies"]),
    }


def shape_sites(sites: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the sites that are present as the template wants them, those that have names in common as one."""
    present = [site for site in sites if is_present(site)]
    return [shape_site(*(present[number] for number in numbers)) for numbers in group([claim(site) for site in present])]


def _shape_place(site: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a site has below its path."""
    static = [{**STATIC_DEFAULTS, **given(mapping)} for mapping in site["static"]]
    # nginx takes the first regular expression that matches: the longest address comes first, as users expect.
    static.sort(key=lambda mapping: len(mapping["url"]), reverse=True)
    prefix, extra = prefix_of(site), site["extra"].strip("\n")
    identifier = site["name"].replace("_", "__").replace("-", "_m")
    maintenance = _shape_maintenance(site, identifier) if site["maintenance"] else None
    for mapping in static:
        mapping["pattern"] = _escape(prefix + mapping["url"])
        mapping["expires"] = "off" if mapping["expires"] is False else mapping["expires"]  # YAML's `off`
    return {
        **{key: value for key, value in site.items() if key not in _OF_THE_NAME},
        "id": identifier,
        "server_names": _tidy_names(site["server_names"]),
        "static": static,
        "has_uploads": any(mapping["uploads_in"] for mapping in static),
        "prefix": prefix,
        "prefix_pattern": _escape(prefix),
        "stream_paths": [prefix + path for path in dict.fromkeys(site["stream_paths"])],
        "maintenance": maintenance,
        "guarded": bool(extra or site["limit_requests"] or int(site["limit_connections"]) or maintenance),
        "extra": extra,
        "inherited_extra": "\n".join(text for _words, text in split_directives(extra) if text.endswith(";")),
    }


def _shape_maintenance(site: Mapping[str, Any], identifier: str) -> dict[str, Any]:
    """Return how a site is closed: for which file nginx looks, which may be another one for each request, and what it shows."""
    told = {**MAINTENANCE_DEFAULTS, **given(site["maintenance"])}
    path, allow = f"{site['root']}/{told['file']}", _tidy_networks(told["allow"])
    paths = [_escape(prefix_of(site) + path) for path in dict.fromkeys(told["paths"])]
    return {
        "path": path,
        "switch": f"$webstack_closing_{identifier}" if allow or paths else path,
        "address": f"/.webstack-flask/maintenance/{site['name']}",
        "shown": [*told["pages"], told["file"]],
        "allow": allow,
        "paths": paths,
        "retry_after": told["retry_after"],
    }


def _escape(path: str) -> str:
    """Return a path as a regular expression of nginx."""
    return re.sub(r"[.+]", r"\\\g<0>", path)


def _list_fronts(site: Mapping[str, Any], tls: Mapping[str, Any] | None, places: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the servers that pass requests on: for which names, to which places, and whether with encryption, without it, or in both ways.

    Names for which there is no certificate have one of their own, without encryption; so have those that lead to other places.
    """
    covered = _tidy_names(tls["server_names"]) if tls else []
    fronts: dict[tuple[bool, tuple[int, ...]], list[str]] = {}
    for name in dict.fromkeys(name for place in places for name in place["server_names"]):
        is_encrypted = tls is not None and (not covered or name in covered)
        fronts.setdefault((not is_encrypted, tuple(n for n, place in enumerate(places) if name in place["server_names"])), []).append(name)
    return [
        {
            "names": names,
            # Behind a proxy that ends TLS a request without encryption may be a visitor's with it: one server knows both, and redirects.
            "plain": is_plain or not (tls and tls["redirect"]) or bool(site["trusted_proxies"]),
            "encrypted": not is_plain,
            "places": [places[number] for number in numbers],
        }
        for (is_plain, numbers), names in sorted(fronts.items(), key=lambda front: front[0][0])
    ]


def _tidy_names(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(name.lower() for name in names))


def _tidy_networks(networks: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(str(ipaddress.ip_network(network)) for network in networks))
