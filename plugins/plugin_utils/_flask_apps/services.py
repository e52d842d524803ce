# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Internal services: apps that other apps of the host alone may call, those that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._layout import find_service_address, name_service_variable
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import list_words
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import App, has_web, is_absent, is_encrypted, list_present
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import find_closest

_OF_A_SITE = ("listen_port", "trusted_proxies", "trusted_header", "limit_requests", "limit_requests_burst", "limit_connections")
"""Keys of `nginx` that say something of who comes from outside, and how."""


def share_callers(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return the entries, each that is internal with the names of those that use it as `callers`."""
    present = list_present(apps)
    return [
        {**app, "callers": [caller["name"] for caller in present if app["name"] in caller["uses"]]}
        if not is_absent(app) and app["internal"]
        else dict(app)
        for app in apps
    ]


def leave_services(apps: Sequence[App], gone: str) -> list[dict[str, Any]]:
    """Return the entries of the services that one uses, as they are without it."""
    return [
        {**app, "callers": [caller for caller in app["callers"] if caller != gone]}
        for app in list_present(apps)
        if app["internal"] and gone in app["callers"] and app["name"] != gone
    ]


def find_users(apps: Sequence[App], service: str) -> list[str]:
    """Return the names of the entries that use a service."""
    return [app["name"] for app in list_present(apps) if service in app["uses"] and app["name"] != service]


def describe_users(service: str, users: Sequence[str]) -> str:
    """Return why a service cannot go."""
    return (
        f"{service} is to be taken away, and `uses` of {' and '.join(users)} names it; take it out there first, and bring that to the "
        "hosts by a run of site.yml"
    )


def find_service_problems(given: App, app: App) -> Iterator[str]:
    """Find what an entry that is internal says of a site that it does not have; `given` is the entry as it was written."""
    if is_absent(app) or not app["internal"]:
        return
    if not has_web(app):
        yield "internal is true, and there is no web process that could be called: neither `wsgi` nor `asgi`; give one of them"
    public = {
        "server_names": bool(app["server_names"]),
        "path": app["path"] != "/",
        "tls": is_encrypted(app),
    }
    nginx = given.get("nginx")
    public.update({f"nginx.{key}": True for key in _OF_A_SITE if isinstance(nginx, Mapping) and nginx.get(key) is not None})
    for key in (key for key, is_given in public.items() if is_given):
        yield f"{key} is about a public site, and there is none, because `internal` is true; take one of the two out"
    for word in sorted({word for word in list_words(app["nginx"]["extra"] or "") if word.startswith("auth_basic")}):
        yield f"nginx.extra has `{word}`, and callers of an `internal` app say their word in place of a password; take one of the two out"


def leave_out_site(app: App) -> dict[str, Any]:
    """Return an entry without what an internal one cannot say of a site; that it does is told already."""
    if not app["internal"]:
        return dict(app)
    return {**app, "path": "/", "tls": None, "nginx": {key: value for key, value in app["nginx"].items() if key not in _OF_A_SITE}}


def find_problems_of_uses(apps: Sequence[App]) -> Iterator[str]:
    """Find what is wrong with who uses whom. Entries of which a key is missing or wrong are looked at as far as they can be."""
    known = {app.get("name"): app for app in apps if app.get("name")}
    present = [app for app in apps if not is_absent(app) and app.get("name")]
    services = [app["name"] for app in present if app.get("internal")]
    for app in present:
        yield from _find_problems_of(app, known, services)
    addresses: dict[str, list[str]] = {}
    for name in dict.fromkeys(services):
        addresses.setdefault(find_service_address(name), []).append(name)
    for address, names in addresses.items():
        if len(names) > 1:
            yield f"internal is true for {' and '.join(names)}, whose names happen to give the same address, {address}; rename one"


def _find_problems_of(app: App, known: Mapping[Any, App], services: Sequence[str]) -> Iterator[str]:
    uses = app.get("uses") or []
    for name in dict.fromkeys(uses):
        if problem := _find_problem_of(name, app["name"], known, services):
            yield f"uses of {app['name']} names {name!r}{problem}"
        elif uses.count(name) > 1:
            yield f"uses of {app['name']} names {name!r} {uses.count(name)} times; name it once"
    variables: dict[str, list[str]] = {}
    for name in dict.fromkeys(uses):
        variables.setdefault(name_service_variable(name), []).append(name)
    for variable, names in variables.items():
        if len(names) > 1:
            yield f"uses of {app['name']} names {' and '.join(names)}, whose URLs would both be in {variable}; rename one of the two"
        if variable in (app.get("env") or {}):
            yield f"env.{variable} of {app['name']} is given, and holds the URL of {names[0]}, which is in `uses`; take one of the two out"


def _find_problem_of(name: str, user: str, known: Mapping[Any, App], services: Sequence[str]) -> str:
    others = [service for service in services if service != user]
    there = f"there are {', '.join(others)}" if others else "there is none"
    if name == user:
        return ", which is the app itself; take it out"
    if name in services:
        return ""
    if name in known and is_absent(known[name]):
        return ", which is to be taken away: its entry has `state: absent`; take it out of `uses` first"
    if name in known:
        return (
            f", which is not internal; of internal services {there}. A public app is called by one of its `server_names`; to be a service "
            "for other apps alone it takes `internal: true`, and no `server_names`"
        )
    closest = find_closest(name, others)
    return f", and no entry of flask_apps has this name{f'; did you mean {closest!r}?' if closest else ';'} Of internal services {there}"
