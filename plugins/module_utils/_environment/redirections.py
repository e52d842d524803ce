# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a pyproject.toml sends its dependencies, other than to the index that pip asks.

pip knows none of these tables. It would take the package that somebody else has published under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import canonical_name, get_list, get_table

_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")
_PYPI = ("pypi.org", "pypi.python.org")

ELSEWHERE, INDEX, VERSIONS = "elsewhere", "index", "versions"
"""What is redirected: a package to another place, packages to another index, or versions."""

_EXPORTS = {
    "uv": "uv export --no-dev --format requirements-txt --output-file requirements.txt",
    "poetry": "poetry export --output requirements.txt",
    "pdm": "pdm export --prod --output requirements.txt",
    "rye": "rye lock` and `cp requirements.lock requirements.txt",
    "pixi": "pip freeze > requirements.txt",
}
"""How each tool writes what it would install in pip's words."""


@dataclass(frozen=True)
class Redirection:
    """A key of a pyproject.toml that redirects, of which tool, what, in which words, and which package if it is one."""

    tool: str
    kind: str
    phrase: str
    package: str = ""


def find_redirections(
    content: Mapping[str, Any], settings: Sequence[Mapping[str, Any]] = (), root: Mapping[str, Any] | None = None
) -> list[Redirection]:
    """Return what redirects a dependency that pip would install for a project, and that pip does not follow.

    `settings` are uv.toml files that count for it, and `root` the content of the pyproject.toml of its workspace if that is another.
    """
    names = _list_names(content)
    if names is not None and not names:
        return []
    tables = get_table(content, "tool")
    roots = [get_table(get_table(root, "tool"), "uv")] if root else []
    uv = get_table(tables, "uv")
    return [
        *_find_uv_sources(uv, roots, names),
        *_find_uv_settings([uv, *roots, *settings]),
        *_find_poetry(content, names),
        *_find_pdm(get_table(tables, "pdm")),
        *_find_sources("rye", "tool.rye.sources", get_list(get_table(tables, "rye"), "sources")),
        *_find_pixi(get_table(tables, "pixi"), names),
    ]


def list_constraints(content: Mapping[str, Any], settings: Sequence[Mapping[str, Any]] = ()) -> list[str]:
    """Return the lines of a constraints file of pip that uv's constraints are."""
    tables = [get_table(get_table(content, "tool"), "uv"), *settings]
    return [re.sub(r"\[[^\]]*\]", "", str(line)) for table in tables for line in get_list(table, "constraint-dependencies")]


def describe_redirections(file: str, found: Sequence[Redirection]) -> str:
    """Return the message that refuses what redirects, with the ways out."""
    ways = [f"commit what `{_EXPORTS[tool]}` writes, which counts before {file}" for tool in dict.fromkeys(one.tool for one in found)]
    if all(one.kind == INDEX for one in found):
        ways.append("or name the one index that has all packages in `dependencies.index_url`")
    return (
        f"{file} says where its dependencies come from in a way that pip does not follow: {'; '.join(one.phrase for one in found)}. "
        f"pip would install what anybody has published under the same names. Where you develop, {'; '.join(ways)}"
    )


def _list_names(content: Mapping[str, Any]) -> set[str] | None:
    """Return the canonical names of the dependencies that are installed; None where the file does not tell them."""
    project = get_table(content, "project")
    main = {canonical_name(name) for name, wish in _list_poetry(content).items() if not _is_optional(wish)}
    if "dependencies" in get_list(project, "dynamic") and not main:
        return None
    if "project" not in content and "poetry" not in get_table(content, "tool") and "pixi" not in get_table(content, "tool"):
        return None  # a setup.py or setup.cfg tells
    pixi = get_table(get_table(get_table(content, "tool"), "pixi"), "pypi-dependencies")
    lines = [str(line) for line in get_list(project, "dependencies")]
    return main | {canonical_name(match[1]) for line in lines if (match := _NAME.match(line))} | {canonical_name(name) for name in pixi}


def _list_poetry(content: Mapping[str, Any]) -> Mapping[str, Any]:
    poetry = get_table(get_table(content, "tool"), "poetry")
    return {
        name: wish
        for table in (get_table(poetry, "dependencies"), get_table(get_table(get_table(poetry, "group"), "main"), "dependencies"))
        for name, wish in table.items()
        if name.lower() != "python"
    }


def _is_optional(wish: object) -> bool:
    return isinstance(wish, Mapping) and wish.get("optional") is True


def _each(wish: object) -> Iterator[Mapping[str, Any]]:
    """Yield what a table says of one package, which may be several entries for several markers."""
    for entry in wish if isinstance(wish, list) else [wish]:
        if isinstance(entry, Mapping):
            yield entry


