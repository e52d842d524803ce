# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each role needs of the user's list `flask_apps`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import PORT
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import (
    SERVICE_PORT,
    AppLayout,
    check_name,
    find_service_address,
    name_service_variable,
)
from ansible_collections.webstack.flask.plugins.module_utils._nginx.plan import NginxLayout
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    GIT_ACCESS,
    App,
    as_certified,
    as_text,
    build_recipe,
    build_step,
    certificate_file,
    certificate_name,
    concrete_name,
    entry_point,
    flask_variables,
    git_access,
    given,
    has_web,
    is_absent,
    is_acme,
    is_data,
    is_encrypted,
    list_certifiable_names,
    list_mates,
    list_places,
    list_present,
    list_public_data,
    list_public_paths,
    list_shared,
    path_prefix,
    public_port,
    site_input,
    tidy,
    wants_proxy_protocol,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.databases import (
    DATABASE_UNIT,
    authority_of,
    database_variables,
    has_own_database,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.procfile import list_processes
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.redis import redis_units, redis_variables
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.services import describe_users, find_users
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.workers import list_worker_packages

_DOTENV = "python-dotenv==1.2.4"
"""Reads the `env_files` of an app that does not bring it."""

_KINDS = ("builds", "environments", "databases", "instances", "backups", "notifications", "exporters", "releases")
"""Keys under which the roles hand on what became of each app, and of what gives metrics."""


def without_failed(apps: Sequence[App], results: Sequence[Mapping[str, Any]]) -> list[App]:
    """Return the apps for which no role has failed so far, given what the roles have handed on, nor for one of the same group."""
    held = find_held(apps, results)
    return [app for app in apps if app["name"] not in held]


def find_held(apps: Sequence[App], results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return for which app a role has failed, by the name of each app that stays as it is for that: itself, or those of its group."""
    failed = find_failures(results)
    held = {name: name for name in failed}
    for app in list_present(apps):
        cause = next((mate for mate in list_mates(apps, app) if mate in failed), None)
        if cause is not None:
            held.setdefault(app["name"], cause)
    return held


def find_failures(results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return why roles have failed for apps, by the app's name."""
    outcomes = [outcome for result in results for kind in _KINDS for outcome in result.get(kind, {}).items()]
    return {name: outcome["error"] for name, outcome in outcomes if "error" in outcome}


def list_failures(results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a line for each app for which a role has failed."""
    return [f"{name}: {error}" for name, error in find_failures(results).items()]


def source_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `app_source_apps`."""
    return [
        {
            "name": app["name"],
            "public": list_public_paths(app),
            "shared": list_shared(app),
            "places": list_places(app),
            **given({"dependency_file": app["dependencies"]["file"], "recipe": build_recipe(app)}),
            **given(app["source"]),
        }
        for app in list_present(apps)
    ]


def environment_inputs(apps: Sequence[App], builds: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `python_pipenv_apps`, given what became of the builds."""
    return [
        {
            "name": app["name"],
            "build": builds[app["name"]].get("id") or "",
            "additions": [*list_worker_packages(app["gunicorn"].get("worker_class", "")), *([_DOTENV] if app["env_files"] else [])],
            **given({"outline": builds[app["name"]].get("outline"), "step": build_step(app)}),
            **given({**app["dependencies"], **dict.fromkeys(GIT_ACCESS), "git_credentials": git_access(app)}),
        }
        for app in list_present(apps)
    ]


def release_inputs(
    apps: Sequence[App],
    builds: Mapping[str, Mapping[str, Any]],
    environments: Mapping[str, Mapping[str, Any]],
    database_port: int = PORT,
) -> list[dict[str, Any]]:
    """Return `gunicorn_systemd_apps`, given what became of the builds and the environments, and the port of the host's PostgreSQL."""
    return [
        {
            "name": app["name"],
            "build": builds[app["name"]].get("id") or "",
            "version": builds[app["name"]].get("version") or "",
            "environment": environments[app["name"]].get("id") or "",
            **({"wsgi": entry_point(app)} if has_web(app) else {}),
            "chdir": app["chdir"],
            **_mounted(app, database_port),
            **given({"after": [*([DATABASE_UNIT] if has_own_database(app) else []), *redis_units(app)] or None}),
            "env_files": list(app["env_files"]),
            "python_path": list(app["python_path"]),
            "service": dict(app["service"]),
            **({"services": [_service_input(service) for service in app["uses"]]} if app["uses"] else {}),
            **_named_units("processes", list_processes(app, builds[app["name"]].get("procfile"))),
            **_named_units("schedules", app["schedules"]),
            "commands": list(app["release_commands"]),
            **({"database": {"dumps": app["database"]["dumps"], **authority_of(app)}} if app["database"] else {}),
            **({"setup": list(app["setup_commands"])} if app["setup_commands"] else {}),
            "command_timeout": app["release_command_timeout"],
            "shared": {kind: [tidy(path) for path in paths] for kind, paths in app["shared"].items()},
            "public": list_public_data(app),
            "keep": app["keep_releases"],
            **_switch_input(app),
        }
        for app in list_present(apps)
    ]


def _service_input(service: str) -> dict[str, Any]:
    return {
        "name": service,
        "variable": name_service_variable(service),
        "address": find_service_address(service),
        "port": SERVICE_PORT,
        "callers": str(NginxLayout().callers_of(service)),
    }


def _named_units(key: str, described: Mapping[str, Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    units = [{"name": name, **given(one)} for name, one in described.items()]
    return {key: units} if units else {}


def switch_inputs(apps: Sequence[App], only: str = "") -> list[dict[str, Any]]:
    """Return what the module `rollback` needs of each app, or of the one that is named, and of those of its group."""
    chosen = [app for app in list_present(apps) if only in ("", app["name"], *list_mates(apps, app))]
    if not chosen:
        raise UserError(f"flask_apps names no app {only!r}; it names {', '.join(app['name'] for app in apps)}")
    return [{"name": app["name"], **_switch_input(app)} for app in chosen]


def _switch_input(app: App) -> dict[str, Any]:
    return {
        "health": {**app["health"], "path": path_prefix(app) + app["health"]["path"]},
        **({"proxy": _proxy_input(app)} if has_web(app) else {}),
        "drain": app["drain"],
        "watch": app["watch"],
        **({"group": app["group"]} if app["group"] else {}),
    }


def _proxy_input(app: App) -> dict[str, Any]:
    if app["internal"]:
        address = find_service_address(app["name"])
        internal = {"address": address, "port": SERVICE_PORT, "host": f"{address}:{SERVICE_PORT}", "internal": True}
        return {**internal, "proof": str(NginxLayout().proof_of(app["name"]))}
    host = concrete_name(app["server_names"])
    both: dict[str, Any] = {"proof": str(NginxLayout().proof_of(app["name"]))}
    if wants_proxy_protocol(app):
        both["proxy_protocol"] = True
    if not is_acme(app):
        return {"host": host, "port": public_port(app), "tls": is_encrypted(app), **both}
    # The host knows whether it has the certificate yet, and for which names.
    names = [concrete_name([name]) for name in sorted(app["server_names"], key=lambda name: "*" in name)]
    certified = {"certificate": certificate_file(app), "encrypted_port": public_port(app), "names": names}
    return {"host": host, "port": app["nginx"]["listen_port"], "certified": certified, **both}


def site_inputs(
    apps: Sequence[App],
    certificates: Mapping[str, Mapping[str, Any]] | None = None,
    results: Sequence[Mapping[str, Any]] | None = None,
    live: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return `nginx_site_sites`, given what became of the certificates, what the roles have handed on, and what `host_info` says is live.

    The sites of apps for which a role has failed stay as they are. One that has names in common with others stays beside them if it is
    live, below the path that it has, and a live service goes on for those who call it. An app without a web process has none; where users
    reach one that a former release has, theirs stays for as long as they do.

    A page that was loaded before a switch asks for files of the former release after it: they are looked for, too. Data of the app are
    the same for all releases, and nginx takes them from where they are.
    """
    held = find_held(apps, results or ())
    going = [app for app in apps if app["name"] not in held]
    staying = [app for app in apps if app["name"] in held and _is_live(app, live or {}) and _is_wanted(app, going)]
    chosen = [app for app in list_present(apps) if has_web(app) and (app in going or app in staying)]
    present = [as_certified(app, (certificates or {}).get(certificate_name(app))) for app in chosen]
    sites = [site_input(app) for app in present]
    for app, site in zip(present, sites):
        layout = AppLayout.of(app["name"])
        site["root"] = str(layout.root)
        for mapping in site["static"]:
            if app["static"] is not None and any(is_data(app, path) for path in mapping["paths"]):
                mapping["paths"] = [f"{layout.shared.name}/{tidy(path)}" for path in mapping["paths"]]
                mapping["uploads_in"] = layout.shared.name
            else:
                releases = (layout.current, layout.previous)
                mapping["paths"] = [f"{release.name}/app/{path}" for release in releases for path in mapping["paths"]]
        site["maintenance"]["pages"] = [f"{layout.current.name}/app/{path}" for path in site["maintenance"]["pages"]]
    left = [app for app in apps if leaves_web(app, live)]
    gone = [app for app in going if app not in left and (is_absent(app) or not has_web(app))]
    return [
        *sites,
        *({"name": app["name"], "state": "kept"} for app in left),
        *({"name": app["name"], "state": "absent"} for app in gone),
    ]


def leaves_web(app: App, live: Mapping[str, str] | None) -> bool:
    """Return whether users reach a web process of an app that is to have none, given which page each live release is asked for."""
    return not is_absent(app) and not has_web(app) and bool((live or {}).get(app["name"]))


def _is_live(app: App, live: Mapping[str, str]) -> bool:
    """Return whether an app has a release, and that is below the path that the app is to have."""
    return live.get(app["name"], "").startswith(f"{path_prefix(app)}/")


def _is_wanted(app: App, others: Sequence[App]) -> bool:
    """Return whether the site of an app has to be written for others: they have names in common with it, or call it."""
    return _has_beside(app, others) or any(app["name"] in other["uses"] for other in list_present(others))


def _has_beside(app: App, others: Sequence[App]) -> bool:
    """Return whether one of the others has names in common with an app."""
    return "together" in app and any(other.get("together") == app["together"] for other in others)


def certificate_inputs(
    apps: Sequence[App],
    has_certbot: bool = False,  # noqa: FBT001, FBT002 - a filter
    live: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return `certificates_certificates`: what is to be made, asked for, or checked, and what is left of apps that need none.

    With `has_certbot` these are those without encryption, and those that have that of another app, too: it would go on renewing what they
    had before. What a `live` release needs that is to have no site any more stays with it.
    """
    kept = {
        certificate_name(app): {"name": certificate_name(app), "names": list_certifiable_names(app), **_certificate_source(app)}
        for app in list_present(apps)
        if is_encrypted(app)
    }
    without = [app["name"] for app in apps if is_absent(app) or (has_certbot and app["name"] not in kept and not leaves_web(app, live))]
    return [*kept.values(), *({"name": name, "state": "absent"} for name in without)]


def _certificate_source(app: App) -> dict[str, Any]:
    return {"acme": app["tls"]["challenge"]} if is_acme(app) else given({key: app["tls"][key] for key in ("certificate", "key")})


def hosts_inputs(
    apps: Sequence[App], address: str, result: Mapping[str, Any] | None = None, live: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return `etc_hosts_entries`: the names of each app that a hosts file can hold, which has no wildcards. One that is absent has none.

    One that is to have no web process any more keeps those that it had until the new release has taken over, given the `result` of the
    releases and what was `live` before.
    """
    return [_named(app, address) for app in apps if not leaves_web(app, live) or _has_arrived(app, result or {})]


def _has_arrived(app: App, result: Mapping[str, Any]) -> bool:
    """Return whether a run has taken an app to the release that is described."""
    return "error" not in result.get("releases", {}).get(app["name"], {"error": "not released"})


def _named(app: App, address: str) -> dict[str, Any]:
    names = [name for name in app.get("server_names", []) if "*" not in name]
    if is_absent(app):
        return {"app": app["name"], "address": address, "names": [], **({"former": names} if names else {})}
    return {"app": app["name"], "address": address, "names": names}


def withdrawn_sites(
    sites: Sequence[Mapping[str, Any]], former: Mapping[str, Sequence[str]] | None, results: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return `nginx_site_sites` by which those call services no more that use them no more, of those that were let in so far (`former`).

    Who has failed goes on with its former release, which uses what it has used.
    """
    failed, former = find_failures(results), former or {}
    return [
        {**site, "internal": {**site["internal"], "callers": [*site["internal"]["callers"], *(set(former[site["name"]]) & failed.keys())]}}
        for site in sites
        if site.get("internal") and not failed.keys() >= set(former.get(site["name"], ()))
    ]


def list_last_sites(
    result: Mapping[str, Any],
    apps: Sequence[App] | None = None,
    certificates: Mapping[str, Mapping[str, Any]] | None = None,
    live: Mapping[str, str] | None = None,
    earlier: Sequence[Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Return `nginx_site_sites` that takes away those behind which there is nobody when a run ends; none where there are none.

    They are those of apps that have failed, and that users have never reached, and of those that have no web process any more, now that
    their new release has taken over. What has names in common with one of them is served without it: of `apps`, given what became of the
    certificates, what was `live` before, and what the roles before that for releases have handed on.
    """
    releases, before = result.get("releases") or {}, live or {}
    never = [name for name, outcome in releases.items() if "error" in outcome and not _is_reached(outcome, before.get(name))]
    left = _list_left(result, apps or (), before)
    staying = {name: page for name, page in before.items() if name not in left}
    gone = [app for app in apps or () if app["name"] in never]
    going = [app for app in apps or () if app["name"] not in never]
    if not left:
        served = [app for app in list_present(going) if app["name"] in releases or _is_live(app, before)]
        going = [app for app in served if _has_beside(app, gone)]
    return [*site_inputs(going, certificates, earlier if left else (), staying), *({"name": name, "state": "absent"} for name in never)]


def list_left_certificates(result: Mapping[str, Any], apps: Sequence[App], live: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return `certificates_certificates` that takes away those of apps that have no web process any more."""
    return [{"name": name, "state": "absent"} for name in _list_left(result, apps, live)]


def _list_left(result: Mapping[str, Any], apps: Sequence[App], live: Mapping[str, str]) -> list[str]:
    """Return the apps whose web process has gone in this run, for their new release has none."""
    return [app["name"] for app in apps if leaves_web(app, live) and _has_arrived(app, result)]


def _is_reached(outcome: Mapping[str, Any], page: str | None) -> bool:
    """Return whether users reach an app that has failed: its current release, if that is not one of before that has no web process."""
    return bool(outcome.get("current")) and not (page == "" and outcome["current"] == outcome.get("previous"))


def listen_ports(apps: Sequence[App]) -> list[int]:
    """Return the ports on which nginx is to listen."""
    return sorted({port for app in list_present(apps) if has_web(app) for port in _ports_of(app)})


def _ports_of(app: App) -> tuple[int, int]:
    return SERVICE_PORT if app["internal"] else app["nginx"]["listen_port"], public_port(app)


def port_problems(apps: Sequence[App], listeners: Mapping[str, Sequence[Mapping[str, str]]]) -> list[str]:
    """Return a sentence for each port on which nginx is to listen and another program does; `listeners` is what host_info says of them."""
    problems = []
    for port in listen_ports(apps):
        holders = listeners.get(str(port), [])
        if not holders or any(_is_debians_nginx(holder) for holder in holders):
            continue
        users = [app for app in list_present(apps) if has_web(app) and port in _ports_of(app)]
        wanted = [app["name"] for app in users]
        plain = [app for app in users if app["nginx"]["listen_port"] == port]
        who = " and ".join(_name_holder(holder) for holder in holders)
        units = [holder["unit"] for holder in holders if holder["unit"]]
        stop = f"`systemctl disable --now {' '.join(dict.fromkeys(units))}`" if units else f"`ss -tlnp 'sport = :{port}'` shows it"
        key = "nginx: {listen_port: 8080}" if plain else "port: 8443` below `tls"
        way_out = "" if port == SERVICE_PORT else f", or give the app another port: `{key}`"
        problems.append(
            f"Port {port} is held by {who}, and nginx is to listen there for {', '.join(wanted)}. Stop that program for good "
            f"({stop}){way_out}."
        )
    return problems


def _is_debians_nginx(holder: Mapping[str, str]) -> bool:
    """Return whether a program is the nginx that we configure, and not one that another product brings along."""
    return holder["name"] == "nginx" and holder["unit"] in ("nginx.service", "")


def _name_holder(holder: Mapping[str, str]) -> str:
    return f"{holder['name']} (process {holder['process']})" if holder["name"] else "a program that does not show itself"


def removal_inputs(apps: Sequence[App]) -> list[dict[str, Any]]:
    """Return `app_removal_apps`."""
    return [{"name": app["name"], "remove_data": app["remove_data"]} for app in apps if is_absent(app)]


def without_app(apps: Sequence[App], name: str, *, remove_data: bool = False) -> list[App]:
    """Return the apps with one of them, which need not be among them, to be absent."""
    check_name(name)
    if users := find_users(apps, name):
        raise UserError(describe_users(name, users))
    names = [host for app in apps if app["name"] == name for host in app.get("server_names", [])]
    gone = {"name": name, "state": "absent", "remove_data": remove_data}
    return [*(app for app in apps if app["name"] != name), {**gone, **({"server_names": names} if names else {})}]


def _mounted(app: App, database_port: int) -> dict[str, dict[str, Any]]:
    """Return the variables and the settings by which gunicorn tells an app of its `path`; what the user says comes first.

    For WSGI every gunicorn reads SCRIPT_NAME from its environment, whoever connects and whichever headers it trusts; for
    ASGI, gunicorn 24 and later have a setting.
    """
    told = {**database_variables(app, database_port), **redis_variables(app)}
    prefix, variables = path_prefix(app), {**flask_variables(app), **as_text(app["env"]), **told}
    if not has_web(app):
        return {"env": variables}
    settings = {**({"worker_class": "asgi"} if app["asgi"] else {}), **app["gunicorn"]}
    if prefix and settings.get("worker_class") == "asgi":
        settings = {"root_path": prefix, **settings}
    elif prefix:
        variables = {"SCRIPT_NAME": prefix, **variables}
    return {"env": variables, "gunicorn": settings}
