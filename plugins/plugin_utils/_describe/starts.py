# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository says elsewhere than in its code of how it is started: a Procfile, containers, scripts, its README."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import Line, Procfile, parse
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import Tree
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.procfile import translate

_SERVER = re.compile(r"(?:^|[\s/\"'`;&(])(gunicorn|uvicorn|hypercorn|daphne|granian|waitress-serve)\s+(?!\.)\S|\bfastapi\s+(?:run|dev)\b")
_FLASK = re.compile(r"\bflask\b(?P<options>[^|;&]*?)\brun\b")
_FLASK_APP = re.compile(r"(?:^|\s|export\s+)FLASK_APP\s*=\s*[\"']?(?P<value>[\w./:()]+)", re.MULTILINE)
_FLASK_OPTION = re.compile(r"(?:--app|-A)[\s=]+[\"']?(?P<value>[\w./:()]+)")
_SCRIPT = re.compile(r"\bpython[\d.]*\s+(?:-u\s+)?(?P<path>[\w./-]+\.py)\b(?!\s+(?:migrate|collectstatic|test))")
_QUEUE = re.compile(r"\b(celery|rq|dramatiq|huey_consumer(?:\.py)?|arq|rqscheduler)\b")
_PLATFORM = re.compile(r"(?:startCommand|entrypoint|app|web|cmd)[\"']?[ \t]*[:=][ \t]*[\"']?(?P<command>[^\"'\n]{3,400})")
_LONGEST_LINE, _MOST_LINES, _LARGEST_YAML = 1000, 2000, 64 * 1024
_DOCKERFILE = re.compile(r"(?:.*\.)?Dockerfile(?:\..*)?|Containerfile", re.IGNORECASE)
_DEVELOPMENT = re.compile(r"\b(dev|develop|development|local|test|testing|debug|ci)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Start:
    """How one file of a repository says that the app is started."""

    place: str
    """The file, and what in it."""

    rank: int
    """What is there for production counts before what is there for a reader."""

    keys: dict[str, Any] = field(default_factory=dict)
    """Keys of an entry."""

    remarks: tuple[str, ...] = ()
    flask_app: str = ""
    """What the command `flask` is told."""

    script: str = ""
    """A file that is run by Python."""

    directory: str = ""
    """The directory of the file."""


def find_starts(tree: Tree) -> list[Start]:
    """Return how the files of a repository say that it is started, the most trustworthy first."""
    found = [
        *_read_procfile(tree),
        *_read_dockerfiles(tree),
        *_read_compose(tree),
        *_read_platforms(tree),
        *_read_flask_variables(tree),
        *_read_lines(tree),
    ]
    return sorted(found, key=lambda start: (start.rank, start.directory.count("/"), start.directory))


def read_processes(tree: Tree) -> Procfile:
    """Return the workers and clocks that compose files name, where there is no Procfile, as if they stood in one."""
    lines: list[Line] = []
    for path, name, command in _list_services(tree):
        is_new = "flower" not in command and command not in [line.command for line in lines]
        if is_new and not _DEVELOPMENT.search(path) and _QUEUE.search(command):
            lines.append(Line(len(lines) + 1, re.sub(r"[^A-Za-z0-9_-]", "-", name) or "worker", command))
    return Procfile(lines, [])


def _read_procfile(tree: Tree) -> Iterator[Start]:
    for path in tree.named("Procfile"):
        lines = parse(tree.read(path)).lines
        served = translate(Procfile(lines, []))
        yield Start(path, 0, served.keys, tuple(served.remarks), directory=posixpath.dirname(path))
        for line in lines:
            if line.kind == "web":
                yield from _read_other(line.command, path, 0)


def read_command(command: str, place: str, rank: int, directory: str = "") -> Iterator[Start]:
    """Yield what a command says that may start a web server."""
    served = translate(Procfile([Line(1, "web", " ".join(command.split()))], []))
    if "wsgi" in served.keys or "asgi" in served.keys:
        yield Start(place, rank, served.keys, tuple(served.remarks), directory=directory)
    else:
        yield from _read_other(command, place, rank, directory)


def _read_other(command: str, place: str, rank: int, directory: str = "") -> Iterator[Start]:
    if found := _FLASK.search(command):
        told = _FLASK_OPTION.search(found["options"]) or _FLASK_APP.search(command)
        if told and told["value"]:
            yield Start(f"`flask run` in {place}", rank, flask_app=told["value"], directory=directory)
    elif found := re.search(r"\bfastapi\s+(?:run|dev)\s+(?P<path>[\w./-]+\.py)", command):
        yield Start(f"`fastapi run` in {place}", rank, script=found["path"], directory=directory)
    elif (found := _SCRIPT.search(command)) and posixpath.basename(found["path"]) != "manage.py":
        yield Start(f"`python {found['path']}` in {place}", rank, script=found["path"], directory=directory)


def _read_dockerfiles(tree: Tree) -> Iterator[Start]:
    paths = [path for path in tree.files if _DOCKERFILE.fullmatch(posixpath.basename(path))]
    for path in sorted(paths, key=lambda path: (path.count("/"), path)):
        said: dict[str, str] = {}
        rank = 3 if _DEVELOPMENT.search(posixpath.basename(path)) else 1
        for line in _join(tree.read(path)):
            word, _blank, rest = line.partition(" ")
            if word.upper() == "FROM":
                said.clear()
            elif word.upper() in ("CMD", "ENTRYPOINT"):
                said[word.upper()] = _read_exec(rest)
            elif word.upper() == "ENV" and (found := _FLASK_APP.search(rest.replace("FLASK_APP ", "FLASK_APP="))):
                said["FLASK_APP"] = found["value"]
        command = f"{said.get('ENTRYPOINT', '')} {said.get('CMD', '')}".strip()
        directory = posixpath.dirname(path)
        for one in dict.fromkeys((command, said.get("CMD", ""))):
            if one:
                yield from read_command(one, path, rank, directory)
        if "FLASK_APP" in said:
            yield Start(f"FLASK_APP in {path}", rank, flask_app=said["FLASK_APP"], directory=directory)


def _read_exec(text: str) -> str:
    """Return a command of a Dockerfile as a shell has it."""
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return text
    if len(words) == 3 and words[0].rpartition("/")[2] in ("sh", "bash") and words[1] in ("-c", "-lc"):
        return str(words[2])
    return " ".join(map(shlex.quote, words))


def _list_services(tree: Tree) -> Iterator[tuple[str, str, str]]:
    """Yield the commands of compose files: the file, the service, the command."""
    for path in tree.files:
        if not re.fullmatch(r"(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml", posixpath.basename(path)):
            continue
        for name, service in _mapping(_mapping(load_yaml(tree.read(path))).get("services")).items():
            command = _mapping(service).get("command")
            if isinstance(command, list):
                command = " ".join(shlex.quote(str(word)) for word in command)
            if isinstance(command, str):
                command = re.sub(r"^(?:ba)?sh -c ", "", " ".join(command.split()))
                yield path, str(name), command.strip("'\"") if command[:1] in "'\"" else command


def _read_compose(tree: Tree) -> Iterator[Start]:
    for path, name, command in _list_services(tree):
        if not re.search(r"\b(celery|rq|dramatiq|flower)\b", command):
            rank = 3 if _DEVELOPMENT.search(posixpath.basename(path)) else 1
            yield from read_command(command, f"the service {name} of {path}", rank, posixpath.dirname(path))


def _read_platforms(tree: Tree) -> Iterator[Start]:
    for path in tree.named("render.yaml", "render.yml"):
        services = _mapping(load_yaml(tree.read(path))).get("services")
        for service in services if isinstance(services, list) else []:
            command = _mapping(service).get("startCommand")
            if isinstance(command, str) and _mapping(service).get("type") == "web":
                yield from read_command(command, path, 2, posixpath.dirname(path))
    for path in tree.named("railway.json", "railway.toml", "fly.toml", "nixpacks.toml", "app.yaml"):
        found = _PLATFORM.search(tree.read(path))
        if found and _SERVER.search(found["command"]):
            yield from read_command(found["command"], path, 2, posixpath.dirname(path))


def _read_flask_variables(tree: Tree) -> Iterator[Start]:
    for path in tree.named(".flaskenv", ".env", ".env.example", ".env.sample", "example.env", ".env.dist"):
        if found := _FLASK_APP.search(tree.read(path)):
            rank = 2 if posixpath.basename(path) == ".flaskenv" else 3
            yield Start(f"FLASK_APP in {path}", rank, flask_app=found["value"], directory=posixpath.dirname(path))


def _read_lines(tree: Tree) -> Iterator[Start]:
    """Yield what lines of scripts, units of systemd, settings of supervisor, a Makefile or a README start."""
    for path in tree.files:
        name = posixpath.basename(path)
        if (
            name.endswith((".sh", ".service"))
            or name in ("Makefile", "makefile", "Justfile", "justfile", "entrypoint")
            or (name.endswith((".conf", ".ini")) and "supervisor" in name)
        ):
            rank = 4
        elif re.fullmatch(r"readme(?:\.(?:md|rst|txt))?", name, re.IGNORECASE) and path.count("/") <= 2:
            rank = 5
        else:
            continue
        for line in list(_join(tree.read(path)))[:_MOST_LINES]:
            command = re.sub(r"^(?:ExecStart|command)\s*=\s*|^[@$>\s]+|^(?:exec|RUN)\s+", "", line.strip().strip("`"))
            if len(command) > _LONGEST_LINE or command.startswith("#") or _names_installation(command):
                continue
            if _SERVER.search(f" {command}") or _FLASK.search(command):
                yield from _only_first(read_command(_cut(command), path, rank, posixpath.dirname(path)))
            elif rank == 5 and (found := _FLASK_APP.search(command)):
                yield Start(f"FLASK_APP in {path}", rank, flask_app=found["value"], directory=posixpath.dirname(path))
            elif rank == 5 and (found := re.fullmatch(r"python[\d.]*\s+(?P<path>[\w./-]+\.py)", command)):
                yield Start(f"`{command}` in {path}", rank, script=found["path"], directory=posixpath.dirname(path))


def _names_installation(command: str) -> bool:
    return re.search(r"\b(pip3?|apt(?:-get)?|pipenv|poetry|uv|conda|brew) (?:install|add|sync)\b", command) is not None


def _cut(command: str) -> str:
    """Return a command without the sentence around it."""
    found = re.search(r"`([^`]*\b(?:gunicorn|uvicorn|hypercorn|waitress-serve|flask)\b[^`]*)`", command)
    return found[1] if found else command.rstrip("`\\ ")


def _only_first(starts: Iterator[Start]) -> Iterator[Start]:
    yield from list(starts)[:1]


def _join(text: str) -> Iterator[str]:
    """Yield the lines of a text, with those that end with a backslash joined to the next one."""
    yield from re.sub(r"\\\r?\n\s*", " ", text).splitlines()


def load_yaml(text: str) -> object:
    """Return what a YAML file says; nothing of one that cannot be read, or that has aliases, which may grow without end."""
    if len(text) > _LARGEST_YAML:
        return None
    if re.search(r"[:\-\[,]\s*\*\w", text):
        text = re.sub(r"(?m)^.*[:\-\[,]\s*\*\w.*$", "", text)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, TypeError):
        return None


def _mapping(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
