# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A `Procfile` as keys of an entry of `flask_apps`, and what of it an entry does not have yet."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ansible_collections.webstack.flask.plugins.module_utils._layout import PROCESS_PATTERN
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import PROCFILE, Line, Procfile
from ansible_collections.webstack.flask.plugins.module_utils._systemd.calendar import from_cron
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.app import (
    App,
    described_processes,
    has_web,
    passes_procfile,
    takes_procfile,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.plain import as_plain
from ansible_collections.webstack.flask.plugins.plugin_utils._gunicorn.command_line import Served, read_server

_CLOCK = re.compile(r"(^|[_-])(clock|(celery)?beat|scheduler|cron|timer)\d*($|[_-])", re.IGNORECASE)
_CLOCK_COMMAND = re.compile(r"\bcelery\b.*\s(beat|-B|--beat)(\s|$)|\brqscheduler\b|\b(clock|scheduler)\.py\b")
_FILES_COMMAND = re.compile(
    r"\b(collectstatic|compilemessages|(pybabel|translate) compile|npm|npx|yarn|pnpm|webpack|vite|tailwindcss|assets build|compress)\b"
)
"""Commands that make files of a build, which nothing may write to later."""

_PORT = re.compile(r"\$\{?PORT\b")
_NO_PORT = "there is no $PORT; write a number in its place, or give the variable in `env`"
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_RUNNERS = {"pipenv": 2, "poetry": 2, "uv": 2, "pdm": 2, "rye": 2, "hatch": 2, "exec": 1, "env": 1, "time": 1, "nohup": 1, "sudo": 1}
"""Programs before another that change nothing here, and how many words they are."""

_WRAPPERS = {
    "newrelic-admin": 2,
    "ddtrace-run": 1,
    "opentelemetry-instrument": 1,
    "start-nginx": 1,
    "start-pgbouncer": 1,
    "start-pgbouncer-stunnel": 1,
}
"""Programs that start the server, and for which there is no place here."""

_OTHERS = {
    "static": "nginx serves files: the key `static`",
    "preflight": "what makes files of a build belongs into `build_commands`, and what a release runs once into `release_commands`",
    "postdeploy": "a command that each release runs once belongs into `release_commands`",
}

_WIDTH = 10_000
"""Characters of a line that is not to be broken."""


def list_processes(app: App, found: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the processes of an app, by name: those of its entry, or those of the `Procfile` that was found in its build."""
    if not takes_procfile(app):
        return {name: dict(one) for name, one in described_processes(app).items()}
    return {line.name: _as_process(line) for line in Procfile.of(found).processes} if found else {}


def _as_process(line: Line) -> dict[str, Any]:
    return {"command": line.command, **({"exclusive": True} if is_clock(line) else {})}


def is_clock(line: Line) -> bool:
    """Return whether a process is one of which two would do everything twice."""
    return bool(_CLOCK.search(line.name) or _CLOCK_COMMAND.search(line.command))


def describe_procfile(app: App, found: Mapping[str, Any] | None) -> list[str]:
    """Return lines for the user about what a `Procfile` has and the entry of the app does not; none if there is nothing to say."""
    if not found or passes_procfile(app):
        return []
    procfile, name, end = Procfile.of(as_plain(found)), app["name"], f"`processes: none` says that the {PROCFILE} is meant for elsewhere"
    if procfile.problems:
        return [
            f"ATTENTION, {name}: the {PROCFILE} of the source says something that cannot be read: {'; '.join(procfile.problems)}. {end}"
        ]
    taken = takes_procfile(app)
    # An entry without a web process has decided that there is none.
    decided = {*(["process"] if taken else []), *([] if has_web(app) else ["web"])}
    served = translate(Procfile([line for line in procfile.lines if line.kind not in decided], []))
    ports = [f"{line.name}: {_NO_PORT}" for line in procfile.processes if _PORT.search(line.command) and "PORT" not in app["env"]]
    lacking = _find_lacking(app, served.keys)
    if not lacking:
        return [f"ATTENTION, {name}: {port}" for port in ports] if taken else []
    if taken:
        head = f"of the {PROCFILE} of the source only the processes are taken. What else it has, as keys of the entry"
        last = []
    else:
        head = f"the source has a {PROCFILE} with more than the description. What it has, as keys of the entry"
        take = f"`processes: {PROCFILE}` takes the processes from it in each release; " if _may_take(app, procfile) else ""
        last = [f"{take}{end}"]
    lines = [f"  {key}: {_as_yaml(value)}" for key, value in lacking.items()]
    return [f"ATTENTION, {name}: {head}:", *map(_tame, lines), *(f"  ({_tame(remark)})" for remark in [*served.remarks, *ports, *last])]


def _tame(text: str) -> str:
    """Return a text in which no braces stand as Ansible would take them for its own: without the quotes of a shell, they may."""
    return re.sub(r"\{(?=[{%#])", "{ ", text)


def _may_take(app: App, procfile: Procfile) -> bool:
    names = [line.name for line in procfile.processes]
    return bool(names) and not described_processes(app) and all(map(PROCESS_PATTERN.fullmatch, names))


def _as_yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=_WIDTH, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


def _find_lacking(app: App, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys for which an entry has nothing of its own. What it has counts, whatever the `Procfile` says."""
    lacking: dict[str, Any] = {}
    for key, value in keys.items():
        if key in ("wsgi", "asgi"):
            continue
        if key == "env":
            # Values may be secrets, and a run is read by many.
            if names := [name for name in value if name not in app["env"]]:
                lacking[key] = dict.fromkeys(names, "…")
        elif key in ("processes", "schedules"):
            own = described_processes(app) if key == "processes" else app[key]
            commands = {" ".join(one["command"].split()) for one in own.values()}
            new = {name: one for name, one in value.items() if name not in own and " ".join(_command_of(one).split()) not in commands}
            lacking.update({key: new} if new else {})
        elif isinstance(value, dict):
            new = {name: one for name, one in value.items() if name not in app[key]}
            lacking.update({key: new} if new else {})
        elif not app[key]:
            lacking[key] = value
    return lacking


def _command_of(one: str | Mapping[str, Any]) -> str:
    return one if isinstance(one, str) else str(one["command"])


def translate(procfile: Procfile) -> Served:
    """Return the keys of an entry that mean what a `Procfile` says, and remarks on the rest."""
    whole = Served()
    for line in procfile.lines:
        part = _TRANSLATORS[line.kind](line)
        for key, value in part.keys.items():
            former = whole.keys.get(key)
            if isinstance(value, dict):
                whole.keys[key] = {**(former or {}), **{_free_name(key, name, former or {}): one for name, one in value.items()}}
            elif isinstance(value, list):
                whole.keys[key] = [*(former or []), *value]
            else:
                whole.keys[key] = value
        whole.remarks += [f"{line.name}: {remark}" for remark in dict.fromkeys(part.remarks)]
    return whole


def _free_name(key: str, name: str, taken: Mapping[str, Any]) -> str:
    if key not in ("processes", "schedules") or name not in taken:
        return name
    return next(other for number in range(2, len(taken) + 3) if (other := f"{name[:20]}-{number}") not in taken)


def _fit(line: Line, remarks: list[str]) -> str:
    """Return the name of a process or a job that comes nearest to that of a line."""
    name = re.sub(r"^[^a-z]+", "", line.name.lower())[:25] or "process"
    if name != line.name:
        remarks.append(f"it is called `{name}` here, because names begin with a letter, are in lower case, and have 25 characters at most")
    return name


def _translate_process(line: Line) -> Served:
    served = Served()
    process = _as_process(line)
    if is_clock(line):
        served.remarks.append("`exclusive` keeps it from ever running twice, which would do everything twice")
    served.keys["processes"] = {_fit(line, served.remarks): process if len(process) > 1 else line.command}
    return served


def _translate_cron(line: Line) -> Served:
    served, (times, command) = Served(), line.cron or ("", line.command)
    if at := from_cron(times):
        served.keys["schedules"] = {_fit(line, served.remarks): {"command": command, "at": at}}
        served.remarks.append("times are in UTC; another zone is named at their end, as in `Europe/Prague`")
    else:
        served.keys["schedules"] = {_fit(line, served.remarks): {"command": command, "at": "…"}}
        served.remarks.append(f"no calendar event means the same as `{times}`; docs/schedules.md has how to write one")
    return served


def _translate_release(line: Line) -> Served:
    served = Served()
    parts, is_plain = split_commands(line.command)
    makes = [part for part in parts if _FILES_COMMAND.search(part)]
    if not is_plain or not makes:
        served.keys["release_commands"] = [line.command]
        return served
    served.keys["build_commands"] = makes
    if others := [part for part in parts if part not in makes]:
        served.keys["release_commands"] = [" && ".join(others)]
    return served


def _translate_other(line: Line) -> Served:
    return Served({}, [_OTHERS.get(line.name.lower(), "it is nothing that runs for as long as a release is live, and is left out")])


def _translate_web(line: Line) -> Served:
    """Return what the command of the web process says: the server's own options, and what it does before it starts the server."""
    served = Served()
    if re.fullmatch(r"[\w.]+:[\w.]+", line.command):  # piku has the app itself here
        served.keys["asgi" if line.name == "asgi" else "wsgi"] = line.command
        return served
    parts, is_plain = split_commands(_work_out(line.command))
    *before, last = parts or [""]
    if not is_plain:
        served.remarks.append("the command is more than programs after each other, and was not read")
        return served
    for part in before:
        _read_before(part, served)
    try:
        words = shlex.split(last, comments=True)
    except ValueError:
        served.remarks.append("a quote is not closed, so the command was not read")
        return served
    program = _strip_before(words, served)
    own = read_server(program)
    if own is None:
        served.remarks.append(f"`{' '.join(program[:2])}` is no server that runs here: gunicorn serves what `wsgi` or `asgi` names")
        return served
    variables = served.keys.get("env", {})
    settings = {**own.keys.get("gunicorn", {})}
    if re.fullmatch(r"\d+", str(variables.get("WEB_CONCURRENCY", ""))):
        settings.setdefault("workers", int(variables.pop("WEB_CONCURRENCY")))
    env = {**variables, **own.keys.get("env", {})}
    keys = {**served.keys, **own.keys, "env": env, "gunicorn": settings}
    return Served({key: value for key, value in keys.items() if value}, served.remarks + own.remarks)


def _read_before(command: str, served: Served) -> None:
    """Add what a command means that runs before the server."""
    words = command.split()
    if words[0] == "cd" and len(words) == 2:
        served.keys["chdir"] = words[1]
    elif words[0] in (".", "source") and len(words) == 2:
        if not words[1].endswith("activate"):
            served.keys["env_files"] = [words[1]]
    elif words[0] == "export" and (found := _ASSIGNMENT.fullmatch(" ".join(words[1:]))):
        served.keys.setdefault("env", {})[found[1]] = found[2].strip("'\"")
    else:
        key = "build_commands" if _FILES_COMMAND.search(command) else "release_commands"
        served.keys.setdefault(key, []).append(command)


def _strip_before(words: Sequence[str], served: Served) -> list[str]:
    """Return the words of a command from the server on."""
    rest = list(words)
    while rest:
        program = rest[0].rpartition("/")[2]
        if found := _ASSIGNMENT.fullmatch(rest[0]):
            if found[1] == "GUNICORN_CMD_ARGS":
                rest = [*rest[1:], *found[2].split()]
                continue
            served.keys.setdefault("env", {})[found[1]] = found[2]
            rest = rest[1:]
        elif re.fullmatch(r"python[\d.]*", program) and "-m" in rest[1:3]:
            rest = rest[rest.index("-m") + 1 :]
        elif program in _WRAPPERS:
            served.remarks.append(
                f"`{' '.join(rest[: _WRAPPERS[program]])}` in front of the server falls away; the app's own code can do it"
            )
            rest = rest[_WRAPPERS[program] :]
        elif program in _RUNNERS:
            rest = rest[_RUNNERS[program] :]
        else:
            return rest
    return rest


def _work_out(command: str) -> str:
    """Return a command with the defaults of its variables, and without what it writes elsewhere: its output is in the journal."""
    command = re.sub(r"\$\{\w+:?-([^{}$]*)\}", r"\1", command)
    command = re.sub(r"\s[12&]?>>?\s*(&\d|[^\s&|;]+)", "", command)
    while (simpler := re.sub(r"\$\(\([^()]*\)\)|\$\([^()]*\)|`[^`]*`", "$_", command)) != command:
        command = simpler
    return command


def split_commands(command: str) -> tuple[list[str], bool]:
    """Return the commands that run one after the other, and whether that is all: no pipe, no alternative, nothing in the background."""
    parts, quote, start, place, is_plain = [], "", 0, 0, True
    while place < len(command):
        character = command[place]
        if character == "\\" and quote != "'":
            place += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif command.startswith("&&", place):
            parts.append(command[start:place])
            place += 1
            start = place + 1
        elif character == ";":
            parts.append(command[start:place])
            start = place + 1
        elif character in "|&()<>":
            is_plain = False
        place += 1
    return [part.strip() for part in [*parts, command[start:]] if part.strip()], is_plain


_TRANSLATORS = {
    "cron": _translate_cron,
    "other": _translate_other,
    "process": _translate_process,
    "release": _translate_release,
    "web": _translate_web,
}
