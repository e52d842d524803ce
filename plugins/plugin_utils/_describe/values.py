# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What expressions of Python are, as far as that can be told without running them: texts, numbers, and paths in the repository."""

from __future__ import annotations

import ast
import operator
import posixpath
from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Code, Module

TOP = "//source"
"""Stands for the top of the source in paths."""

_DEEPEST = 25
_LONGEST = 2000
_NUMBERS = {ast.Mult: operator.mul, ast.Add: operator.add, ast.Sub: operator.sub}
_SAME = frozenset(("os.path.abspath", "os.path.realpath", "os.path.normpath", "os.path.expanduser", "str", "pathlib.Path", "os.fspath"))


class Evaluator:
    """Works out expressions of one module."""

    def __init__(self, code: Code, module: Module, instance: str = "instance") -> None:
        """Take the code, the module, and the directory that Flask takes for the app's instance."""
        self.code, self.module, self.instance = code, module, instance
        self._names = module.values

    def value(self, node: ast.AST | None, depth: int = 0) -> Any:  # noqa: ANN401 - a text or a number
        """Return a text or a whole number; None if it cannot be told."""
        if depth > _DEEPEST or node is None:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, (str, int)) and not isinstance(node.value, bool) else None
        if isinstance(node, ast.Name):
            return self._read_name(node.id, depth)
        if isinstance(node, ast.JoinedStr):
            return self._join([self.value(one, depth + 1) for one in node.values])
        if isinstance(node, ast.FormattedValue):
            return self.value(node.value, depth + 1)
        if isinstance(node, ast.BinOp):
            return self._read_operation(node, depth)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            return self.value(node.values[-1], depth + 1)
        if isinstance(node, ast.Attribute):
            return self._read_attribute(node, depth)
        if isinstance(node, ast.Subscript):
            return self._read_item(node, depth)
        return self._read_call(node, depth) if isinstance(node, ast.Call) else None

    def path(self, node: ast.AST | None) -> str:
        """Return a path in the source, relative to its top; nothing if the expression is none. A relative one is returned as it is."""
        return inside(self.value(node))

    def _read_name(self, name: str, depth: int) -> Any:  # noqa: ANN401 - likewise
        if depth > _DEEPEST:
            return None
        if name == "__file__":
            return posixpath.join(TOP, self.module.path)
        if name in self._names:
            return self.value(self._names[name], depth + 1)
        dotted = self.module.imports.get(name, "")
        place, _dot, bare = dotted.rpartition(".")
        other = self.code.find(place or ".", self.module.path) if "." in dotted else None
        return Evaluator(self.code, other, self.instance)._read_name(bare, depth + 5) if other and other is not self.module else None

    def _read_operation(self, node: ast.BinOp, depth: int) -> Any:  # noqa: ANN401 - likewise
        left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
        if isinstance(node.op, ast.Div) and isinstance(left, str) and isinstance(right, str):
            return posixpath.join(left, right)
        if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return self._join([left, right])
        calculate = _NUMBERS.get(type(node.op))
        if calculate and isinstance(left, int) and isinstance(right, int) and abs(left) < 1 << 50 and abs(right) < 1 << 50:
            return calculate(left, right)
        if isinstance(node.op, ast.LShift) and isinstance(left, int) and isinstance(right, int) and 0 <= right < 50 and 0 <= left < 1 << 50:
            return left << right
        if isinstance(node.op, ast.Pow) and isinstance(left, int) and isinstance(right, int) and 0 <= right < 50 and abs(left) <= 1024:
            return left**right
        return None

    @staticmethod
    def _join(parts: list[Any]) -> str | None:
        text = "".join(map(str, parts)) if None not in parts else None
        return text if text is None or len(text) <= _LONGEST else None

    def _read_attribute(self, node: ast.Attribute, depth: int) -> Any:  # noqa: ANN401 - likewise
        if node.attr == "instance_path":
            return posixpath.join(TOP, self.instance)
        if node.attr == "root_path":
            return posixpath.join(TOP, posixpath.dirname(self.module.path))
        if node.attr == "parent":
            inner = self.value(node.value, depth + 1)
            return posixpath.dirname(inner) if isinstance(inner, str) else None
        dotted = self.module.name_of(node)
        if dotted in ("os.curdir",):
            return "."
        if node.attr == "BASE_DIR" and dotted.endswith("settings.BASE_DIR"):
            return TOP
        if isinstance(node.value, ast.Name) and node.value.id in ("cls", "self", "Config", "config"):
            return self._read_name(node.attr, depth + 1)
        return None

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
            return self._read_name(f"config[{key}]", depth + 1)
        return None

    def _read_call(self, node: ast.Call, depth: int) -> Any:  # noqa: ANN401 - likewise
        name = self.module.name_of(node.func)
        given = [self.value(one, depth + 1) for one in node.args]
        if name in ("os.path.join", "posixpath.join"):
            texts = [one for one in given if isinstance(one, str)]
            return posixpath.join(*texts) if texts and len(texts) == len(given) else None
        if name in ("os.path.dirname", "posixpath.dirname"):
            return posixpath.dirname(given[0]) if given and isinstance(given[0], str) else None
        if name in ("os.getcwd", "pathlib.Path.cwd"):
            return "."
        if name in _SAME:
            texts = [one for one in given if isinstance(one, str)]
            return posixpath.join(*texts) if texts and len(texts) == len(given) else "." if not given and name == "pathlib.Path" else None
        if name in ("os.getenv", "os.environ.get") or name.endswith((".getenv", "environ.get")):
            return given[1] if len(given) > 1 else None
        if isinstance(node.func, ast.Attribute):
            inner = self.value(node.func.value, depth + 1)
            if node.func.attr in ("resolve", "absolute", "as_posix", "expanduser") and isinstance(inner, str):
                return inner
            if node.func.attr == "joinpath" and isinstance(inner, str) and all(isinstance(one, str) for one in given):
                return posixpath.join(inner, *given)
        return None


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
