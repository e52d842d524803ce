"""Which part of the collection's code imports which, and which way imports may run: docs/architecture.md has the reasons."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from harness import paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

_OWN = "ansible_collections.webstack.flask.plugins."

_FLOORS = (
    ("module_utils/_errors", "module_utils/_escapes", "module_utils/_encoding", "module_utils/_side_by_side"),
    ("module_utils/_layout", "module_utils/_outcomes"),
    ("module_utils/_host",),
    ("module_utils/_systemd",),
    ("module_utils/_source",),
    ("module_utils/_environment", "module_utils/_nginx", "module_utils/_certificates", "module_utils/_databases", "module_utils/_redis"),
    ("module_utils/_backups", "module_utils/_notifications"),
    ("module_utils/_release",),
    ("module_utils/_webstack",),
    ("module_utils/_metrics",),
    ("plugin_utils", "modules"),
    ("action", "callback", "filter", "lookup"),
)
"""A room imports from itself and from those on floors below it."""


@dataclass(frozen=True, order=True)
class Import:
    """A file that imports another, each by its path below plugins/, without its ending."""

    importer: str
    imported: str


def find_imports(plugins: Path = paths.ROOT / "plugins") -> list[Import]:
    """Return the imports between the collection's own files."""
    return sorted(
        {
            Import(str(file.relative_to(plugins).with_suffix("")), imported)
            for file in plugins.rglob("*.py")
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            for imported in _list_imported(node, plugins)
        }
    )


def _list_imported(node: ast.AST, plugins: Path) -> list[str]:
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith(_OWN):
        return []
    path = (node.module or "").removeprefix(_OWN).replace(".", "/")
    return (
        [path]
        if (plugins / path).with_suffix(".py").exists() or not (plugins / path).is_dir()
        else [f"{path}/{name.name}" for name in node.names]
    )


def list_reached(rooms: Collection[str], imports: Iterable[Import]) -> set[str]:
    """Return the files of some rooms, and all that these import, and that those import."""
    known = set(imports)
    reached = {found.importer for found in known if room_of(found.importer) in rooms}
    while more := {found.imported for found in known if found.importer in reached} - reached:
        reached |= more
    return reached


def list_wrong_ways(imports: Iterable[Import]) -> list[Import]:
    """Return the imports that run up, or sideways into another room, and those of files that are in no room."""
    floors = {room: number for number, rooms in enumerate(_FLOORS) for room in rooms}
    wrong = []
    for found in imports:
        ours, theirs = room_of(found.importer), room_of(found.imported)
        if ours not in floors or theirs not in floors or (floors[theirs] >= floors[ours] and (ours != theirs or ours == "modules")):
            wrong.append(found)
    return wrong


def room_of(file: str) -> str:
    """Return the room in which a file is: a package of module_utils, or a directory of plugins."""
    top, *inner = file.split("/")
    return f"{top}/{inner[0]}" if top == "module_utils" else top


def draw(imports: Iterable[Import]) -> str:
    """Return the picture: the floors from the top down, under each room those that it imports from, and how often."""
    between = sorted((room_of(found.importer), room_of(found.imported)) for found in imports)
    arrows = [(ours, theirs, len(list(same))) for (ours, theirs), same in groupby(between) if ours != theirs]
    lines = []
    for rooms in reversed(_FLOORS):
        for room in rooms:
            lines.append(room)
            lines.extend(f"    -> {theirs} ({count})" for ours, theirs, count in arrows if ours == room)
    return "\n".join([*lines, f"{len(arrows)} arrows between {sum(map(len, _FLOORS))} rooms"])
