# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One entry of the user's list `flask_apps`, checked: what follows from what it says."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import is_pem
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils._layout import (
    CERTIFICATE_ROOT,
    SERVICE_PORT,
    AppLayout,
    find_service_address,
)
from ansible_collections.webstack.flask.plugins.module_utils._nginx.config import PROXY_PROTOCOL
from ansible_collections.webstack.flask.plugins.module_utils._source.git import split_credentials
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import PROCFILE
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import NO_CONFIG

App = Mapping[str, Any]
"""An entry with its defaults filled in."""


GIT_ACCESS = ("git_access", "ssh_key", "known_hosts")
"""Keys of `dependencies` that say what the installation shows to git servers."""

NO_PROCFILE = "none"
"""The value of `processes` that says of a Procfile of the source that it is meant for elsewhere."""

_NGINX_PATH = re.compile(r"[A-Za-z0-9_@+./-]+")
"""The paths that the role nginx_site takes; a default must not be what it refuses."""


def is_absent(app: App) -> bool:
    """Return whether an app is to be taken off the host."""
    return bool(app.get("state") == "absent")


def list_present(apps: Sequence[App]) -> list[App]:
    """Return the apps that are to be on the host."""
    return [app for app in apps if not is_absent(app)]


def list_mates(apps: Sequence[App], app: App) -> list[str]:
    """Return the other apps that are to be on the host and are switched together with one."""
    return [other["name"] for other in list_present(apps) if app["group"] and other["group"] == app["group"] and other is not app]


def takes_procfile(app: App) -> bool:
    """Return whether the processes of the app are those of the Procfile in its source."""
    return bool(app["processes"] == PROCFILE)


def passes_procfile(app: App) -> bool:
    """Return whether a Procfile in the source is to be passed over without a word."""
    return bool(app["processes"] == NO_PROCFILE)


def described_processes(app: App) -> Mapping[str, Mapping[str, Any]]:
    """Return the processes that the description has itself, by name."""
    return app["processes"] if isinstance(app["processes"], Mapping) else {}


def is_encrypted(app: App) -> bool:
    """Return whether users reach the app by HTTPS."""
    return app["tls"] is not None and app["tls"]["mode"] != "off"


def is_kept_by_us(app: App) -> bool:
    """Return whether the role certificates takes care of the certificate; otherwise it is on the machine already."""
    return is_encrypted(app) and (app["tls"]["mode"] != "provided" or is_pem(app["tls"]["certificate"]))


def is_acme(app: App) -> bool:
    """Return whether a CA issues the app's certificate, so that there may be none yet."""
    return is_encrypted(app) and bool(app["tls"]["mode"] == "acme")


def certificate_name(app: App) -> str:
    """Return the name of the app's certificate: its own, or that of another one with which it has names in common."""
    return str(app["together"]["certificate"] if "together" in app else app["name"])


def names_on_certificate(app: App) -> list[str]:
    """Return the names for which the app's certificate is: its own, and those of apps with which it has names in common."""
    return list(app["together"]["server_names"] if "together" in app else app["server_names"])


def certificate_file(app: App) -> str:
    """Return the file of a certificate that the role certificates takes care of."""
    return f"{CERTIFICATE_ROOT}/{certificate_name(app)}.pem"


def as_certified(app: App, outcome: Mapping[str, Any] | None) -> App:
    """Return an app as it can be served, given what the role certificates says of its certificate.

    Until a CA has issued one, the app is served over HTTP. So are the names that it does not cover.
    """
    if not is_acme(app):
        return app
    covered = (outcome or {}).get("covered", [])
    if not covered:
        return {**app, "tls": None}
    return {**app, "tls": {**app["tls"], "server_names": covered if len(covered) < len(names_on_certificate(app)) else []}}


def list_certifiable_names(app: App) -> list[str]:
    """Return the names that a certificate can be for: a wildcard stands for the first label, never for the last."""
    return [name for name in names_on_certificate(app) if not name.endswith("*")]


