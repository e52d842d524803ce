# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the user's list `flask_apps`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import product
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.webstack.flask.plugins.module_utils.archives import find_archive_problems
from ansible_collections.webstack.flask.plugins.module_utils.dependency_names import find_dependency_problems
from ansible_collections.webstack.flask.plugins.module_utils.env_file import find_environment_problems
from ansible_collections.webstack.flask.plugins.module_utils.flask_app import (
    App,
    as_text,
    front_port,
    is_absent,
    is_encrypted,
    is_pem,
    list_certifiable_names,
    list_present,
    list_shared,
    site_input,
)
from ansible_collections.webstack.flask.plugins.module_utils.flask_apps_spec import SPEC
from ansible_collections.webstack.flask.plugins.module_utils.gunicorn_settings import find_setting_problems
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem
from ansible_collections.webstack.flask.plugins.module_utils.nginx_site_input import find_site_problems
from ansible_collections.webstack.flask.plugins.module_utils.unit_text import find_directive_problems

_WSGI_WORKERS = ("sync", "gthread", "gevent", "eventlet", "tornado")


_ENTRY_POINTS = [["wsgi", "asgi"]]

_ABSENT = ("name", "state", "remove_data")
"""What counts of an app that is to be absent. The other keys may stay, for the day on which it comes back."""


def check_apps(apps: object) -> list[dict[str, Any]]:
    """Return the entries with their defaults filled in; raise Problem that tells everything that is wrong with them."""
    if not isinstance(apps, Sequence) or isinstance(apps, str) or not apps:
        raise Problem(f"flask_apps must be a list of at least one app, each a mapping with a name; it is {apps!r}")
    problems, checked = [], []
    for number, app in enumerate(map(_spelt_out, apps)):
        if not isinstance(app, Mapping):
            problems.append(f"flask_apps[{number}] must be a mapping of keys to values; it is {app!r}")
            continue
        where = f"flask_apps[{number}]" + (f" ({app['name']})" if isinstance(app.get("name"), str) else "")
        found = [*_find_unknown_keys(app, SPEC, where), *_find_misread_numbers(app, where)]
        if not found:
            validation = _validator(app).validate({key: app[key] for key in _keys(app) if key in app})
            found = [f"{where}: {message}" for message in validation.error_messages]
            entry = validation.validated_parameters
            finders = _ABSENT_FINDERS if is_absent(app) else _FINDERS
            found += [] if found else [f"{where}: {problem}" for find in finders for problem in find(entry)]
            checked.append(entry)
        problems += found
    if not problems:
        problems += _find_repetitions(checked)
    if not problems:
        problems += _find_site_problems(list_present(checked))
    if problems:
        raise Problem("flask_apps cannot be deployed as described; nothing was changed:\n" + "\n".join(f"- {p}" for p in problems))
    return checked


def _keys(app: App) -> Sequence[str]:
    return _ABSENT if is_absent(app) else list(app)


def _validator(app: App) -> ArgumentSpecValidator:
    if is_absent(app):
        return ArgumentSpecValidator({key: SPEC[key] for key in _ABSENT})
    return ArgumentSpecValidator(SPEC, mutually_exclusive=_ENTRY_POINTS, required_one_of=_ENTRY_POINTS)


def _spelt_out(app: object) -> object:
    """Return an entry whose `tls`, if it is a single word, is the mapping that it stands for."""
    tls = app.get("tls") if isinstance(app, Mapping) else None
    if isinstance(app, Mapping) and (tls is False or isinstance(tls, str)):
        return {**app, "tls": {"mode": tls or "off"}}  # YAML reads `off` as false
    return app


def _find_misread_numbers(app: App, where: str) -> Iterator[str]:
    source = app.get("source")
    version = source.get("version") if isinstance(source, Mapping) else None
    if isinstance(version, int | float):
        yield f"{where}: source.version is {version!r}, a number; put it in quotes, because YAML takes 1.10 for 1.1"


