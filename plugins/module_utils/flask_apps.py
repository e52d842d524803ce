# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's list `flask_apps`: what is wrong with it, and what each role needs of it.

Only the playbooks use this; no role ever sees `flask_apps`.
"""

from __future__ import annotations

import posixpath
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
from ansible_collections.webstack.flask.plugins.module_utils.gunicorn_settings import find_setting_problems
from ansible_collections.webstack.flask.plugins.module_utils.gunicorn_workers import list_worker_packages
from ansible_collections.webstack.flask.plugins.module_utils.layout import CERTIFICATE_ROOT, AppLayout, Problem, check_name
from ansible_collections.webstack.flask.plugins.module_utils.nginx_site_input import find_site_problems
from ansible_collections.webstack.flask.plugins.module_utils.unit_text import find_directive_problems

App = Mapping[str, Any]

_WSGI_WORKERS = ("sync", "gthread", "gevent", "eventlet", "tornado")

_DOTENV = "python-dotenv==1.2.4"
"""Reads the `env_files` of an app that does not bring it."""

_NGINX_PATH = re.compile(r"[A-Za-z0-9_@+./-]+")
"""The paths that the role nginx_site takes; a default must not be what it refuses."""

SPEC: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "remove_data": {"type": "bool", "default": False},
    "source": {
        "type": "dict",
        "required": True,
        "options": {
            "git": {"type": "str"},
            "version": {"type": "str", "default": "HEAD"},
            "path": {"type": "str"},
            "archive": {"type": "str"},
            "checksum": {"type": "str"},
            "subdirectory": {"type": "str", "default": ""},
            "submodules": {"type": "bool", "default": True},
            "ssh_key": {"type": "str", "no_log": True},
            "known_hosts": {"type": "str"},
            "ssh_agent": {"type": "bool", "default": False},
        },
        "mutually_exclusive": [["git", "path", "archive"]],
        "required_one_of": [["git", "path", "archive"]],
    },
    "wsgi": {"type": "str"},
    "asgi": {"type": "str"},
    "server_names": {"type": "list", "elements": "str", "required": True},
    "path": {"type": "str", "default": "/"},
    "chdir": {"type": "str", "default": ""},
    "python_path": {"type": "list", "elements": "str", "default": []},
    "env": {"type": "dict", "default": {}},
    "env_files": {"type": "list", "elements": "str", "default": []},
    "dependencies": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "file": {"type": "str"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "gunicorn_version": {"type": "str"},
            "python": {"type": "str"},
            "ignore_python_requirement": {"type": "bool", "default": False},
            "ignore_lock_mismatch": {"type": "bool", "default": False},
            "build_packages": {"type": "list", "elements": "str", "default": []},
            "wheels": {"type": "str"},
            "index_url": {"type": "str"},
            "environment": {"type": "dict", "default": {}},
        },
    },
    "gunicorn": {"type": "dict", "default": {}},
    "service": {"type": "dict", "default": {}},
    "health": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "path": {"type": "str", "default": "/"},
            "statuses": {"type": "list", "elements": "int", "default": []},
            "timeout": {"type": "float", "default": 5},
            "interval": {"type": "float", "default": 0.2},
            "deadline": {"type": "float", "default": 60},
        },
    },
    "static": {
        "type": "list",
        "elements": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "paths": {"type": "list", "elements": "str", "required": True},
            "expires": {"type": "str"},
        },
    },
    "nginx": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "listen_port": {"type": "int", "default": 80},
            "client_max_body_size": {"type": "str"},
            "limit_requests": {"type": "str"},
            "limit_requests_burst": {"type": "int"},
            "limit_connections": {"type": "int"},
            "security_headers": {"type": "bool"},
            "pass_dotfiles": {"type": "bool"},
            "proxy_connect_timeout": {"type": "int"},
            "proxy_send_timeout": {"type": "int"},
            "proxy_read_timeout": {"type": "int"},
            "stream_paths": {"type": "list", "elements": "str"},
            "extra": {"type": "str"},
        },
    },
    "shared": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "directories": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "str", "default": []},
        },
    },
    "tls": {
        "type": "dict",
        "options": {
            "mode": {"type": "str", "choices": ["provided", "self_signed", "off"], "default": "provided"},
            "certificate": {"type": "str"},
            "key": {"type": "str"},
            "port": {"type": "int", "default": 443},
            "redirect": {"type": "bool", "default": True},
            "hsts": {"type": "int", "default": 0},
            "hsts_subdomains": {"type": "bool", "default": False},
            "http3": {"type": "bool", "default": False},
        },
    },
    "release_commands": {"type": "list", "elements": "str", "default": []},
    "release_command_timeout": {"type": "float", "default": 300},
    "drain": {"type": "float", "default": 30},
    "watch": {"type": "float", "default": 1},
    "keep_releases": {"type": "int", "default": 3},
}
"""The keys of an entry, as an Ansible argument spec. docs/flask_apps.md describes each."""


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
        problems += _find_site_problems(_present(checked))
    if problems:
        raise Problem("flask_apps cannot be deployed as described; nothing was changed:\n" + "\n".join(f"- {p}" for p in problems))
    return checked


def is_absent(app: App) -> bool:
    """Return whether an app is to be taken off the host."""
    return bool(app.get("state") == "absent")


def _present(apps: Sequence[App]) -> list[App]:
    return [app for app in apps if not is_absent(app)]


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
    shared = _list_shared(app)
    for path in shared:
        if path == "." or any(other != path and path.startswith(f"{other}/") for other in shared) or shared.count(path) > 1:
            yield f"shared names {path!r}, which is the whole source, or within another place that is shared, or named twice"


def _find_variable_problems(app: App) -> Iterator[str]:
    for key, value in app["env"].items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            yield f"env.{key} is {type(value).__name__}, and a variable holds text; put the value in quotes"
    yield from find_environment_problems(_as_text(app["env"]))


def _find_health_problems(app: App) -> Iterator[str]:
    health = app["health"]
    if not re.fullmatch(r"/[!-~]*", health["path"]):
        yield f"health.path is {health['path']!r}; it must begin with '/' and be as a browser sends it, such as '/health'"
    for status in health["statuses"]:
        if not 100 <= status <= 599:
            yield f"health.statuses has {status}; a status code is a number from 100 to 599"


def _find_tls_problems(app: App) -> Iterator[str]:
    if not _is_encrypted(app):
        return
    tls = app["tls"]
    given = [key for key in ("certificate", "key") if tls[key]]
    if tls["mode"] == "self_signed":
        if given:
            yield f"tls.{given[0]} is given, but with tls.mode self_signed it would not be used; take one of the two out"
        if not _certifiable_names(app):
            yield "tls.mode is self_signed, and server_names has no name that a certificate can be for; add one without `*` at its end"
    elif len(given) < 2:
        yield "tls needs both `certificate` and `key`, or one of the modes self_signed and off"
    elif _is_pem(tls["certificate"]) != _is_pem(tls["key"]):
        yield "tls.certificate and tls.key must be of one kind: paths on the machine, or the texts themselves"


def _is_encrypted(app: App) -> bool:
    return app["tls"] is not None and app["tls"]["mode"] != "off"


def _is_kept_by_us(app: App) -> bool:
    """Return whether the role certificates takes care of the certificate; otherwise it is on the machine already."""
    return _is_encrypted(app) and (app["tls"]["mode"] == "self_signed" or _is_pem(app["tls"]["certificate"]))


def _is_pem(text: str) -> bool:
    return "-----BEGIN " in text


def _certifiable_names(app: App) -> list[str]:
    """Return the names that a certificate can be for: a wildcard stands for the first label, never for the last."""
    return [name for name in app["server_names"] if not name.endswith("*")]


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
    sites = [_site_input(app) for app in apps]
    return [below_nginx.sub(r"\1.nginx.\2", problem) for problem in find_site_problems(sites, "flask_apps")]


def _find_repetitions(apps: Sequence[App]) -> Iterator[str]:
    for name, count in Counter(app["name"] for app in apps).items():
        if count > 1:
            yield f"flask_apps names {name!r} {count} times; give each app its own name"
    owners: dict[tuple[str, int], list[str]] = {}
    for app in _present(apps):
        ports = {app["nginx"]["listen_port"], _front_port(app)}
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


def _as_text(variables: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in variables.items()}


def list_public_directories(app: App) -> list[str]:
    """Return the directories of the source that the web server serves by itself."""
    return [path for mapping in list_static_mappings(app) for path in mapping["paths"]]


def list_static_mappings(app: App) -> list[dict[str, Any]]:
    """Return the static mappings of an app: by default Flask's own, a directory `static` at the top or in the app's package.

    A mapping that finds no file costs nothing: the request falls through to the app.
    """
    if app["static"] is not None:
        return list(app["static"])
    top = [part for part in app["chdir"].split("/") if part not in ("", ".")]
    package = _entry_point(app).partition(":")[0].partition(".")[0]
    tops = [top, [*top, package]] if package else [top]
    paths = [path for path in ("/".join([*top, "static"]) for top in tops) if _NGINX_PATH.fullmatch(path)]
    return [{"url": "/static/", "paths": paths}] if paths else []


def source_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `app_source_apps`."""
    return [
        {"name": app["name"], "public": list_public_directories(app), "shared": _list_shared(app), **_given(app["source"])}
        for app in _present(apps)
    ]