def as_text(variables: Mapping[str, Any]) -> dict[str, str]:
    """Return variables as a process gets them."""
    return {str(key): str(value) for key, value in variables.items()}


def list_public_paths(app: App) -> list[str]:
    """Return the directories and files of the source that the web server serves by itself."""
    page = app["maintenance"]["page"]
    return [*(path for mapping in list_static_mappings(app) for path in mapping["paths"]), *([page] if page else [])]


def list_static_mappings(app: App) -> list[dict[str, Any]]:
    """Return the static mappings of an app: by default Flask's own, a directory `static` at the top or in the app's package.

    A mapping that finds no file costs nothing: the request falls through to the app.
    """
    if not has_web(app):
        return []
    if app["static"] is not None:
        return list(app["static"])
    top = [part for part in app["chdir"].split("/") if part not in ("", ".")]
    package = entry_point(app).partition(":")[0].partition(".")[0]
    tops = [top, [*top, package]] if package else [top]
    paths = [path for path in ("/".join([*top, "static"]) for top in tops) if _NGINX_PATH.fullmatch(path)]
    return [{"url": "/static/", "paths": paths}] if paths else []


def list_shared(app: App) -> list[str]:
    """Return the places in the source that are kept from release to release."""
    return [tidy(path) for kind in ("directories", "files") for path in app["shared"][kind]]


def list_public_data(app: App) -> list[str]:
    """Return the directories that the description names in `static`, and that are, or lie in, directories of `shared`."""
    named = [path for mapping in app["static"] or () for path in mapping["paths"]]
    return sorted({tidy(path) for path in named if is_data(app, path)})


def is_data(app: App, path: str) -> bool:
    """Return whether a path of the source is, or lies in, a directory of `shared`."""
    return any(_is_in(path, place) for place in app["shared"]["directories"])


def _is_in(path: str, place: str) -> bool:
    return tidy(path) == tidy(place) or tidy(path).startswith(f"{tidy(place)}/")


def list_places(app: App) -> dict[str, list[str]]:
    """Return the paths that the source must have because the description names them, by the key that does."""
    dependencies = app["dependencies"]
    file, wheels, config = dependencies["file"], dependencies["wheels"], app["gunicorn"].get("config")
    page = app["maintenance"]["page"]
    named = {
        "chdir": [app["chdir"]],
        "python_path": app["python_path"],
        "static.paths": [path for mapping in app["static"] or () for path in mapping["paths"]],
        "env_files": app["env_files"],
        "gunicorn.config": [config] if isinstance(config, str) and config != NO_CONFIG else [],
        "processes": [PROCFILE] if takes_procfile(app) else [],
        "dependencies.file": [file] if file and file != "none" else [],
        "dependencies.wheels": [wheels] if wheels and not wheels.startswith("/") else [],
        "maintenance.page": [page] if page else [],
    }
    tidied = {key: sorted({tidy(path) for path in paths if tidy(path) != "."}) for key, paths in named.items()}
    # Empty, it says that the file which gunicorn would read by itself is not to count.
    return {key: paths for key, paths in tidied.items() if paths or (key == "gunicorn.config" and config == NO_CONFIG)}


def build_step(app: App) -> dict[str, Any] | None:
    """Return what the role python_pipenv is to do to the app's build; None where there is nothing."""
    if not app["build_commands"]:
        return None
    return {
        "commands": list(app["build_commands"]),
        "environment": {**flask_variables(app), **as_text(app["build_env"])},
        "chdir": tidy(app["chdir"]),
        "python_path": [tidy(path) for path in app["python_path"]],
        "places": list_places(app),
        "shared": list_shared(app),
        "public": list_public_paths(app),
    }


def build_recipe(app: App) -> str | None:
    """Return what distinguishes a build in which commands were run from its source; None where there are no commands."""
    step = build_step(app)
    if step is None:
        return None
    dependencies = {key: app["dependencies"][key] for key in ("file", "packages", "python", "wheels")}
    return digest_of([{key: step[key] for key in ("commands", "environment", "chdir", "python_path")}, dependencies])


