# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells the user of each app of `flask_apps`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._layout import SERVICE_PORT
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    App,
    as_certified,
    certificate_name,
    concrete_name,
    described_processes,
    has_web,
    is_acme,
    is_encrypted,
    list_mates,
    list_present,
    path_prefix,
    public_port,
    takes_procfile,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.inputs import find_held
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.procfile import describe_procfile


def summarise(
    apps: Sequence[App],
    result: Mapping[str, Any],
    certificates: Mapping[str, Any] | None = None,
    earlier: Sequence[Mapping[str, Any]] | None = None,
) -> list[str]:
    """Return a line for each app that a run took care of: its address, its release, what was done, and where its logs are.

    `certificates` is what became of those of the apps; what somebody has to know of one is a line of its own. `earlier` is what the roles
    for sources and environments have handed on. With a new release, what the source has in a Procfile and the description has not follows
    in lines of its own.
    """
    lines, held, told = [], find_held(apps, earlier or ()), set()
    builds = {name: build for part in earlier or () for name, build in part.get("builds", {}).items()}
    for app in list_present(apps):
        name, outcome = app["name"], (certificates or {}).get(certificate_name(app))
        if name in held:
            cause = "" if held[name] == name else f", because {held[name]}, of the same group, has failed"
            lines.append(f"FAILED, {name}: there is no new release of it{cause}; what was served before, if anything, still is")
        if name in result.get("releases", {}):
            # A run that did not look at the certificates takes them to be there.
            lines.append(_summarise_app(app if certificates is None else as_certified(app, outcome), result["releases"][name]))
            lines += _summarise_certificate(app, outcome, is_told=certificate_name(app) in told) if outcome else []
            told.add(certificate_name(app))
            if _is_new(result["releases"][name]):
                lines += describe_procfile(app, builds.get(name, {}).get("procfile"))
                if app["group"] and not list_mates(apps, app):
                    lines.append(f"{name}: no other entry has the group {app['group']!r}, so nothing is switched together with it")
    return lines


def _is_new(release: Mapping[str, Any]) -> bool:
    """Return whether a run was to take an app to another release than the one that users had reached."""
    return bool("id" in release and release["id"] != release.get("previous"))


def _summarise_certificate(app: App, outcome: Mapping[str, Any], *, is_told: bool) -> list[str]:
    lines = [] if is_told else [f"ATTENTION, {app['name']}: {problem}" for problem in outcome["problems"]]
    plain = [name for name in app["server_names"] if name not in outcome["covered"]]
    if is_acme(app) and plain:
        lines.append(
            f"ATTENTION, {app['name']}: {', '.join(plain)} served WITHOUT ENCRYPTION for want of a certificate; the next run asks again"
        )
    return lines


def summarise_host(host: Mapping[str, Any], hosts_path: str = "/etc/hosts") -> list[str]:
    """Return a line for each thing about a host, as host_info describes it, that somebody has to know and no run can mend."""
    lines = []
    if closed := [port for port in host.get("closed", []) if port != SERVICE_PORT]:
        ports = " and ".join(map(str, closed))
        allow = " && ".join(f"ufw allow {port}/tcp" for port in closed)
        lines.append(
            f"ATTENTION: the firewall of the host seems to keep others out of port {ports}: the run itself asked on the host, where it is "
            f"open. Let them in, with ufw for instance by `{allow}`"
        )
    if "manage_etc_hosts" in host.get("files", {}).get(hosts_path, ""):
        lines.append(
            f"ATTENTION: cloud-init writes {hosts_path} anew at each boot, and the names of the apps are gone then until the next run. "
            "Write `manage_etc_hosts: false` into /etc/cloud/cloud.cfg.d/99-hosts.cfg, and take these words out of the file"
        )
    return lines


