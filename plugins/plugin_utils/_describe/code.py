# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python files of a repository, parsed and never run, and what a name in one of them means."""

from __future__ import annotations

import ast
import posixpath
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import Tree

_MOST_MODULES, _MOST_TEXT = 3000, 40 << 20
"""Files of Python that are parsed, and characters of them altogether."""
_ASIDE = frozenset(
    (
        *("tests", "test", "testing", "docs", "doc", "examples", "example", "samples", "benchmarks", "migrations", "alembic"),
        *("notebooks", "cookiecutter", "fixtures", "scripts", "tools", "docs_src"),
    )
)
"""Directories whose code is no part of the app that is served."""


@dataclass(frozen=True)
class Module:
    """A Python file: its path, and what it says."""

    path: str
    body: ast.Module

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """What runs when it is imported: its top, with what is in `if`, `try` and `with`, but not below `if __name__ == "__main__"`."""
        return list(_flatten(self.body.body))

    @cached_property
    def imports(self) -> dict[str, str]:
        """What names stand for that it imports, in dots: `{"F": "flask.Flask"}`. Those that are relative begin with dots."""
        return _list_imports(ast.walk(self.body))

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
        """The functions at its top."""
        return {node.name: node for node in self.statements if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}

    def name_of(self, node: ast.AST | None) -> str:
        """Return what an expression names, in dots, with imports spelt out: `flask.Flask`. Nothing if it is no name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.imports.get(node.id, node.id), *reversed(parts)])

    @cached_property
    def values(self) -> dict[str, ast.expr]:
        """What names are given, at its top and in classes, and what `app.config` is given, by `config[KEY]`."""
        return _list_values(self)

    @cached_property
    def calls(self) -> list[tuple[str, ast.Call]]:
        """Each call in it outside of what runs only as a script, with the name that is called."""
        return [(self.name_of(node.func), node) for node in walk_served(self.body) if isinstance(node, ast.Call)]


@dataclass(frozen=True)
class Code:
    """All of the Python files that may be the app's."""

    modules: Mapping[str, Module]
    broken: tuple[str, ...] = ()
    """Files that could not be parsed."""

    @classmethod
    def of(cls, tree: Tree) -> Code:
        """Parse the Python files of a tree."""
        modules: dict[str, Module] = {}
        broken: list[str] = []
        left = _MOST_TEXT
        for path in tree.files:
            if not path.endswith(".py") or is_aside(path) or len(modules) == _MOST_MODULES:
                continue
            text = tree.read(path)
            left -= len(text)
            if left < 0:
                break
            body = _parse(text)
            if body is None:
                broken.append(path)
            else:
                modules[path] = Module(path, body)
        return cls(modules, tuple(broken))

    def find(self, dotted: str, importer: str = "") -> Module | None:
        """Return the module that a dotted name means, as `importer` would import it; None if it is no file of the repository."""
        level = len(dotted) - len(dotted.lstrip("."))
        folder = posixpath.dirname(importer)
        for _step in range(level - 1):
            folder = posixpath.dirname(folder)
        inner = dotted.lstrip(".").replace(".", "/")
        folders = [folder] if level else ["", "src", *_list_parents(folder)]
        for top in folders:
            for path in (posixpath.join(top, f"{inner}.py"), posixpath.join(top, inner, "__init__.py")):
                if path in self.modules and path != importer:
                    return self.modules[path]
        return None


def is_aside(path: str) -> bool:
    """Return whether a file is of tests, documentation and the like."""
    *folders, name = path.split("/")
    return not _ASIDE.isdisjoint(folders) or re.fullmatch(r"test_.*|.*_test\.py|conftest\.py|setup\.py|noxfile\.py", name) is not None


def _list_parents(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = posixpath.dirname(folder)


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _flatten(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    pending = list(reversed(body))
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If):
            if not is_script(node):
                pending += reversed([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            inner = [node.body, *(handler.body for handler in node.handlers), node.orelse, node.finalbody]
            pending += reversed([statement for part in inner for statement in part])
        elif isinstance(node, ast.With):
            pending += reversed(node.body)
        else:
            yield node


def is_script(node: ast.AST) -> bool:
    """Return whether a statement is `if __name__ == "__main__"`, which does not run where the module is imported."""
    test = node.test if isinstance(node, ast.If) else None
    return isinstance(test, ast.Compare) and any(
        isinstance(one, ast.Name) and one.id == "__name__" for one in (test.left, *test.comparators)
    )


def walk_served(top: ast.AST) -> Iterator[ast.AST]:
    """Yield all that is in a module but for what runs only as a script."""
    pending = [top]
    while pending:
        node = pending.pop()
        yield node
        if is_script(node):
            pending += getattr(node, "orelse", [])
        else:
            pending += reversed(list(ast.iter_child_nodes(node)))


def _list_imports(nodes: Iterator[ast.AST]) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for one in node.names:
                found[one.asname or one.name.partition(".")[0]] = one.name if one.asname else one.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            for one in node.names:
                found[one.asname or one.name] = f"{start}{'' if start.endswith('.') else '.'}{one.name}"
    return found


def text_of(node: ast.AST | None) -> str | None:
    """Return the text that an expression is; None if it is another one."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def argument_of(call: ast.Call, name: str, place: int | None = None) -> ast.expr | None:
    """Return the argument of a call that has a name, or else a place."""
    if found := next((keyword.value for keyword in call.keywords if keyword.arg == name), None):
        return found
    return call.args[place] if place is not None and place < len(call.args) else None


def _list_values(module: Module) -> dict[str, ast.expr]:
    """Return what `values` says."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(module.body):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, node.value)
                elif isinstance(target, ast.Subscript) and _is_config(target.value) and (key := text_of(target.slice)):
                    found.setdefault(f"config[{key}]", node.value)
    for _name, call in module.calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in ("update", "from_mapping") and _is_config(call.func.value):
            found.update({f"config[{one.arg}]": one.value for one in call.keywords if one.arg})
    return found


def _is_config(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "config"
