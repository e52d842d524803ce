# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects that are no packages, and packages whose version a repository knows that is not there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import canonical_name, get_list, get_table

_NO_PACKAGE = re.compile(
    r"Building a package is not possible in non-package mode"
    r"|(?:is|are) required in package mode"
    r"|No file/folder found for (?:package|module) [\w.-]+"
    r"|Multiple top-level (?:packages|modules) discovered in a flat-layout"
    r"|Unable to determine which files to ship inside the wheel"
    r"|Expected a Python module at: \S+"
)
"""How poetry-core, flit-core, setuptools, hatchling and uv-build say that they do not find what the package would be."""

_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")

_VERSION_TOOLS = {
    "dunamai",
    "flit-scm",
    "hatch-vcs",
    "pbr",
    "poetry-dynamic-versioning",
    "setuptools-git-versioning",
    "setuptools-scm",
    "uv-dynamic-versioning",
    "vcs-versioning",
    "versioningit",
}
"""What a project's build requires if its version is a tag of the repository."""

_VERSION_VARIABLES = (
    "SETUPTOOLS_SCM_PRETEND_VERSION",  # hatch-vcs and flit-scm ask setuptools-scm
    "VCS_VERSIONING_PRETEND_VERSION",
    "PDM_BUILD_SCM_VERSION",
    "PBR_VERSION",
    "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "UV_DYNAMIC_VERSIONING_BYPASS",
)

POETRY_CORE = "poetry-core==2.5.0"
"""What tells the dependencies of a project of poetry's in pip's words."""

LIST_POETRY = (
    "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from poetry.core.factory import Factory; "
    "found = Factory().create_poetry(Path.cwd(), with_groups=False).package.requires; "
    "[print('requires:' + one.to_pep_508(with_extras=False)) for one in found if not one.is_optional()]"
)

LIST_EDITABLE = (
    "import importlib.metadata as metadata; "
    "found = [one for one in metadata.distributions() if '\"editable\"' in (one.read_text('direct_url.json') or '')]; "
    "[print('requires:' + line) for one in found for line in one.requires or ()]"
)
"""Prints what the project that was installed in editable mode requires."""


def is_no_package(content: Mapping[str, Any]) -> bool:
    """Return whether a pyproject.toml says that its project is not to be installed itself."""
    tools = get_table(content, "tool")
    said = (("poetry", "package-mode", False), ("uv", "package", False), ("pdm", "distribution", False), ("rye", "virtual", True))
    return any(get_table(tools, tool).get(key) is value for tool, key, value in said)


def find_reason(output: str) -> str:
    """Return the words in which a build says that the project is no package; nothing if it failed for another reason."""
    match = _NO_PACKAGE.search(output)
    return match[0] if match else ""


def lists_dependencies(content: Mapping[str, Any]) -> bool:
    """Return whether the table [project] says what the project depends on."""
    return "project" in content and "dependencies" not in get_list(get_table(content, "project"), "dynamic")


def is_of_poetry(content: Mapping[str, Any]) -> bool:
    """Return whether poetry's own table says what the project depends on."""
    return "dependencies" in get_table(get_table(content, "tool"), "poetry") and "dependencies" not in get_table(content, "project")


def names_paths(content: Mapping[str, Any]) -> bool:
    """Return whether poetry's own table has dependencies that are parts of the source."""
    wishes = get_table(get_table(get_table(content, "tool"), "poetry"), "dependencies").values()
    entries = [entry for wish in wishes for entry in (wish if isinstance(wish, list) else [wish])]
    return any(isinstance(entry, Mapping) and ("path" in entry or "file" in entry) for entry in entries)


def takes_version_from_repository(content: Mapping[str, Any]) -> bool:
    """Return whether the version of a project is a tag of its repository, which a build does not have."""
    required = get_list(get_table(content, "build-system"), "requires")
    names = {canonical_name(match[1]) for line in required if (match := _NAME.match(str(line)))}
    pdm = get_table(get_table(get_table(content, "tool"), "pdm"), "version")
    return bool(names & _VERSION_TOOLS) or pdm.get("source") == "scm"


def make_version(build: str) -> str:
    """Return a version for a build whose tags are not known: before all others, with the build's identifier."""
    word = re.sub(r"[^a-z0-9]", "", build.lower())
    return f"0.0.dev0+{word}" if word else "0.0.dev0"


def make_version_variables(build: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that tell builds their version, but for those that are given."""
    return {name: make_version(build) for name in _VERSION_VARIABLES if name not in given}


def make_package_info(build: str) -> str:
    """Return the text of a PKG-INFO, in which versioningit and setuptools-git-versioning look where there is no repository."""
    return f"Metadata-Version: 2.1\nName: project\nVersion: {make_version(build)}\n"


def read_requires(output: str) -> list[str]:
    """Return the requirements that one of the programs above has printed."""
    return [line.removeprefix("requires:") for line in output.splitlines() if line.startswith("requires:")]