def summarise_databases(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each database to which a run has done something, one where it chose among several servers, and on settings."""
    others = result.get("other_clusters")
    chosen = [f"the databases are in PostgreSQL {result['cluster']}; the host also has {' and '.join(others)}"] if others else []
    databases = result.get("databases", {})
    settings, server = result.get("settings", {}), f"PostgreSQL {result.get('cluster')}"
    tuned = [f"{server}: {', '.join(settings['notes'])}"] if settings.get("notes") else []
    tuned += [f"ATTENTION, {server}: {complaint}" for complaint in settings.get("complaints", [])]
    made = [f"{name}, its database: {', '.join(outcome['notes'])}" for name, outcome in databases.items() if outcome["notes"]]
    return [*made, *chosen, *tuned]


def summarise_removal(result: Mapping[str, Any]) -> list[str]:
    """Return a line for each app that a run was to remove: what went, and where its data are."""
    return [_summarise_removed(name, outcome) for name, outcome in result.get("apps", {}).items()]


def _summarise_removed(name: str, outcome: Mapping[str, Any]) -> str:
    kept = "there were no data of it"
    if outcome.get("backup"):
        kept = f"a copy of its data is {outcome['backup']}"
    elif outcome.get("kept"):
        kept = f"its data are still in {outcome['kept']}, which is root's, and closed to others"
    elif outcome.get("doomed"):
        kept = f"of its data in {outcome['doomed']} a copy is made first"
    database = f"; its database {name} is still in PostgreSQL, with all its rows" if outcome.get("database") else ""
    last = f", the last one is {outcome['last_backup']}" if outcome.get("last_backup") else ""
    database += f"; its backups stay in their repository{last}" if outcome.get("backed_up") else ""
    redis = f"; the data of its Redis are still in {outcome['redis']}" if outcome.get("redis") else ""
    if not outcome["changed"]:
        return f"{name}: is not on the host{f'; {kept}' if outcome.get('kept') else ''}{database}{redis}"
    return f"{name}: removed ({len(outcome['removed'])} parts); {kept}{database}{redis}"


def summarise_jobs(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return some lines for each job, as jobs_info describes it: when it runs next, its last runs, and what the last one has said.

    Jobs whose last run was no good come first.
    """
    worst_first = sorted(jobs, key=lambda job: (not _went_wrong(job), job["app"], job["name"]))
    return [line for job in worst_first for line in _summarise_job(job)]


def _went_wrong(job: Mapping[str, Any]) -> bool:
    return bool(job["runs"]) and job["runs"][0]["result"] in ("failed", "interrupted")


def _summarise_job(job: Mapping[str, Any]) -> list[str]:
    following = "suspended" if job["suspended"] else f"next {job['next']}" if job["next"] else "never again"
    has_run = "" if job["runs"] else "; the journal has no run of it"
    lines = [f"{job['app']}.{job['name']}: {following}{has_run}"]
    for index, run in enumerate(job["runs"]):
        took = "" if run["seconds"] is None else f" after {run['seconds']:g} s"
        result = run["result"].upper() if run["result"] in ("failed", "interrupted") else run["result"]
        because = f": {run['reason']}" if run["reason"] else ""
        lines.append(f"    {run['began']}: {result}{took}, release {run['release']}{because}")
        lines += [f"        {line}" for line in run["lines"]] if index == 0 else []
    return lines


def _summarise_app(app: App, outcome: Mapping[str, Any]) -> str:
    name, does = app["name"], _say_what_it_does(app)
    done = "; ".join(outcome.get("notes", [])) or "nothing changed"
    has_more = described_processes(app) or takes_procfile(app) or app["schedules"]
    journal = f"journalctl -u '{name}[@.]*'" if has_more else f"journalctl -u '{name}@*'"
    if "error" in outcome:
        served = f"{does} release {outcome['current']}" if outcome.get("current") else "nothing is served"
        return f"FAILED, {name}: {served} ({done}). Logs: {journal}"
    logs = f"{journal}, /var/log/nginx/{name}.*.log" if has_web(app) else journal
    return f"{name}: {does} release {outcome.get('current')} ({done}). Logs: {logs}"


def _say_what_it_does(app: App) -> str:
    """Return the subject and the verb of a sentence about a release of an app."""
    if not has_web(app):
        return "its processes are those of"
    if app["internal"]:
        return f"for {' and '.join(app['callers']) or 'nobody as yet'} on this host there is"
    port = public_port(app)
    scheme, usual = ("https", 443) if is_encrypted(app) else ("http", 80)
    return f"{scheme}://{concrete_name(app['server_names'])}{'' if port == usual else f':{port}'}{path_prefix(app)}/ serves"