def _find_unknown_keys(value: Mapping[str, Any], spec: Mapping[str, Any], where: str) -> Iterator[str]:
    for key, inner in value.items():
        if key not in spec:
            close = get_close_matches(str(key), spec, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else "."
            yield f"{where}: {key!r} is not a key{hint} Allowed are {', '.join(sorted(spec))}"
            continue
        options = spec[key].get("options")
        entries = inner if isinstance(inner, list) else [inner]
        for entry in entries if options else ():
            if isinstance(entry, Mapping):
                yield from _find_unknown_keys(entry, options, f"{where}.{key}")


def _find_naming_problems(app: App) -> Iterator[str]:
    try:
        AppLayout.of(app["name"])
    except Problem as problem:
        yield str(problem)


def _find_address_problems(app: App) -> Iterator[str]:
    if not app["server_names"]:
        yield "server_names is empty; give at least one name under which the app is to be served"


def _find_source_problems(app: App) -> Iterator[str]:
    source = app["source"]
    if source["archive"] is not None:
        yield from find_archive_problems(source["archive"], source["checksum"])
    elif source["checksum"] is not None:
        yield "source.checksum is given without `source.archive`; a commit of git is pinned by `source.version`"
    if source["git"] is not None and not re.fullmatch(r"(?!-)[^\x00-\x20\x7f]+", source["git"]):
        yield f"source.git is {source['git']!r}; it must be a URL, such as https://example.com/shop.git or git@example.com:shop.git"
    for key in ("ssh_key", "known_hosts"):
        if source[key] is not None and source["git"] is None:
            yield f"source.{key} is for `source.git` alone"
    if source["ssh_key"] is not None and "PRIVATE KEY-----" not in source["ssh_key"]:
        yield "source.ssh_key is not a private key; give its text, beginning with -----BEGIN, and not the path of a file"


def _find_dependency_problems(app: App) -> Iterator[str]:
    return find_dependency_problems(app["dependencies"], "dependencies.")


def _find_start_problems(app: App) -> Iterator[str]:
    for key in ("wsgi", "asgi"):
        if app[key] is not None and not re.fullmatch(r"[\w.]+(:.+)?", app[key]):
            yield f"{key} is {app[key]!r}; it must be `module:callable`, such as `wsgi:app`"
    if app["asgi"] is not None and app["gunicorn"].get("worker_class") in _WSGI_WORKERS:
        yield f"gunicorn.worker_class is {app['gunicorn']['worker_class']!r}, which cannot run an ASGI app; leave it out, or use `wsgi`"
    yield from find_setting_problems(app["gunicorn"])
    yield from find_directive_problems(app["service"])


def _find_path_problems(app: App) -> Iterator[str]:
    paths_in_source = {
        "source.subdirectory": [app["source"]["subdirectory"]],
        "chdir": [app["chdir"]],
        "python_path": app["python_path"],
        "env_files": app["env_files"],
        "shared.directories": app["shared"]["directories"],
        "shared.files": app["shared"]["files"],
    }
    for key, paths in paths_in_source.items():
        for path in paths:
            if path.startswith("/") or ".." in path.split("/") or re.search(r"[\x00-\x1f\x7f:]", path):
                yield f"{key} is {path!r}; it must be a path within the source, without ':' and '..'"
    shared = list_shared(app)
    for path in shared:
        if path == "." or any(other != path and path.startswith(f"{other}/") for other in shared) or shared.count(path) > 1:
            yield f"shared names {path!r}, which is the whole source, or within another place that is shared, or named twice"


def _find_variable_problems(app: App) -> Iterator[str]:
    for key, value in app["env"].items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            yield f"env.{key} is {type(value).__name__}, and a variable holds text; put the value in quotes"
    yield from find_environment_problems(as_text(app["env"]))


def _find_health_problems(app: App) -> Iterator[str]:
    health = app["health"]
    if not re.fullmatch(r"/[!-~]*", health["path"]):
        yield f"health.path is {health['path']!r}; it must begin with '/' and be as a browser sends it, such as '/health'"
    for status in health["statuses"]:
        if not 100 <= status <= 599:
            yield f"health.statuses has {status}; a status code is a number from 100 to 599"


def _find_tls_problems(app: App) -> Iterator[str]:
    if not is_encrypted(app):
        return
    tls = app["tls"]
    given = [key for key in ("certificate", "key") if tls[key]]
    if tls["mode"] == "self_signed":
        if given:
            yield f"tls.{given[0]} is given, but with tls.mode self_signed it would not be used; take one of the two out"
        if not list_certifiable_names(app):
            yield "tls.mode is self_signed, and server_names has no name that a certificate can be for; add one without `*` at its end"
    elif len(given) < 2:
        yield "tls needs both `certificate` and `key`, or one of the modes self_signed and off"
    elif is_pem(tls["certificate"]) != is_pem(tls["key"]):
        yield "tls.certificate and tls.key must be of one kind: paths on the machine, or the texts themselves"


def _find_number_problems(app: App) -> Iterator[str]:
    patience = {f"health.{key}": app["health"][key] for key in ("timeout", "interval", "deadline")}
    for key, value in {**patience, "release_command_timeout": app["release_command_timeout"]}.items():
        if not value > 0:
            yield f"{key} is {value:g}; it must be more than 0 seconds"
    for key in ("drain", "watch", "keep_releases"):
        if not app[key] >= 0:
            yield f"{key} is {app[key]:g}; it must not be negative"


def _find_site_problems(apps: Sequence[App]) -> list[str]:
    """Find now what the role nginx_site would find when builds and environments are made already."""
    below_nginx = re.compile(rf"^(flask_apps\[\d+\])\.({'|'.join(SPEC['nginx']['options'])})\b")
    sites = [site_input(app) for app in apps]
    return [below_nginx.sub(r"\1.nginx.\2", problem) for problem in find_site_problems(sites, "flask_apps")]


def _find_repetitions(apps: Sequence[App]) -> Iterator[str]:
    for name, count in Counter(app["name"] for app in apps).items():
        if count > 1:
            yield f"flask_apps names {name!r} {count} times; give each app its own name"
    owners: dict[tuple[str, int], list[str]] = {}
    for app in list_present(apps):
        ports = {app["nginx"]["listen_port"], front_port(app)}
        for server_name, port in product(dict.fromkeys(app["server_names"]), sorted(ports)):
            owners.setdefault((server_name, port), []).append(app["name"])
    for (server_name, port), names in owners.items():
        if len(names) > 1:
            yield f"the server name {server_name!r} on port {port} is claimed by {' and '.join(names)}; only one app can have it"


_ABSENT_FINDERS = (_find_naming_problems,)

_FINDERS = (
    *(_find_naming_problems, _find_address_problems, _find_source_problems, _find_dependency_problems),
    *(_find_start_problems, _find_path_problems, _find_tls_problems),
    *(_find_variable_problems, _find_health_problems, _find_number_problems),
)
"""What looks for problems in an entry that fits SPEC."""