def _list_shared(app: App) -> list[str]:
    return [_tidy(path) for kind in ("directories", "files") for path in app["shared"][kind]]


def environment_inputs(apps: Sequence[App], builds: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `python_pipenv_apps`, given what became of the builds."""
    return [
        {
            "name": app["name"],
            "build": builds[app["name"]].get("id") or "",
            "additions": [*list_worker_packages(app["gunicorn"].get("worker_class", "")), *([_DOTENV] if app["env_files"] else [])],
            **_given(app["dependencies"]),
        }
        for app in _present(apps)
    ]


def release_inputs(
    apps: Sequence[App], builds: Mapping[str, Mapping[str, Any]], environments: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return `gunicorn_systemd_apps`, given what became of the builds and the environments."""
    return [
        {
            "name": app["name"],
            "build": builds[app["name"]].get("id") or "",
            "version": builds[app["name"]].get("version") or "",
            "environment": environments[app["name"]].get("id") or "",
            "wsgi": _entry_point(app),
            "chdir": app["chdir"],
            **_mounted(app),
            "env_files": list(app["env_files"]),
            "python_path": list(app["python_path"]),
            "service": dict(app["service"]),
            "commands": list(app["release_commands"]),
            "command_timeout": app["release_command_timeout"],
            "shared": {kind: [_tidy(path) for path in paths] for kind, paths in app["shared"].items()},
            "keep": app["keep_releases"],
            **_switch_input(app),
        }
        for app in _present(apps)
    ]


def switch_inputs(apps: Sequence[App], only: str = "") -> list[dict[str, Any]]:
    """Return what the module `rollback` needs of each app, or of the one that is named."""
    chosen = [app for app in _present(apps) if only in ("", app["name"])]
    if not chosen:
        raise Problem(f"flask_apps names no app {only!r}; it names {', '.join(app['name'] for app in apps)}")
    return [{"name": app["name"], **_switch_input(app)} for app in chosen]


def _switch_input(app: App) -> dict[str, Any]:
    return {
        "health": {**app["health"], "path": _prefix(app) + app["health"]["path"]},
        "front": {"host": _concrete_name(app["server_names"]), "port": _front_port(app), "tls": _is_encrypted(app)},
        "drain": app["drain"],
        "watch": app["watch"],
    }


def site_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `nginx_site_sites`.

    A page that was loaded before a switch asks for files of the former release after it: they are looked for, too.
    """
    present = _present(apps)
    sites = [_site_input(app) for app in present]
    for app, site in zip(present, sites, strict=True):
        layout = AppLayout.of(app["name"])
        site["root"] = str(layout.root)
        for mapping in site["static"]:
            releases = (layout.current, layout.previous)
            mapping["paths"] = [f"{release.name}/app/{path}" for release in releases for path in mapping["paths"]]
    return sites + [{"name": app["name"], "state": "absent"} for app in apps if is_absent(app)]


def _site_input(app: App) -> dict[str, Any]:
    """Return a site of the role nginx_site with the paths as the user wrote them, for messages to show them."""
    return {
        "name": app["name"],
        "server_names": list(app["server_names"]),
        "upstream": f"unix:{AppLayout.of(app['name']).current}/gunicorn.sock",
        "path": app["path"],
        "root": f"{AppLayout.of(app['name']).current}/app",
        "static": [_given(mapping) for mapping in list_static_mappings(app)],
        **({"tls": _tls_input(app)} if _is_encrypted(app) else {}),
        **_given(app["nginx"]),
    }


def _tls_input(app: App) -> dict[str, Any]:
    tls = {key: value for key, value in app["tls"].items() if key != "mode"}
    if _is_kept_by_us(app):
        path = f"{CERTIFICATE_ROOT}/{app['name']}.pem"
        tls |= {"certificate": path, "key": path}
    return tls


def certificate_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `certificates_certificates`: what is to be made or put on the machine, and what apps that are absent leave behind."""
    kept = [
        {"name": app["name"], "names": _certifiable_names(app), **_given({key: app["tls"][key] for key in ("certificate", "key")})}
        for app in _present(apps)
        if _is_kept_by_us(app)
    ]
    return kept + [{"name": app["name"], "state": "absent"} for app in apps if is_absent(app)]


def hosts_inputs(apps: Sequence[App], address: str) -> list[dict[str, Any]]:
    """Return `etc_hosts_entries`: the names that a hosts file can hold, which has no wildcards."""
    entries = [{"address": address, "names": [name for name in app["server_names"] if "*" not in name]} for app in _present(apps)]
    return [entry for entry in entries if entry["names"]]


def _entry_point(app: App) -> str:
    return str(app["wsgi"] or app["asgi"])


def _tidy(path: str) -> str:
    """Return a relative path without what does not count, such as `instance` for `./instance/`."""
    return posixpath.normpath(path)


def removal_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `app_removal_apps`."""
    return [{"name": app["name"], "remove_data": app["remove_data"]} for app in apps if is_absent(app)]


def without_app(apps: Sequence[App], name: str, *, remove_data: bool = False) -> list[App]:
    """Return the apps with one of them, which need not be among them, to be absent."""
    check_name(name)
    return [*(app for app in apps if app["name"] != name), {"name": name, "state": "absent", "remove_data": remove_data}]


def _prefix(app: App) -> str:
    """Return what comes before every address of the app: nothing, or its `path`."""
    prefix: str = app["path"].rstrip("/")
    return prefix


def _mounted(app: App) -> dict[str, dict[str, Any]]:
    """Return the variables and the settings by which gunicorn tells an app of its `path`; what the user says comes first.

    For WSGI every gunicorn reads SCRIPT_NAME from its environment, whoever connects and whichever headers it trusts; for
    ASGI, gunicorn 24 and later have a setting.
    """
    prefix, variables = _prefix(app), _as_text(app["env"])
    settings = {**({"worker_class": "asgi"} if app["asgi"] else {}), **app["gunicorn"]}
    if prefix and settings.get("worker_class") == "asgi":
        settings = {"root_path": prefix, **settings}
    elif prefix:
        variables = {"SCRIPT_NAME": prefix, **variables}
    return {"env": variables, "gunicorn": settings}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _front_port(app: App) -> int:
    """Return the port on which users are served."""
    port: int = app["tls"]["port"] if _is_encrypted(app) else app["nginx"]["listen_port"]
    return port


def _concrete_name(server_names: Sequence[str]) -> str:
    name = next((name for name in server_names if "*" not in name), None)
    return name or server_names[0].replace("*", "www")


def summarise(apps: Sequence[App], result: Mapping[str, Any]) -> list[str]:
    """Return a line for each app that a run took care of: its address, its release, what was done, and where its logs are."""
    return [_summarise_app(app, result["releases"][app["name"]]) for app in _present(apps) if app["name"] in result.get("releases", {})]


def summarise_removal(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each app that a run was to remove: what went, and where its data are."""
    return [_summarise_removed(name, outcome) for name, outcome in result.get("apps", {}).items()]


def _summarise_removed(name: str, outcome: Mapping[str, Any]) -> str:
    if not outcome["changed"]:
        return f"{name}: is not on the host"
    kept = (
        f"a copy of its data is {outcome['backup']}"
        if outcome.get("backup")
        else "its data, if it had any, are still in its directory `shared`"
    )
    return f"{name}: removed ({len(outcome['removed'])} parts); {kept}"


def _summarise_app(app: App, outcome: Mapping[str, Any]) -> str:
    name, port = app["name"], _front_port(app)
    scheme, usual = ("https", 443) if _is_encrypted(app) else ("http", 80)
    address = f"{scheme}://{_concrete_name(app['server_names'])}{'' if port == usual else f':{port}'}{_prefix(app)}/"
    done = "; ".join(outcome.get("notes", [])) or "nothing changed"
    logs = f"journalctl -u '{name}@*', /var/log/nginx/{name}.*.log"
    return f"{name}: {address} serves release {outcome.get('current')} ({done}). Logs: {logs}"
