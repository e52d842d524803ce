"""What Ansible loads on the computer where it runs does without what Python 3.9 lacks.

ruff sees new syntax, and mypy what came after Python 3.10; see pyproject.toml and tests/harness/commands/lint.py. This is the rest.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from harness import paths
from harness.imports import find_imports, list_reached

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYWORDS = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}}
NAMES = {"aiter", "anext", "pairwise", "EllipsisType", "NoneType", "UnionType", "Concatenate", "ParamSpec", "TypeAlias", "TypeGuard"}
TYPES = {"bool", "bytes", "dict", "float", "int", "list", "set", "str", "tuple"}
FILES = sorted(list_reached(["action", "filter", "lookup", "plugin_utils"], find_imports()))


def find_new(source: str) -> list[str]:
    nodes = walk_without_annotations(ast.parse(source, feature_version=(3, 9)))
    return [f"line {getattr(node, 'lineno', '?')}: {found}" for node in nodes if (found := name_new(node))]


def walk_without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if child not in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            yield from walk_without_annotations(child)


def name_new(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, ast.BinOp(op=ast.BitOr())]):
            return "a union in isinstance"
        case ast.BinOp(op=ast.BitOr(), left=ast.Name(id=name)) if name in TYPES:
            return "a union outside of an annotation"
        case ast.Call(func=ast.Name(id=name), keywords=keywords):
            return next((f"{name}({one.arg}=)" for one in keywords if one.arg in KEYWORDS.get(name, ())), None)
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) if name in NAMES:
            return name
    return None


def test_all_that_the_controller_loads_is_looked_at() -> None:
    assert {"action/builds", "filter/flask_apps", "plugin_utils/_flask_apps/spec", "module_utils/_certificates/pem"} <= set(FILES)
    assert "module_utils/_release/switch" not in FILES


@pytest.mark.parametrize("file", FILES)
def test_what_the_controller_loads_does_without_what_came_with_python_3_10(file: str) -> None:
    assert find_new((paths.ROOT / "plugins" / file).with_suffix(".py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "isinstance(value, list | Mapping)",
        "not isinstance(value, A | B)",
        "Text = str | None",
        "for one, other in zip(ours, theirs, strict=True): pass",
        "@dataclass(frozen=True, slots=True)\nclass A: pass",
        "import itertools\nitertools.pairwise(chain)",
        "from itertools import pairwise",
        "from typing import Any, TypeAlias",
    ],
)
def test_what_is_new_is_seen(source: str) -> None:
    assert find_new(source)


@pytest.mark.parametrize(
    "source",
    [
        "def f(value: str | None, *more: int | str) -> list[str] | None: found: int | str = 1",
        "isinstance(value, (list, tuple))",
        "flags = os.O_RDONLY | os.O_CLOEXEC",
        "keys = {*one} | {*other}",
        "for one, other in zip(ours, theirs): pass",
    ],
)
def test_what_python_3_9_has_is_let_pass(source: str) -> None:
    assert find_new(source) == []
