# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Describe an app: read its repository, and write an entry of `flask_apps` with the reason for each line."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import NAME_PATTERN
from ansible_collections.webstack.flask.plugins.module_utils._source.git import split_credentials
from ansible_collections.webstack.flask.plugins.plugin_utils._describe import (
    commands,
    data,
    dependencies,
    imports,
    packages,
    services,
    variables,
    web,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.apps import find_candidates
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Code, is_aside, text_of
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.context import Context
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.entry import find_entry
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import Ambiguous, Findings
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.render import build, holds_braces, render
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.starts import Start, find_starts
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import Tree
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.values import list_settings

OPTIONS = ("name", "wsgi", "asgi", "subdirectory", "dependencies_file", "server_names")
"""What the user may choose, each by the variable `flask_<option>`."""

_GENERIC = ("app", "src", "source", "code", "project", "repo", "repository", "backend", "server", "web", "site", "main", "flask", "")
"""Names of directories that say nothing of what is in them."""

_SYSTEM = frozenset(
    (
        *("adm", "audio", "backup", "bin", "cdrom", "crontab", "daemon", "dialout", "dip", "disk", "fax", "floppy", "games", "input"),
        *("irc", "kmem", "kvm", "list", "lp", "mail", "man", "messagebus", "news", "nobody", "nogroup", "nginx", "operator", "plugdev"),
        *("postgres", "proxy", "redis", "render", "root", "sasl", "shadow", "src", "ssh", "sshd", "staff", "sudo", "sync", "sys", "tape"),
        *("tty", "user", "users", "utmp", "uucp", "uuidd", "video", "voice", "www-data"),
    )
)
"""Accounts, groups and unit templates of Debian, which no app may be called like."""

_HOST = re.compile(r"(?=.*[a-z])[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE)
_LOCAL = ("localhost.localdomain", "host.docker.internal", "testserver.local")

_DETECTORS = (imports.describe, services.describe, commands.describe, packages.describe, data.describe, web.describe, variables.describe)
"""What looks for the rest, each after what it goes by."""


@dataclass(frozen=True)
class Origin:
    """Where the repository is from."""

    source: Mapping[str, Any]
    """The value of the key `source`."""

    name: str
    """The last part of its path or URL."""

    reason: str


@dataclass(frozen=True)
class Description:
    """An entry, and the text of the file that holds it."""

    text: str
    entry: dict[str, Any]
    remarks: list[str]

    @property
    def vault(self) -> list[str]:
        """Variables that have to be in a vault."""
        return sorted(set(re.findall(r"\{\{ (vault_\w+) \}\}", str(self.entry))))

    @property
    def to_fill(self) -> list[str]:
        """Other variables that have to be given a value."""
        return sorted(set(re.findall(r"\{\{ (?!vault_)(\w+) \}\}", str(self.entry))))


def describe(tree: Tree, origin: Origin, given: Mapping[str, Any] | None = None) -> Description:
    """Return what an entry for the app of a repository says; raise UserError where that cannot be known or has to be chosen."""
    wishes = {key: value for key, value in (given or {}).items() if value}
    directory = str(wishes.get("subdirectory") or _choose_directory(tree, wishes)).strip("/")
    if directory and not tree.has_directory(directory):
        raise UserError(f"flask_subdirectory is {directory!r}, and the repository has no such directory with a file in it")
    top, code = tree.below(directory), Code.of(tree.below(directory))
    found, why = dependencies.read_dependencies(top, str(wishes.get("dependencies_file") or ""))
    starts = [_rebase(start, directory) for start in find_starts(tree)]
    entry = find_entry(top, code, starts, wishes, is_project=found.is_project)
    findings = Findings()
    name, name_reason = _choose_name(str(wishes.get("name") or ""), origin, directory, top)
    findings.add("name", name, name_reason)
    _describe_source(origin, name, directory, tree, findings)
    names, names_reason = _choose_server_names(wishes.get("server_names"), name, code)
    context = Context(top, code, found, entry, name, names, tuple(starts))
    _describe_entry(context, names_reason, findings)
    dependencies.describe(found, why, directory, top, findings)
    for detect in _DETECTORS:
        detect(context, findings)
    findings.remarks += tree.remarks
    if code.broken:
        findings.remarks.append(f"{', '.join(code.broken[:5])} cannot be parsed as Python, and was passed over")
    return _finish(findings)


def _finish(findings: Findings) -> Description:
    kept, out = Findings(remarks=findings.remarks), []
    for item in findings.items:
        if holds_braces(item.value) and not item.is_own:
            out.append(item.key)
        else:
            kept.items.append(item)
    for key in dict.fromkeys(out):
        kept.remarks.append(f"of `{key}` something is left out that has braces, which Ansible would take for its own; write it by hand")
    entry, reasons = build(kept)
    description = Description("", entry, kept.remarks)
    remarks = [*kept.remarks]
    if description.to_fill:
        remarks.insert(0, f"to be filled in, as variables beside flask_apps: {', '.join(description.to_fill)}")
    if description.vault:
        remarks.insert(0, f"to be put into a vault (`ansible-vault create`): {', '.join(description.vault)}")
    return replace(description, text=render(entry, reasons, remarks), remarks=remarks)


def _choose_directory(tree: Tree, wishes: Mapping[str, Any]) -> str:
    """Return the directory that is the app, if it is not the top; raise Ambiguous if there are several."""
    if wishes.get("wsgi") or wishes.get("asgi") or dependencies.find_own_file(tree) or tree.has("Procfile"):
        return ""
    apps = {posixpath.dirname(one.path) for one in find_candidates(Code.of(tree))}
    if "" in apps:
        return ""
    homes = {posixpath.dirname(path) for path in tree.files if dependencies.is_file(path) and not is_aside(path)}
    homes = {home for home in homes if dependencies.find_own_file(tree.below(home))}
    found = sorted({_nearest(home, homes) for home in apps} - {""})
    if len(found) > 1:
        raise Ambiguous("several directories of the repository have an app", [f"flask_subdirectory={one}" for one in found])
    return found[0] if found else ""


def _nearest(directory: str, homes: set[str]) -> str:
    while directory and directory not in homes:
        directory = posixpath.dirname(directory)
    return directory


def _rebase(start: Start, directory: str) -> Start:
    if not directory:
        return start
    inside = start.directory == directory or start.directory.startswith(f"{directory}/")
    script = start.script[len(directory) + 1 :] if start.script.startswith(f"{directory}/") else start.script
    return replace(start, directory=start.directory[len(directory) + 1 :] if inside else "", script=script)


def _choose_name(given: str, origin: Origin, directory: str, tree: Tree) -> tuple[str, str]:
    if given:
        return given, "chosen by `flask_name`"
    tables = dependencies.sections(tree.read("pyproject.toml"))
    project = dependencies.value_of(tables.get("project", ""), "name") or dependencies.value_of(tables.get("tool.poetry", ""), "name")
    last, kind = posixpath.basename(directory), "directory" if "path" in origin.source else "repository"
    names = [(origin.name, f"the name of the {kind}"), (project, "the name in pyproject.toml"), (last, "the name of the directory")]
    if last.lower() not in _GENERIC:
        names.insert(0, names.pop())
    best = next(((name, reason) for name, reason in names if name and name.lower() not in _GENERIC), names[0])
    tidy = re.sub(r"^[^a-z]+", "", re.sub(r"[^a-z0-9_-]+", "-", best[0].lower()))[:25].strip("-_") or "app"
    if tidy in _SYSTEM:
        return f"{tidy}-app", f"{best[1]}, with an ending, because Debian has something of its own that is called {tidy}"
    return (tidy if NAME_PATTERN.fullmatch(tidy) else "app"), best[1]


def _describe_source(origin: Origin, name: str, directory: str, tree: Tree, findings: Findings) -> None:
    source = dict(origin.source)
    reason = origin.reason
    word = name.replace("-", "_")
    url = str(source.get("git", ""))
    if split_credentials(url)[1]:
        source["git"] = f"{{{{ vault_{word}_git }}}}"
        reason = f"{reason}; its URL has a password, and belongs into a vault"
    elif url and not re.match(r"(?:https?|git|file)://", url):
        source["ssh_key"], source["known_hosts"] = f"{{{{ vault_{word}_ssh_key }}}}", f"{{{{ {word}_known_hosts }}}}"
        reason = f"{reason}; the machine reads it with a deploy key, and believes the server by what `ssh-keyscan` prints"
    if holds_braces(dict(origin.source)):
        raise UserError("the path or the URL of the repository has braces, which Ansible would take for its own")
    if directory:
        source["subdirectory"] = directory
        reason = f"{reason}; the app and its dependency file are in {directory}"
    if "git" in source and "filter=lfs" in tree.read(".gitattributes"):
        source["lfs"] = True
        reason = f"{reason}; .gitattributes keeps files in Git LFS"
    findings.add("source", source, reason, is_own=True)


def _choose_server_names(given: object, name: str, code: Code) -> tuple[list[str], str]:
    if given:
        return (
            [given] if isinstance(given, str) else list(map(str, given)) if isinstance(given, list) else []
        ), "chosen by `flask_server_names`"
    for key, value, module in list_settings(code):
        if key in ("ALLOWED_HOSTS", "SERVER_NAME"):
            nodes = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
            texts = [text for node in nodes if (text := text_of(node))]
            hosts = [text.lower() for text in texts if _HOST.fullmatch(text) and text not in _LOCAL]
            if hosts:
                return hosts, f"{key} in {module.path}"
    return [f"{name.replace('_', '-').strip('-')}.test"], "where it is to be reached; put the names here under which it is known"


def _describe_entry(context: Context, names_reason: str, findings: Findings) -> None:
    entry = context.entry
    if not entry.kind and "processes" in entry.start.keys:
        return
    if not entry.kind:
        raise UserError(_explain_nothing(context.dependencies, context.starts))
    findings.add(entry.kind, entry.value, entry.reason)
    if entry.chdir:
        findings.add("chdir", entry.chdir, entry.place_reason)
    if entry.python_path:
        findings.add("python_path", list(entry.python_path), entry.place_reason or entry.reason)
    findings.add("server_names", context.server_names, names_reason)


def _explain_nothing(found: Dependencies, starts: Sequence[Start]) -> str:
    seen = next((start.place for start in starts if start.place), "")
    what = f"; {seen} names none that is in the source" if seen else ""
    asked = f" ({found.file} was read)" if found.file else ""
    return (
        f"no WSGI or ASGI app was found{asked}{what}: neither a Procfile, a container, a script nor the README names one, and no file of "
        "Python makes one. Say what it is, as in -e flask_wsgi=wsgi:app"
    )