def git_access(app: App) -> dict[str, Any] | None:
    """Return what the app's installation shows to git servers; None where the description gives it nothing."""
    source, own = app["source"], app["dependencies"]
    lent = {"ssh_key": source["ssh_key"], "known_hosts": source["known_hosts"], "url": source["git"]} if own["git_access"] else {}
    if split_credentials(lent.get("url") or "")[1] is None:
        lent.pop("url", None)
    return {**given(lent), **given({key: own[key] for key in ("ssh_key", "known_hosts")})} or None


def flask_variables(app: App) -> dict[str, str]:
    """Return what tells the command `flask` of the app, unless somebody has: a file of variables may."""
    return {"FLASK_APP": app["wsgi"]} if app["wsgi"] and not app["env_files"] else {}


def site_input(app: App) -> dict[str, Any]:
    """Return a site of the role nginx_site with the paths as the user wrote them, for messages to show them."""
    return {
        "name": app["name"],
        "server_names": list(app["server_names"]),
        "upstream": f"unix:{AppLayout.of(app['name']).current}/gunicorn.sock",
        "path": app["path"],
        "root": f"{AppLayout.of(app['name']).current}/app",
        "static": [given(mapping) for mapping in list_static_mappings(app)],
        "maintenance": _maintenance_input(app),
        **({"tls": _tls_input(app)} if is_encrypted(app) else {}),
        **given(app["nginx"]),
        **(_internal_input(app) if app["internal"] else {}),
    }


def _maintenance_input(app: App) -> dict[str, Any]:
    settings = {key: value for key, value in app["maintenance"].items() if key != "page"}
    page = app["maintenance"]["page"]
    return {"file": AppLayout.of(app["name"]).maintenance.name, "pages": [] if page is None else [page], **settings}


def _internal_input(app: App) -> dict[str, Any]:
    address = find_service_address(app["name"])
    internal = {"address": address, "callers": list(app.get("callers", ()))}
    return {"server_names": [address], "listen_port": SERVICE_PORT, "internal": internal}


def _tls_input(app: App) -> dict[str, Any]:
    tls = {key: value for key, value in app["tls"].items() if key not in ("mode", "challenge")}
    if is_kept_by_us(app):
        tls |= {"certificate": certificate_file(app), "key": certificate_file(app)}
    return tls


def has_web(app: App) -> bool:
    """Return whether an app has a web process. One that has none is nothing but processes and jobs: a bot, a consumer."""
    return app["wsgi"] is not None or app["asgi"] is not None


def entry_point(app: App) -> str:
    """Return what gunicorn starts from."""
    return str(app["wsgi"] or app["asgi"])


def tidy(path: str) -> str:
    """Return a relative path without what does not count, such as `instance` for `./instance/`."""
    return posixpath.normpath(path)


def path_prefix(app: App) -> str:
    """Return what comes before every address of the app: nothing, or its `path`."""
    prefix: str = app["path"].rstrip("/")
    return prefix


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that the user gave or that have a default."""
    return {key: value for key, value in values.items() if value is not None}


def public_port(app: App) -> int:
    """Return the port on which users are served."""
    if app["internal"]:
        return SERVICE_PORT
    port: int = app["tls"]["port"] if is_encrypted(app) else app["nginx"]["listen_port"]
    return port


def wants_proxy_protocol(app: App) -> bool:
    """Return whether balancers tell of visitors by the PROXY protocol, so that nginx answers to nobody who does not speak it."""
    return bool(app["nginx"]["trusted_header"] == PROXY_PROTOCOL)


def concrete_name(server_names: Sequence[str]) -> str:
    """Return a name under which the app is asked and shown."""
    name = next((name for name in server_names if "*" not in name), None)
    return name or server_names[0].replace("*", "www")
