# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find everything that is wrong with the user's list `flask_apps`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.webstack.flask.plugins.module_utils._certificates.pem import is_pem
from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import find_dependency_problems
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import NAME_PATTERN, PROCESS_PATTERN, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._source.archives import find_archive_problems
from ansible_collections.webstack.flask.plugins.module_utils._source.git import split_credentials
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import PROCFILE
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import SEEDS
from ansible_collections.webstack.flask.plugins.module_utils._systemd.calendar import from_cron
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import (
    RESERVED_FOR_JOBS,
    RESERVED_FOR_PROCESSES,
    find_directive_problems,
)
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    NO_PROCFILE,
    App,
    as_text,
    described_processes,
    git_access,
    has_web,
    is_absent,
    is_data,
    is_encrypted,
    list_certifiable_names,
    list_places,
    list_present,
    list_shared,
    path_prefix,
    site_input,
    takes_procfile,
    tidy,
    wants_proxy_protocol,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.services import (
    find_problems_of_uses,
    find_service_problems,
    leave_out_site,
    share_callers,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.sharing import claim_names, share_settings
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.spec import PROCESS_SPEC, SCHEDULE_SPEC, SPEC
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.settings import NO_CONFIG, find_setting_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.sharing import find_sharing_problems, group
from ansible_collections.webstack.flask.plugins.plugin_utils._nginx.site import find_lost_directives, find_mixed_ports, find_site_problems
from ansible_collections.webstack.flask.plugins.plugin_utils._suggestions import describe_unknown_key, show

_WSGI_WORKERS = ("sync", "gthread", "gevent", "eventlet", "tornado")


_ENTRY_POINTS = ("wsgi", "asgi")

_ABSENT = ("name", "state", "remove_data")
"""The keys that count for an app that is to be absent. The others may stay, in case it comes back."""

_OF_THE_WEB = ("path", "static", "tls", "gunicorn", "nginx", "health", "drain", "watch", "python_path")
"""Keys that say something of the web process, and nothing of what runs besides."""

_BATCH = re.compile(r"0*[1-9]\d*|0*([1-9]\d?|100)%")

_MAY_BE_SHARED = ("env_files", "dependencies.wheels", "static.paths")
_CODE_IN_SHARED = "what is shared is data that every release keeps, and no code of any; name the directory of data alone"
"""Keys whose paths may lie in a shared place, and why those of the others may not."""

_Problems = Iterable[str]


_NAMED = {"processes": PROCESS_SPEC, "schedules": SCHEDULE_SPEC}
"""Keys whose values are mappings with names that users choose, and the keys of what has such a name."""

_EXAMPLES = {"processes": "mail", "schedules": "digest"}
_CRON = re.compile(r"@\w+|([\d*/,-]+\s+){4}[\w*/,-]+")
"""What people bring from a crontab. No calendar event of systemd has five words."""

_AS_TYPED = {**dict.fromkeys(("command", "ready"), ", as one types it into a shell"), "at": ", such as `*-*-* 04:00` or `hourly`"}
_MUST_BE = {
    "bool": "true or false",
    "dict": "a mapping, such as `{MemoryMax: 256M}`",
    "float": "a number of seconds, such as 30",
    "int": "a whole number, such as 2",
    "str": "text",
}
_LONGEST_SENTENCE, _LONGEST_COMMAND, _LONGEST_TIME = 1100, 16384, 200
"""Characters. A longer command is a script, and no program is given more than 128 KiB as one word."""

_MOST_OF_ONE = 1000
_LONGEST = 366 * 86400
"""How many of one process, and the seconds of a time limit, may be asked for."""


class _Unreadable(Exception):
    """A key was read that is missing or wrong, so that nothing can be said of what depends on it."""


class _Entry(dict[str, Any]):
    """An entry with its defaults, without the keys that are missing or wrong."""

    def __missing__(self, key: str) -> NoReturn:
        raise _Unreadable(key)


def check_serial(serial: object) -> object:
    """Return how many hosts a playbook takes at a time, as given; raise UserError if Ansible would misunderstand it."""
    batches = serial if isinstance(serial, list) else [serial]
    for batch in batches or [serial]:
        if isinstance(batch, bool) or not isinstance(batch, (int, str)) or not _BATCH.fullmatch(str(batch)):
            raise UserError(
                f"flask_serial is {serial!r}; allowed is how many hosts to take at a time, such as 1, a share of them, such as 25%, "
                "or a list of these, such as [1, 5, 50%]"
            )
    return serial


def check_apps(apps: object) -> list[dict[str, Any]]:
    """Return the entries with their defaults filled in; raise UserError that tells everything that is wrong with them.

    No message shows a value that may be secret.
    """
    if not isinstance(apps, Sequence) or isinstance(apps, str) or not apps:
        what = "an empty list" if apps == [] else f"of type {type(apps).__name__}"
        raise UserError(f"flask_apps must be a list of at least one app, each a mapping that begins with `- name:`; it is {what}")
    problems: list[str] = []
    entries: list[_Entry] = []
    for number, app in enumerate(map(_spelt_out, apps)):
        if not isinstance(app, Mapping):
            problems.append(f"flask_apps[{number}] must be a mapping of keys to values; it is of type {type(app).__name__}")
            continue
        where = f"flask_apps[{number}]" + (f" ({app['name']})" if isinstance(app.get("name"), str) else "")
        problems += _find_unknown_keys(app, SPEC, where)
        entry, found = _read_entry(app)
        for find in _ABSENT_FINDERS if is_absent(entry) else _FINDERS:
            found += _find_readable(find, entry)
        problems += [f"{where}: {problem}" for problem in found]
        for find_given in (_find_keys_of_the_web, find_service_problems):
            problems += [f"{where}: {problem}" for problem in _find_readable(partial(find_given, app), entry)]
        entries.append(entry)
    problems += _find_repetitions(entries)
    problems += find_problems_of_uses(entries)
    shared = [] if problems else share_callers(share_settings(entries))
    problems += _find_problems_together(shared)
    if problems:
        headline = "flask_apps cannot be deployed as described; nothing was changed:"
        raise UserError("\n- ".join([headline, *map(_bounded, problems)]))
    return shared


def _read_entry(app: App) -> tuple[_Entry, list[str]]:
    """Return what can be read of an entry, and what is wrong with the rest."""
    entry, problems = _Entry(), list(_find_misread_numbers(app))
    for key in _ABSENT if is_absent(app) else SPEC:
        part, spec = {key: app[key]} if key in app else {}, {key: SPEC[key]}
        if any(_find_unknown_keys(part, spec, "")):
            continue
        if key == "schedules" and not isinstance(part.get(key, {}), Mapping):
            problems.append(_describe_wrong_schedules(part[key]))
            continue
        value, found = _validate(spec, part)
        problems += found
        if not found:
            entry.update(value)
    for key, spec in _NAMED.items():
        if key == "processes" and key in entry and not isinstance(entry[key], Mapping):
            if entry[key] not in (PROCFILE, NO_PROCFILE):
                problems.append(_describe_wrong_processes(entry.pop(key)))
        elif entry.get(key):
            problems += _read_named(entry, key, spec)
    return entry, problems


def _validate(spec: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what is given with the defaults of a spec, and what is wrong with it."""
    try:
        validation = ArgumentSpecValidator(spec).validate(given)
    except (OverflowError, ValueError) as error:  # an infinite number where a whole one is wanted
        return {}, [f"{', '.join(map(str, given))}: {error}; give a number that a computer can count to"]
    return validation.validated_parameters, list(validation.error_messages)


def _bounded(problem: str) -> str:
    """Return a sentence without its middle if that is all of a wrong value; the end has what to do."""
    return problem if len(problem) <= _LONGEST_SENTENCE else f"{problem[:400]} … {problem[-600:]}"


def _describe_wrong_schedules(value: object) -> str:
    return (
        f"schedules is of type {type(value).__name__}; allowed is a mapping of names to what runs, such as "
        "`{digest: {command: flask send-digest, at: '*-*-* 04:00'}}`"
    )


def _describe_wrong_processes(value: object) -> str:
    shown = show(value) if isinstance(value, str) else f"of type {type(value).__name__}"
    return (
        f"processes is {shown}; allowed are a mapping of names to commands, such as `{{mail: celery -A shop worker}}`, {PROCFILE!r}, which "
        f"takes them from the source, and {NO_PROCFILE!r}, which says that a {PROCFILE} of the source is meant for elsewhere"
    )


def _read_named(entry: _Entry, key: str, spec: Mapping[str, Any]) -> list[str]:
    """Fill in the defaults of what users name themselves, such as processes; return what is wrong. What is not readable is left out."""
    problems, read = [], {}
    for name, one in entry[key].items():
        where = f"{key}.{name}"
        if not isinstance(one, Mapping):
            short = ", or the command itself" if key == "processes" else ""
            problems.append(f"{where} must be a mapping with a `command`{short}; it is of type {type(one).__name__}")
            continue
        found = list(_find_unknown_keys(one, spec, where))
        found += [f"{where}.{inner} is {show(one[inner])}; {what}" for inner, what in _find_misfits(one, spec)]
        value: dict[str, Any] = {}
        if not found:
            value, messages = _validate(spec, one)
            found = [f"{where}: {message}" for message in messages]
        problems += found
        if not found:
            read[name] = value
    entry[key] = read
    return problems


def _find_misfits(one: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Yield each key whose value is not of its kind, with what it must be."""
    for key in one:
        if key not in spec:
            continue
        kind, choices = spec[key].get("type", "str"), spec[key].get("choices")
        if choices:
            if one[key] not in choices:
                yield key, f"allowed is {' or '.join(f'`{choice}`' for choice in choices)}"
        elif not _fits(one[key], kind, {key: {**spec[key], "required": False}}):
            yield key, f"it must be {_MUST_BE[kind]}{_AS_TYPED.get(key, '')}"


def _fits(value: object, kind: str, spec: Mapping[str, Any]) -> bool:
    """Return whether a value is one of a kind. YAML's `yes` is no number, although it could be counted as 1."""
    if kind == "str":
        return isinstance(value, str)
    return (
        value is not None
        and not (kind in ("int", "float") and isinstance(value, bool))
        and not _validate(spec, dict.fromkeys(spec, value))[1]
    )


def _find_readable(find: Callable[[App], _Problems], entry: _Entry) -> _Problems:
    with suppress(_Unreadable):
        yield from find(entry)


def _spelt_out(app: object) -> object:
    """Return an entry in which what is short, a word for `tls` and a command for a process, is the mapping that it stands for."""
    if not isinstance(app, Mapping):
        return app
    tls, processes = app.get("tls"), app.get("processes")
    spelt: dict[str, Any] = {}
    if tls is False or (isinstance(tls, str) and re.fullmatch(r"\w+", tls)):
        spelt["tls"] = {"mode": tls or "off"}  # YAML reads `off` as false
    if isinstance(processes, Mapping):
        spelt["processes"] = {name: {"command": one} if isinstance(one, str) else one for name, one in processes.items()}
    return {**app, **spelt} if spelt else app


def _find_misread_numbers(app: App) -> _Problems:
    source = app.get("source")
    version = source.get("version") if isinstance(source, Mapping) else None
    if isinstance(version, (int, float)):
        yield f"source.version is {version!r}, a number; put it in quotes, because YAML takes 1.10 for 1.1"


def _find_unknown_keys(value: Mapping[str, Any], spec: Mapping[str, Any], where: str) -> _Problems:
    for key, inner in value.items():
        if key not in spec:
            yield f"{where}: {describe_unknown_key(key, spec)}"
            continue
        options = spec[key].get("options")
        entries = inner if isinstance(inner, list) else [inner]
        for entry in entries if options else ():
            if isinstance(entry, Mapping):
                yield from _find_unknown_keys(entry, options, f"{where}.{key}")


def _find_naming_problems(app: App) -> _Problems:
    try:
        AppLayout.of(app["name"])
    except UserError as problem:
        yield str(problem)


def _find_group_problems(app: App) -> _Problems:
    if app["group"] and not NAME_PATTERN.fullmatch(app["group"]):
        yield (
            f"group is {app['group']!r}; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter. Give all "
            "entries that are to switch together the same"
        )


def _is_without_web(app: App) -> bool:
    """Return whether an entry describes no web process: processes or jobs, and neither what gunicorn starts from nor a name."""
    return not (has_web(app) or app["server_names"] or app["internal"]) and bool(
        described_processes(app) or takes_procfile(app) or app["schedules"]
    )


def _find_address_problems(app: App) -> _Problems:
    if not app["server_names"] and not app["internal"] and not _is_without_web(app):
        yield "server_names is empty; give at least one name under which the app is to be served, as in `server_names: [shop.example.com]`"


def _find_keys_of_the_web(given: App, app: App) -> _Problems:
    """Find what an entry says of a web process that it does not have."""
    for key in _OF_THE_WEB if not is_absent(app) and _is_without_web(app) else ():
        if key in given:
            yield f"{key} is about the web process, and there is none: neither `wsgi` nor `asgi`; take it out, or give one of them"


def _find_source_problems(app: App) -> _Problems:
    source = app["source"]
    if source["archive"] is not None:
        yield from find_archive_problems(source["archive"], source["checksum"])
    elif source["checksum"] is not None:
        yield "source.checksum is given without `source.archive`; a commit of git is pinned by `source.version`"
    if source["git"] is not None and not re.fullmatch(r"(?!-)[^\x00-\x20\x7f]+", source["git"]):
        shown = split_credentials(source["git"])[0]
        yield f"source.git is {shown!r}; it must be a URL, such as https://example.com/shop.git or git@example.com:shop.git"
    for key in ("ssh_key", "known_hosts"):
        if source[key] is not None and source["git"] is None:
            yield f"source.{key} is for `source.git` alone"
    if source["ssh_key"] is not None and "PRIVATE KEY-----" not in source["ssh_key"]:
        yield "source.ssh_key is not a private key; give its text, beginning with -----BEGIN, and not the path of a file"


def _find_dependency_problems(app: App) -> _Problems:
    yield from find_dependency_problems(app["dependencies"], "dependencies.")
    yield from _find_access_problems(app)


def _find_access_problems(app: App) -> _Problems:
    source, own = app["source"], app["dependencies"]
    if own["ssh_key"] is not None and "PRIVATE KEY-----" not in own["ssh_key"]:
        yield "dependencies.ssh_key is not a private key; give its text, beginning with -----BEGIN, and not the path of a file"
    if not own["git_access"] or own["ssh_key"] is not None:
        return
    if source["git"] is None:
        yield (
            "dependencies.git_access is true, and there is no `source.git` that is read with a key or a password; give the installation "
            "a key of its own: `dependencies: {ssh_key: ..., known_hosts: ...}`"
        )
    elif source["ssh_agent"] and source["ssh_key"] is None:
        yield (
            "dependencies.git_access is true, and the source is read with an agent, which an installation cannot reach: what packages run "
            "would have all its keys; give the installation a key that can only read: `dependencies: {ssh_key: ..., known_hosts: ...}`"
        )
    elif git_access(app) is None:
        yield (
            "dependencies.git_access is true, and the source is read with nothing that could be lent: there is no `source.ssh_key`, and "
            "no user and password in `source.git`; give one of them, or `dependencies: {ssh_key: ..., known_hosts: ...}`"
        )


def _find_start_problems(app: App) -> _Problems:
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


def _find_setting_problems(app: App) -> _Problems:
    yield from find_setting_problems(app["gunicorn"])
    config = app["gunicorn"].get("config", NO_CONFIG)
    if not isinstance(config, str) or not config:
        yield f"gunicorn.config is {config!r}; it must be a file of the source, such as gunicorn.conf.py, or {NO_CONFIG!r}"


def _find_directive_problems(app: App) -> _Problems:
    return find_directive_problems(app["service"])


def _find_process_problems(app: App) -> _Problems:
    for name, process in described_processes(app).items():
        where = f"processes.{name}"
        yield from _find_unit_problems("processes", name, process, RESERVED_FOR_PROCESSES)
        if name == "web":
            yield "processes.web is for the web process, which is described by `wsgi` or `asgi`, and `gunicorn`; take it out"
        if process["ready"] is not None:
            yield from _find_command_problems(f"{where}.ready", process["ready"])
        yield from _find_limit_problems(f"{where}.", process, ("drain", "watch"))
        yield from _find_limit_problems(f"{where}.", process, ("count",), most=_MOST_OF_ONE)
        if process["exclusive"] and process["count"] > 1:
            yield (
                f"{where} is exclusive, so that there is never more than one of it, and has the count {process['count']}; take one of the "
                "two out"
            )


def _find_schedule_problems(app: App) -> _Problems:
    for name, schedule in app["schedules"].items():
        where = f"schedules.{name}"
        yield from _find_unit_problems("schedules", name, schedule, RESERVED_FOR_JOBS)
        if not schedule["at"].strip() or not schedule["at"].isprintable() or len(schedule["at"]) > _LONGEST_TIME:
            yield f"{where}.at is {show(schedule['at'])}; it must be a calendar event of systemd, such as `*-*-* 04:00` or `hourly`"
        elif _CRON.fullmatch(schedule["at"].strip()):
            same = from_cron(schedule["at"])
            wanted = f'write `at: "{same}"`' if same else "systemd writes `*-*-* 04:00`, `Mon *-*-* 04:00`, `*:0/15` or `hourly`"
            yield f"{where}.at is {schedule['at']!r}, as cron writes it; {wanted}"
        yield from _find_limit_problems(f"{where}.", schedule, ("timeout",), may_be_zero=False)


def _find_unit_problems(key: str, name: object, one: Mapping[str, Any], reserved: Mapping[str, str]) -> _Problems:
    """Find what is wrong with what processes and schedules have in common."""
    if not isinstance(name, str) or not PROCESS_PATTERN.fullmatch(name):
        yield (
            f"{key} names one {show(name)}; allowed are 1 to 25 lower-case letters, digits, '-' and '_', beginning with a letter, "
            f"such as `{_EXAMPLES[key]}`"
        )
    yield from _find_command_problems(f"{key}.{name}.command", one["command"])
    for problem in find_directive_problems(one["service"], reserved):
        yield f"{key}.{name}.{problem}"


def _find_command_problems(where: str, command: str) -> _Problems:
    if not command.strip() or re.search(r"[\x00-\x08\x0b-\x1f\x7f]", command):
        what = ", which is no command" if not command.strip() else "; it holds a control character, and only tab and newline are allowed"
        yield f"{where} is {show(command)}{what}"
    elif len(command) > _LONGEST_COMMAND:
        yield f"{where} has {len(command)} characters; allowed are {_LONGEST_COMMAND}: put it into a script of the source, and call that"


def _find_limit_problems(
    where: str, values: Mapping[str, Any], keys: Iterable[str], *, may_be_zero: bool = True, most: int = _LONGEST
) -> _Problems:
    """Find the numbers that are too low, or too high to be meant: by default seconds, of which a year has the most."""
    for key in keys:
        value = values[key]
        if not (value >= 0 if may_be_zero else value > 0):
            yield f"{where}{key} is {value:g}; it must {'not be negative' if may_be_zero else 'be more than 0 seconds'}"
        elif value > most:
            yield f"{where}{key} is {value:g}; it must not be more than {most}"


def _find_path_problems(app: App) -> _Problems:
    paths_in_source = {
        "source.subdirectory": [app["source"]["subdirectory"]],
        "chdir": [app["chdir"]],
        "python_path": app["python_path"],
        "env_files": app["env_files"],
        "gunicorn.config": [str(app["gunicorn"].get("config", ""))],
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
        elif path.split("/")[0] == SEEDS:
            yield f"shared names {path!r}; {SEEDS} is where a build keeps what the source has in shared places"
    for key, paths in list_places(app).items():
        for path in paths:
            if key not in _MAY_BE_SHARED and any(path == place or path.startswith(f"{place}/") for place in shared):
                yield f"{key} names {path!r}, which is in `shared`: {_CODE_IN_SHARED}"
    yield from _find_public_data_problems(app)


def _find_public_data_problems(app: App) -> _Problems:
    """Find mappings of which a part is data: nginx sends it with other headers than the source, and follows no link in it."""
    for number, mapping in enumerate(app["static"] or ()):
        data = [path for path in mapping["paths"] if is_data(app, path)]
        source = [path for path in mapping["paths"] if not is_data(app, path)]
        files = [path for path in source if tidy(path) in map(tidy, app["shared"]["files"])]
        where = f"static[{number}].paths"
        for path in files:
            yield f"{where} names {path!r}, which is in `shared.files`; nginx sends what is in directories: share the one in which it lies"
        if data and source and not files:
            yield (
                f"{where} has {data[0]!r}, which is in `shared`, and {source[0]!r}, which is not: nginx sends what an app has written with "
                "more care than its source. Give each a mapping and an address of its own, such as "
                f"`{{url: /media/, paths: [{', '.join(data)}]}}`"
            )


def _find_variable_problems(app: App) -> _Problems:
    for key, value in app["env"].items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            yield f"env.{key} is {type(value).__name__}, and a variable holds text; put the value in quotes"
    yield from find_environment_problems(as_text(app["env"]))


def _find_build_problems(app: App) -> _Problems:
    for key, value in app["build_env"].items():
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            yield f"build_env.{key} is {type(value).__name__}, and a variable holds text; put the value in quotes"
    for problem in find_environment_problems(as_text(app["build_env"])):
        yield problem.replace("the environment variable", "the variable in build_env", 1)
    if app["build_env"] and not app["build_commands"]:
        yield "build_env is given without `build_commands`, which alone get these variables; the app's own are in `env`"
    for key in ("build_commands", "release_commands"):
        for number, command in enumerate(app[key]):
            yield from _find_command_problems(f"{key}[{number}]", command)


def _find_health_problems(app: App) -> _Problems:
    health = app["health"]
    if not re.fullmatch(r"/[!-~]*", health["path"]):
        yield f"health.path is {health['path']!r}; it must begin with '/' and be as a browser sends it, such as '/health'"
    for status in health["statuses"]:
        if not 100 <= status <= 599:
            yield f"health.statuses has {status}; a status code is a number from 100 to 599"
    yield from _find_limit_problems("health.", health, ("timeout", "interval", "deadline"), may_be_zero=False)


def _find_tls_problems(app: App) -> _Problems:
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


def _find_acme_problems(app: App, given: Sequence[str]) -> _Problems:
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


def _find_number_problems(app: App) -> _Problems:
    yield from _find_limit_problems("", app, ("release_command_timeout",), may_be_zero=False)
    yield from _find_limit_problems("", app, ("drain", "watch", "keep_releases"))


def _find_site_problems(app: App) -> _Problems:
    """Find now what the role nginx_site would refuse later. Keys that other checks cover are replaced by valid ones here."""
    told = {"name": "app"} | {"server_names": app["server_names"] or ["localhost"], "static": app["static"] or []}
    encrypted = {"tls": app["tls"] if "tls" in app and not any(_find_tls_problems(app)) else None}
    below_nginx = re.compile(rf"^(?={'|'.join(SPEC['nginx']['options'])})")
    for problem in find_site_problems([site_input(_Entry(leave_out_site({**app, **told, **encrypted})))], ""):
        yield below_nginx.sub("nginx.", problem.removeprefix("[0]."))


def _find_repetitions(apps: Sequence[App]) -> _Problems:
    for name, count in Counter(app["name"] for app in apps if "name" in app).items():
        if count > 1:
            yield f"flask_apps names {name!r} {count} times; give each app its own name"
    readable = [app for app in list_present(apps) if _is_readable(app) and app["server_names"]]
    claims = [claim_names(app) for app in readable]
    yield from find_sharing_problems(claims)
    together = [[readable[number] for number in numbers] for numbers in group(claims)]
    for members in together:
        for app in members if len(members) > 1 else ():
            for problem in find_lost_directives(app["name"], app["nginx"]["extra"] or "", path_prefix(app)):
                yield f"nginx.{problem}"
    yield from find_mixed_ports(map(_speak, together), "nginx.")


def _is_readable(app: App) -> bool:
    """Return whether all is there that is compared with other entries."""
    try:
        claim_names(app)
    except _Unreadable:
        return False
    return True


def _speak(apps: Sequence[App]) -> tuple[str, set[str], bool]:
    """Return of apps that are served together their names, their ports, and whether they want the PROXY protocol."""
    ports = {port for app in apps for port in claim_names(app).ports}
    return " and ".join(app["name"] for app in apps), ports, any(map(wants_proxy_protocol, apps))


def _find_problems_together(apps: Sequence[App]) -> _Problems:
    """Find what is wrong with what an entry gets from others: each alone was right."""
    for app in apps:
        for problem in (*_find_tls_problems(app), *_find_site_problems(app)) if "together" in app else ():
            names = app["together"]["server_names"]
            yield f"{app['name']}, with what others say that have the server names {' and '.join(names)} in common: {problem}"


_ABSENT_FINDERS = (_find_naming_problems,)

_FINDERS = (
    *(_find_naming_problems, _find_group_problems, _find_address_problems, _find_source_problems, _find_dependency_problems),
    *(_find_start_problems, _find_setting_problems, _find_directive_problems),
    *(_find_process_problems, _find_schedule_problems, _find_path_problems),
    *(_find_variable_problems, _find_build_problems, _find_health_problems, _find_number_problems, _find_tls_problems, _find_site_problems),
)
"""What looks for problems in the keys that fit SPEC."""
