# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role nginx_site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.shape import shape_sites
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_site_problems


def site_parameters(sites: Sequence[Mapping[str, Any]], contents: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the parameters of the module `nginx_sites` for each site, given the contents of the files, by name.

    A site that has none of its own is absent, or in the file of another one with which it has names in common, or stays as it is.
    """
    return [
        {"name": site["name"], "state": "present", "content": contents[site["name"]], **_let_in(site)}
        if site["name"] in contents
        else {"name": site["name"], "state": "kept" if site.get("state") == "kept" else "absent"}
        for site in sites
    ]


def _let_in(site: Mapping[str, Any]) -> dict[str, list[str]]:
    internal = site.get("internal")
    return {"callers": list(internal.get("callers") or [])} if internal else {}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"site_problems": find_site_problems, "shaped_sites": shape_sites, "site_parameters": site_parameters}
