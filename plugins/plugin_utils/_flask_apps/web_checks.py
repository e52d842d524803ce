# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find what is wrong with the web process of an app of `flask_apps`, and with the site through which users reach it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import is_pem
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import find_directive_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    App,
    described_processes,
    has_web,
    is_absent,
    is_encrypted,
    list_certifiable_names,
    site_input,
    takes_procfile,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.bounds import find_limit_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.entry import Entry, Problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.services import leave_out_site
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.spec import SPEC
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import NO_CONFIG, find_setting_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_site_problems

_WSGI_WORKERS = ("sync", "gthread", "gevent", "eventlet", "tornado")

_ENTRY_POINTS = ("wsgi", "asgi")

_OF_THE_WEB = ("path", "static", "tls", "gunicorn", "nginx", "health", "maintenance", "drain", "watch", "python_path")
"""Keys that say something of the web process, and nothing of what runs besides."""


def _is_without_web(app: App) -> bool:
    """Return whether an entry describes no web process: processes or jobs, and neither what gunicorn starts from nor a name."""
    return not (has_web(app) or app["server_names"] or app["internal"]) and bool(
        described_processes(app) or takes_procfile(app) or app["schedules"]
    )


def _find_address_problems(app: App) -> Problems:
    if not app["server_names"] and not app["internal"] and not _is_without_web(app):
        yield "server_names is empty; give at least one name under which the app is to be served, as in `server_names: [shop.example.com]`"


def find_keys_of_the_web(given: App, app: App) -> Problems:
    """Find what an entry says of a web process that it does not have."""
    for key in _OF_THE_WEB if not is_absent(app) and _is_without_web(app) else ():
        if key in given:
            yield f"{key} is about the web process, and there is none: neither `wsgi` nor `asgi`; take it out, or give one of them"


def _find_start_problems(app: App) -> Problems:
    given = [key for key in _ENTRY_POINTS if app[key] is not None]
    if not given and not app["internal"] and not _is_without_web(app):
        yield "wsgi is missing; give what gunicorn starts from, `wsgi: module:callable`, or `asgi` for an ASGI app"
    if len(given) > 1:
        yield "wsgi and asgi are both given; keep the one that the app is made for"
    for key in given:
        if not re.fullmatch(r"[\w.]+(:.+)?", app[key]):
            yield f"{key} is {app[key]!r}; it must be `module:callable`, such as `wsgi:app`"
    if app["asgi"] is not None and app["gunicorn"].get("worker_class") in _WSGI_WORKERS:
        yield f"gunicorn.worker_class is {app['gunicorn']['worker_class']!r}, which cannot run an ASGI app; leave it out, or use `wsgi`"


def _find_setting_problems(app: App) -> Problems:
    yield from find_setting_problems(app["gunicorn"])
    config = app["gunicorn"].get("config", NO_CONFIG)
    if not isinstance(config, str) or not config:
        yield f"gunicorn.config is {config!r}; it must be a file of the source, such as gunicorn.conf.py, or {NO_CONFIG!r}"


def _find_directive_problems(app: App) -> Problems:
    return find_directive_problems(app["service"])


def _find_health_problems(app: App) -> Problems:
    health = app["health"]
    if not re.fullmatch(r"/[!-~]*", health["path"]):
        yield f"health.path is {health['path']!r}; it must begin with '/' and be as a browser sends it, such as '/health'"
    for status in health["statuses"]:
        if not 100 <= status <= 599:
            yield f"health.statuses has {status}; a status code is a number from 100 to 599"
    yield from find_limit_problems("health.", health, ("timeout", "interval", "deadline"), may_be_zero=False)


def find_tls_problems(app: App) -> Problems:
    """Find what is wrong with how an app is served encrypted."""
    if not is_encrypted(app) or app["internal"]:
        return
    tls = app["tls"]
    given = [key for key in ("certificate", "key") if tls[key]]
    if tls["mode"] == "self_signed":
        if given:
            yield f"tls.{given[0]} is given, but with tls.mode self_signed it would not be used; take one of the two out"
        if not list_certifiable_names(app):
            yield "tls.mode is self_signed, and server_names has no name that a certificate can be for; add one without `*` at its end"
    elif tls["mode"] == "acme":
        yield from _find_acme_problems(app, given)
    elif len(given) < 2:
        yield "tls needs both `certificate` and `key`, or one of the modes acme, self_signed and off"
    elif is_pem(tls["certificate"]) != is_pem(tls["key"]):
        yield "tls.certificate and tls.key must be of one kind: paths on the machine, or the texts themselves"


def _find_acme_problems(app: App, given: Sequence[str]) -> Problems:
    names = list_certifiable_names(app)
    if given:
        yield f"tls.{given[0]} is given, but with tls.mode acme it would not be used; take one of the two out"
    if not names:
        yield "tls.mode is acme, and server_names has no name that a certificate can be for; add one without `*` at its end"
    if app["tls"]["challenge"] == "http":
        for name in names:
            if "*" in name:
                yield f"tls.mode is acme, and {name} is only signed after a challenge by DNS; set tls.challenge to dns, or name each host"
    for name in names:
        if name.rpartition(".")[2].isdigit():
            yield f"tls.mode is acme, and {name} is an address; a CA signs names, such as www.example.org"


def find_problems_of_site(app: App) -> Problems:
    """Find now what the role nginx_site would refuse later. Keys that other checks cover are replaced by valid ones here."""
    told = {"name": "app"} | {"server_names": app["server_names"] or ["localhost"], "static": app["static"] or []}
    encrypted = {"tls": app["tls"] if "tls" in app and not any(find_tls_problems(app)) else None}
    below_nginx = re.compile(rf"^(?={'|'.join(SPEC['nginx']['options'])})")
    for problem in find_site_problems([site_input(Entry(leave_out_site({**app, **told, **encrypted})))], ""):
        yield below_nginx.sub("nginx.", problem.removeprefix("[0].")).replace("maintenance.pages[0]", "maintenance.page")


FINDERS = (
    *(_find_address_problems, _find_start_problems, _find_setting_problems, _find_directive_problems),
    *(_find_health_problems, find_tls_problems, find_problems_of_site),
)
