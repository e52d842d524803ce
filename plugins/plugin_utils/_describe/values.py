# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What expressions of Python are, as far as that can be told without running them: texts, numbers, and paths in the repository."""

from __future__ import annotations

import ast
import operator
import posixpath
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Code, Module

TOP = "//source"
"""Stands for the top of the source in paths."""

_DEEPEST = 25
_LONGEST = 2000
_LARGEST_POWER, _LARGEST = 50, 1 << 50
_NUMBERS: dict[type, Callable[[int, int], int]] = {
    ast.Mult: operator.mul,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.LShift: operator.lshift,
    ast.Pow: operator.pow,
}
_HERE = ("os.getcwd", "pathlib.Path", "pathlib.Path.cwd")
"""What without arguments is the directory in which the app starts."""

_SAME = ("os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expanduser", "os.fspath", "str")
_OF_PATHS: dict[str, Callable[..., str]] = {
    **dict.fromkeys((*_HERE, "os.path.join", "posixpath.join"), posixpath.join),
    **dict.fromkeys(("os.path.dirname", "posixpath.dirname"), lambda path, *_more: posixpath.dirname(path)),
    **dict.fromkeys(_SAME, lambda path, *_more: path),
}
_METHODS = {**dict.fromkeys(("resolve", "absolute", "as_posix", "expanduser"), "str"), "joinpath": "os.path.join"}
"""Methods of a path, and the functions that do the same."""


def _read_constant(value: object) -> str | int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST
    return value if is_number or isinstance(value, str) else None  # type: ignore[return-value]


def _join(parts: Sequence[object]) -> str | None:
    text = "".join(map(str, parts)) if None not in parts else None
    return text if text is None or len(text) <= _LONGEST else None


class Evaluator:
    """Works out expressions of one module."""

    def __init__(self, code: Code, module: Module, instance: str = "instance") -> None:
        """Take the code, the module, and the directory that Flask takes for the app's instance."""
        self.code, self.module, self.instance = code, module, instance
        self._names = module.values
        self._readers: dict[type, Callable[[Any, int], Any]] = {
            ast.Attribute: self._read_attribute,
            ast.BinOp: self._read_operation,
            ast.BoolOp: lambda node, depth: self.value(node.values[-1], depth + 1) if isinstance(node.op, ast.Or) else None,
            ast.Call: self._read_call,
            ast.Constant: lambda node, _depth: _read_constant(node.value),
            ast.FormattedValue: lambda node, depth: self.value(node.value, depth + 1),
            ast.JoinedStr: lambda node, depth: _join([self.value(one, depth + 1) for one in node.values]),
            ast.Name: lambda node, depth: self.value_of_name(node.id, depth),
            ast.Subscript: self._read_item,
        }

    def value(self, node: ast.AST | None, depth: int = 0) -> Any:  # noqa: ANN401 - a text or a number
        """Return a text or a whole number; None if it cannot be told."""
        read = self._readers.get(type(node)) if depth <= _DEEPEST else None
        return read(node, depth) if read else None

    def path(self, node: ast.AST | None) -> str:
        """Return a path in the source, relative to its top; nothing if the expression is none. A relative one is returned as it is."""
        return inside(self.value(node))

    def value_of_name(self, name: str, depth: int = 0) -> Any:  # noqa: ANN401 - likewise
        """Return what a name of the module is."""
        if depth > _DEEPEST:
            return None
        if name == "__file__":
            return posixpath.join(TOP, self.module.path)
        if name in self._names:
            return self.value(self._names[name], depth + 1)
        dotted = self.module.imports.get(name, "")
        place, _dot, bare = dotted.rpartition(".")
        other = self.code.find(place or ".", self.module.path) if "." in dotted else None
        return Evaluator(self.code, other, self.instance).value_of_name(bare, depth + 5) if other and other is not self.module else None

    def _read_operation(self, node: ast.BinOp, depth: int) -> Any:  # noqa: ANN401 - likewise
        left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
        if isinstance(left, str) and isinstance(right, str):
            return (
                posixpath.join(left, right)
                if isinstance(node.op, ast.Div)
                else _join([left, right] if isinstance(node.op, ast.Add) else [None])
            )
        calculate = _NUMBERS.get(type(node.op))
        if not calculate or not isinstance(left, int) or not isinstance(right, int):
            return None
        is_small = right < _LARGEST_POWER and left <= 1024 if isinstance(node.op, (ast.LShift, ast.Pow)) else True
        return _read_constant(calculate(left, right)) if is_small and min(left, right) >= 0 else None

    def _read_attribute(self, node: ast.Attribute, depth: int) -> Any:  # noqa: ANN401 - likewise
        known = {
            "instance_path": posixpath.join(TOP, self.instance),
            "root_path": posixpath.join(TOP, posixpath.dirname(self.module.path)),
        }
        if node.attr in known:
            return known[node.attr]
        if node.attr == "parent":
            inner = self.value(node.value, depth + 1)
            return posixpath.dirname(inner) if isinstance(inner, str) else None
        if node.attr == "BASE_DIR" and self.module.name_of(node).endswith("settings.BASE_DIR"):
            return TOP
        is_here = isinstance(node.value, ast.Name) and node.value.id in ("cls", "self", "Config", "config")
        return self.value_of_name(node.attr, depth + 1) if is_here else None

    def _read_item(self, node: ast.Subscript, depth: int) -> Any:  # noqa: ANN401 - likewise
        """Return what `parents[1]` or `app.config["X"]` is."""
        if isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            inner, number = self.value(node.value.value, depth + 1), self.value(node.slice, depth + 1)
            if isinstance(inner, str) and isinstance(number, int) and 0 <= number < _DEEPEST:
                for _step in range(number + 1):
                    inner = posixpath.dirname(inner)
                return inner
        key = self.value(node.slice, depth + 1)
        if isinstance(node.value, ast.Attribute) and node.value.attr == "config" and isinstance(key, str):
            return self.value_of_name(f"config[{key}]", depth + 1)
        return None

    def _read_call(self, node: ast.Call, depth: int) -> Any:  # noqa: ANN401 - likewise
        name = self.module.name_of(node.func)
        given = [self.value(one, depth + 1) for one in node.args]
        if name.endswith(("os.getenv", "environ.get")):
            return given[1] if len(given) > 1 else None
        if isinstance(node.func, ast.Attribute) and name not in _OF_PATHS:
            given = [self.value(node.func.value, depth + 1), *given]
            name = _METHODS.get(node.func.attr, "")
        if not all(isinstance(one, str) for one in given) or name not in _OF_PATHS:
            return None
        return _OF_PATHS[name](*given) if given else "." if name in _HERE else None


def inside(value: object) -> str:
    """Return a path relative to the top of the source, or as it is where it is relative; nothing if it lies elsewhere, or is no path."""
    if not isinstance(value, str) or not value or "\0" in value or len(value) > 255:
        return ""
    if value == TOP or value.startswith(f"{TOP}/"):
        path = posixpath.normpath(value[len(TOP) :].lstrip("/") or ".")
        return "" if path.startswith("..") else path
    if value.startswith(("/", "~", "..")) or "://" in value:
        return ""
    return posixpath.normpath(value)


def list_settings(code: Code) -> list[tuple[str, ast.expr, Module]]:
    """Return all settings: names in capitals at the top of modules and in classes, and what `app.config` is given."""
    found = []
    for module in code.modules.values():
        for name, value in module.values.items():
            key = name[len("config[") : -1] if name.startswith("config[") else name
            if key.isupper():
                found.append((key, value, module))
    return found
