# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of this collection on a host, which units and people run without Ansible: sources that a module brings along, and a launcher.

The host gets those modules alone that the program imports, with what they import; they use nothing but Python's own library.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, ensure_file, require_closed_way

_PACKAGE = "ansible_collections.webstack.flask.plugins.module_utils"
_IMPORT = re.compile(rf"^[ ]*from ({re.escape(_PACKAGE)}[\w.]*) import (\([^)]*\)|.*)", re.MULTILINE)
_NAME = re.compile(r"\w+")
_CODE, _EXECUTABLE, _DIRECTORY = Access(0, 0, 0o644), Access(0, 0, 0o755), Access(0, 0, 0o755)

_LAUNCHER = """#!/usr/bin/python3 -IB
# Written by webstack.flask.
import sys

sys.path.insert(0, {library!r})
from {module} import main

sys.exit(main())
"""


def ensure_program(launcher: Path, module: str, *, check: bool = False) -> bool:
    """Put a program on the host that runs `main` of a module; return whether anything of it was (or in check mode would be) changed.

    The launcher comes last: it meets either all of the former sources or all of its own, but for the moment in between.
    """
    library = launcher.parent / "python"
    texts: dict[Path, str] = {}
    for name, text in find_sources(module).items():
        path = library.joinpath(*name.split("."))
        texts[path.with_name(f"{path.name}.py")] = text
        # Python's own search takes a directory without this for less than any other one of its name.
        texts.update({package / "__init__.py": "" for package in path.parents if library in package.parents})
    require_closed_way(launcher.parent)
    changed = False
    for path, text in texts.items():
        changed |= ensure_directory(path.parent, _DIRECTORY, check=check)
        changed |= ensure_file(path, text, _CODE, check=check)
    return ensure_file(launcher, _LAUNCHER.format(library=str(library), module=module), _EXECUTABLE, check=check) or changed


def find_sources(module: str) -> dict[str, str]:
    """Return the texts of a module of this collection, and of all of this collection that it imports, by their names."""
    found: dict[str, str] = {}
    left = [module]
    while left:
        name = left.pop()
        if name in found:
            continue
        text = _read_source(name)
        if text is not None:
            found[name] = text
            left += _list_imports(text)
    return found


def _read_source(name: str) -> str | None:
    """Return the text of a module, from wherever it was loaded, be it the archive that Ansible sends; None where it is a package."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    if spec is None or spec.submodule_search_locations is not None or spec.loader is None:
        return None
    # That of an archive has it too, though Python does not count it among those that do.
    get_source: Callable[[str], str | None] = getattr(spec.loader, "get_source")  # noqa: B009
    return get_source(name)


def _list_imports(text: str) -> Iterator[str]:
    """Return what a text imports of this collection. Parsing it would take most of the time of a run that changes nothing."""
    for module, names in _IMPORT.findall(text):
        yield module
        yield from (f"{module}.{name}" for name in _NAME.findall(names))