def _find_uv_sources(uv: Mapping[str, Any], roots: Iterable[Mapping[str, Any]], names: set[str] | None) -> Iterator[Redirection]:
    tables = [*roots, uv]
    indexes = {entry.get("name"): entry for table in tables for entry in get_list(table, "index") if isinstance(entry, Mapping)}
    sources = {canonical_name(name): (name, wish) for table in tables for name, wish in get_table(table, "sources").items()}
    for canonical, (name, wish) in sources.items():
        if names is not None and canonical not in names:
            continue
        for entry in _each(wish):
            index = entry.get("index")
            if "extra" in entry or "group" in entry or (index is not None and _is_pypi(indexes.get(index, {}))):
                continue
            places = [key for key in ("workspace", "path", "git", "url", "index") if key in entry]
            kind = INDEX if places == ["index"] else ELSEWHERE
            yield Redirection("uv", kind, f"tool.uv.sources.{name} ({', '.join(places) or 'another source'})", canonical)


def _find_uv_settings(tables: Sequence[Mapping[str, Any]]) -> Iterator[Redirection]:
    for table in tables:
        yield from _find_sources("uv", "tool.uv.index", [entry for entry in _each(table.get("index")) if entry.get("explicit") is not True])
        for key in ("index-url", "extra-index-url", "find-links"):
            given = table.get(key)
            urls = given if isinstance(given, list) else [given] if given else []
            yield from _find_sources("uv", f"tool.uv.{key}", [{"url": url} for url in urls])
        for key in ("override-dependencies", "exclude-dependencies"):
            if table.get(key):
                yield Redirection("uv", VERSIONS, f"tool.uv.{key}")


def _find_poetry(content: Mapping[str, Any], names: set[str] | None) -> Iterator[Redirection]:
    poetry = get_table(get_table(content, "tool"), "poetry")
    sources = [entry for entry in get_list(poetry, "source") if isinstance(entry, Mapping)]
    by_name = {str(entry.get("name")).lower(): entry for entry in sources}
    yield from _find_sources("poetry", "tool.poetry.source", [entry for entry in sources if entry.get("priority") != "explicit"])
    # In [project] alone is what a package says of itself: poetry's own table adds to it for its lock, and for nothing else.
    keys = ("path", "file", "git", "url") if "dependencies" in get_table(content, "project") else ()
    for name, wish in _list_poetry(content).items():
        if names is None or canonical_name(name) not in names:
            continue
        for entry in _each(wish):
            source = str(entry.get("source") or "").lower()
            if places := [key for key in keys if key in entry]:
                yield Redirection("poetry", ELSEWHERE, f"tool.poetry.dependencies.{name} ({', '.join(places)})", name)
            elif source and not (source == "pypi" or _is_pypi(by_name.get(source, {}))):
                yield Redirection("poetry", INDEX, f"tool.poetry.dependencies.{name} (source)", name)


def _find_pdm(pdm: Mapping[str, Any]) -> Iterator[Redirection]:
    yield from _find_sources("pdm", "tool.pdm.source", get_list(pdm, "source"))
    resolution = get_table(pdm, "resolution")
    for key, value in (
        ("overrides", pdm.get("overrides")),
        ("resolution.overrides", resolution.get("overrides")),
        ("resolution.excludes", resolution.get("excludes")),
    ):
        if value:
            yield Redirection("pdm", VERSIONS, f"tool.pdm.{key}")


def _find_pixi(pixi: Mapping[str, Any], names: set[str] | None) -> Iterator[Redirection]:
    options = get_table(pixi, "pypi-options")
    for key in ("index-url", "extra-index-urls", "find-links"):
        if options.get(key) and not _is_pypi({"url": options[key]}):
            yield Redirection("pixi", INDEX, f"tool.pixi.pypi-options.{key}")
    for name, wish in get_table(pixi, "pypi-dependencies").items():
        if (
            names is not None
            and canonical_name(name) in names
            and any({"path", "git", "url", "index"} & set(entry) for entry in _each(wish))
        ):
            yield Redirection("pixi", ELSEWHERE, f"tool.pixi.pypi-dependencies.{name}", name)


def _find_sources(tool: str, key: str, entries: Iterable[object]) -> Iterator[Redirection]:
    """Yield what names an index other than PyPI, for all packages or as one more."""
    for entry in entries:
        if isinstance(entry, Mapping) and "url" in entry and not _is_pypi(entry):
            name = entry.get("name")
            yield Redirection(tool, INDEX, f"{key} ({name})" if isinstance(name, str) else key)


def _is_pypi(entry: Mapping[str, Any]) -> bool:
    try:
        return urlsplit(str(entry.get("url"))).hostname in _PYPI
    except ValueError:
        return False
