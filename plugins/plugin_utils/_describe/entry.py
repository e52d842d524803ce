# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line `wsgi` or `asgi` of an entry, and where the app has to start so that its modules are found."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.apps import (
    Candidate,
    find_candidates,
    find_in,
    find_others,
    find_uvicorn_runs,
    prefer,
)
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Code
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.findings import Ambiguous
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.starts import Start
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import Tree

_NAMED = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<callable>[A-Za-z_]\w*(?:\.\w+)*)(?P<call>\(.*\))?", re.DOTALL)
_FLASK_NAMES = ("app", "application")
_FACTORIES = ("create_app", "make_app")


@dataclass(frozen=True)
class Entry:
    """How an app is started."""

    kind: str
    """`wsgi`, `asgi`, or nothing for an app without a web process."""

    value: str = ""
    """`module:callable`."""

    reason: str = ""
    chdir: str = ""
    python_path: tuple[str, ...] = ()
    place_reason: str = ""
    path: str = ""
    """The file in which the app is, if it was found."""

    start: Start = field(default_factory=lambda: Start("", 9))
    """What else was said where the app is named."""

    @property
    def module(self) -> str:
        """The module's name in dots."""
        return self.value.partition(":")[0]

    @property
    def flask_app(self) -> str:
        """What the command `flask` is told: the module, and more where it would not find the rest."""
        module, _colon, name = self.value.partition(":")
        plain = name in (*_FLASK_NAMES, *(f"{factory}()" for factory in _FACTORIES))
        return module if plain else f"'{module}:{name}'" if "(" in name else f"{module}:{name}"


@dataclass(frozen=True)
class Place:
    """Where Python finds a module."""

    path: str
    module: str
    chdir: str = ""
    python_path: tuple[str, ...] = ()
    reason: str = ""


def find_entry(tree: Tree, code: Code, starts: list[Start], given: dict[str, Any], *, is_project: bool) -> Entry:
    """Return how the app is started; raise UserError if that is not known, or if two things are possible."""
    finder = _Finder(tree, code, is_project=is_project)
    if chosen := given.get("wsgi") or given.get("asgi"):
        kind = "wsgi" if given.get("wsgi") else "asgi"
        return finder.take(kind, str(chosen), f"chosen by `flask_{kind}`", Start("", 0)) or Entry(
            kind, str(chosen), f"chosen by `flask_{kind}`"
        )
    for start in starts:
        if found := finder.read_start(start):
            return found
    return finder.read_code(starts)


class _Finder:
    def __init__(self, tree: Tree, code: Code, *, is_project: bool) -> None:
        self.tree, self.code, self.is_project = tree, code, is_project
        self.candidates = find_candidates(code)

    def read_start(self, start: Start) -> Entry | None:
        """Return what a file says, if that is in the source."""
        for kind in ("wsgi", "asgi"):
            if kind in start.keys:
                return self.take(kind, start.keys[kind], start.place, start)
        return self._read_flask(start) if start.flask_app else None

    def take(self, kind: str, value: str, reason: str, start: Start) -> Entry | None:
        """Return what a `module:callable` means here; None if there is no such module."""
        value = value if ":" in value else f"{value}:{self._guess_name(value, start)}"
        named = _NAMED.fullmatch(value)
        if named is None:
            return None
        chdir = start.keys.get("chdir", "")
        place = self.place(named["module"], "" if chdir.startswith(("/", "$", "~")) else chdir.strip("./"), start.directory)
        if place is None:
            return None
        callable_ = named["callable"] + (named["call"] or "")
        known = next((one for one in find_in(self.code.modules[place.path], self.code) if one.name == named["callable"]), None)
        if known and known.is_factory and not named["call"]:
            callable_ = f"{callable_}()"
            reason = f"{reason}; {known.name} is a function that makes the app"
        if known and not start.place and known.kind != kind:
            reason = f"{reason}, though it looks like one for `{known.kind}`"
        elif known and known.kind != kind and "worker_class" not in start.keys.get("gunicorn", {}):
            kind, reason = known.kind, f"{reason}; {known.maker} is served as {known.kind.upper()}"
        return self._enter(kind, f"{place.module}:{callable_}", reason, place, start)

    def _guess_name(self, module: str, start: Start) -> str:
        place = self.place(module, "", start.directory)
        found = find_in(self.code.modules[place.path], self.code) if place else []
        return found[0].name if len(found) == 1 else next((one.name for one in found if one.name == "application"), "application")

    @staticmethod
    def _enter(kind: str, value: str, reason: str, place: Place, start: Start) -> Entry:
        own = [path for path in start.keys.get("python_path", []) if path not in (".", place.chdir) and not path.startswith("/")]
        python_path = tuple(dict.fromkeys([*place.python_path, *own]))
        return Entry(kind, value, reason, place.chdir, python_path, place.reason, place.path, start)

    def _read_flask(self, start: Start) -> Entry | None:
        """Return what the command `flask` would find by what it was told."""
        target, _colon, name = start.flask_app.partition(":")
        module = target[:-3].strip("./").replace("/", ".") if target.endswith(".py") else target.replace("/", ".").strip(".")
        place = self.place(module, "", start.directory)
        if place is None:
            return None
        here = find_in(self.code.modules[place.path], self.code)
        if not name:
            usable = [one for one in here if not one.demands]
            found = next((one for wanted in (*_FLASK_NAMES, *_FACTORIES) for one in usable if one.name == wanted), None)
            found = found or (usable[0] if len(usable) == 1 else None)
            if found is None:
                return None
            name = found.callable
        known = next((one for one in here if one.name == name.partition("(")[0]), None)
        if known and known.is_factory and "(" not in name:
            name = f"{name}()"
        return self._enter(known.kind if known else "wsgi", f"{place.module}:{name}", start.place, place, start)

    def read_code(self, starts: list[Start]) -> Entry:
        """Return what the code alone tells."""
        for value, path in find_uvicorn_runs(self.code):
            if found := self.take("asgi", value, f"`uvicorn.run` in {path}", Start("", 4, directory=posixpath.dirname(path))):
                return found
        left = prefer(self._choose_protocol(self.candidates), self.code)
        if len(left) > 1:
            left = self._keep_scripts(left, starts) or left
        if len(left) == 1:
            return self._enter_candidate(left[0])
        if left:
            choices = [self._enter_candidate(one) for one in left]
            raise Ambiguous("several things could be the app", [f"flask_{one.kind}={one.value}" for one in choices])
        if demanding := [one for one in self.candidates if one.demands]:
            raise UserError(self._explain_demands(demanding))
        if others := find_others(self.code):
            shown = " and ".join(f"{name} ({path})" for name, path in others.items())
            raise UserError(f"the repository has an app of {shown}, which serves itself: it is neither a WSGI nor an ASGI app")
        return Entry("", start=next((start for start in starts if "processes" in start.keys), Start("", 9)))

    def _choose_protocol(self, candidates: list[Candidate]) -> list[Candidate]:
        """Leave out one of the two files that Django makes: that for ASGI, unless it does more than Django's own."""
        made = {one.maker.partition("(")[0].rpartition(".")[2]: one for one in candidates}
        if "get_wsgi_application" not in made or not any(one.kind == "asgi" and one.is_for_servers for one in candidates):
            return candidates
        routed = any(one.kind == "asgi" and one.is_for_servers and "get_asgi_application" not in one.maker for one in candidates)
        return [one for one in candidates if one.kind == ("asgi" if routed else "wsgi") or not one.is_for_servers]

    @staticmethod
    def _keep_scripts(left: list[Candidate], starts: list[Start]) -> list[Candidate]:
        for start in starts:
            script = posixpath.normpath(posixpath.join(start.directory, start.script)) if start.script else ""
            if found := [one for one in left if one.path == script]:
                return found
        return []

    def _enter_candidate(self, one: Candidate) -> Entry:
        place = self._place_file(one.path)
        how = "is the only app in the code" if len(self.candidates) == 1 else "is the app in the code that is there to be served"
        return self._enter(one.kind, f"{place.module}:{one.callable}", f"{one.maker} in {one.path} {how}", place, Start("", 9))

    def _explain_demands(self, candidates: list[Candidate]) -> str:
        one = candidates[0]
        place = self._place_file(one.path)
        filled = ", ".join("…" for _name in one.demands)
        return (
            f"the app is made by {place.module}:{one.name}, which cannot be called without {' and '.join(one.demands)}; say with what, "
            f"as in -e 'flask_{one.kind}={place.module}:{one.name}({filled})'"
        )

    def place(self, module: str, chdir: str, directory: str = "") -> Place | None:
        """Return where a module lies that somebody has named."""
        inner = module.replace(".", "/")
        everywhere = sorted({posixpath.dirname(path) for path in self.code.modules}, key=lambda folder: (folder.count("/"), folder))
        for root in dict.fromkeys([chdir, directory, "", "src", *everywhere]):
            for path in (f"{inner}.py", f"{inner}/__init__.py"):
                found = posixpath.join(root, path)
                if found in self.code.modules:
                    return self._at_root(found, module, root)
        return None

    def _place_file(self, path: str) -> Place:
        """Return where the module in a file is found by Python: at the top, unless what it imports says otherwise."""
        inner = path[: -len("/__init__.py")] if path.endswith("/__init__.py") else path[:-3]
        root = posixpath.dirname(inner)
        while root and self.tree.has(posixpath.join(root, "__init__.py")):
            root = posixpath.dirname(root)
        if root and self._is_imported_from_top(root, path):
            root = ""
        # Django's settings are named from where its manage.py lies.
        above = [posixpath.dirname(one) for one in self.tree.named("manage.py")]
        root = next((folder for folder in above if root == folder or root.startswith(f"{folder}/" if folder else "")), root)
        module = inner[len(root) + 1 if root else 0 :].replace("/", ".")
        return self._at_root(path, module, root)

    def _is_imported_from_top(self, root: str, path: str) -> bool:
        """Return whether the code in a directory without an `__init__.py` imports its own files by the path from the top."""
        first = root.partition("/")[0]
        if first == "src" or not all(part.isidentifier() for part in root.split("/")):
            return False
        names = set(_list_first_names(self.code, root, path))
        siblings = any(
            posixpath.join(root, found) in self.code.modules for name in names for found in (f"{name}.py", f"{name}/__init__.py")
        )
        return first in names and not siblings

    def _at_root(self, path: str, module: str, root: str) -> Place:
        if not root:
            return Place(path, module)
        if posixpath.basename(root) == "src":
            if self.is_project:
                return Place(path, module)  # installed from there
            return Place(path, module, python_path=(root,), reason=f"{module.partition('.')[0]} lies in {root}")
        return Place(path, module, chdir=root, reason=f"{posixpath.basename(path)} and what it imports lie in {root}")


def _list_first_names(code: Code, root: str, path: str) -> Iterator[str]:
    for file, module in code.modules.items():
        if file == path or file.startswith(f"{root}/"):
            for node in ast.walk(module.body):
                if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    yield node.module.partition(".")[0]
                elif isinstance(node, ast.Import):
                    yield from (one.name.partition(".")[0] for one in node.names)
