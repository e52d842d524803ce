# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Pipfile, its lock and a pyproject.toml say, read without running anything."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import LOCK
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Demand
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_LARGEST_TOML = 1 << 18
"""Characters: the time that the standard library takes for a key of many parts grows with the square of their number."""

_LONGEST_REASON = 300
"""Characters of the standard library's message, which may quote the file."""


def read_toml(name: str, text: str) -> dict[str, Any]:
    """Return a TOML file's content; raise UserError that names the file if it is not valid, or too large."""
    if len(text) > _LARGEST_TOML:
        raise UserError(f"{name} has more than {_LARGEST_TOML} characters, the most that a TOML file may have")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is not valid TOML: {_shorten(error)}") from error


def find_pipfile_demand(name: str, text: str) -> Demand | None:
    """Return what the section [requires] of a Pipfile demands of Python."""
    requires = get_table(read_toml(name, text), "requires")
    for key in ("python_full_version", "python_version"):
        if isinstance(value := requires.get(key), str):
            return Demand(value, f"{key} in [requires] of {name}")
    return None


def find_lock_gaps(pipfile: str, lock: str) -> list[str]:
    """Return a phrase for each package of a Pipfile that its lock does not have; nothing if the lock may match."""
    locked = {canonical_name(name): package for name, package in get_table(_read_json(LOCK, lock), "default").items()}
    gaps = []
    for name, wish in get_table(read_toml("Pipfile", pipfile), "packages").items():
        version = wish.get("version") if isinstance(wish, Mapping) else wish
        package = locked.get(canonical_name(name))
        if package is None:
            gaps.append(f"it lacks {name}")
        elif re.fullmatch(r"==[^*,]+", str(version)) and isinstance(package, Mapping) and package.get("version", version) != version:
            gaps.append(f"it has {name}{package['version']} where the Pipfile has {version}")
    return gaps


@dataclass(frozen=True)
class Pin:
    """One version of a package, under the canonical name, and the SHA-256 digests of the files that it may come in."""

    name: str
    version: str
    digests: frozenset[str]
    markers: str = ""

    @property
    def requirement(self) -> str:
        """A line of a requirements file."""
        condition = f" ; {self.markers}" if self.markers else ""
        return " ".join([f"{self.name}=={self.version}{condition}", *(f"--hash=sha256:{digest}" for digest in sorted(self.digests))])


def list_pins(lock: str) -> list[Pin]:
    """Return what a lock file installs; nothing unless it is all pinned with hashes, and from one index whose certificate is verified."""
    content = _read_json(LOCK, lock)
    sources = get_list(get_table(content, "_meta"), "sources")
    if len(sources) != 1 or not isinstance(sources[0], Mapping) or not sources[0].get("verify_ssl", True):
        return []
    pins = [_read_pin(name, package) for name, package in get_table(content, "default").items()]
    return [pin for pin in pins if pin] if all(pins) else []


def _read_pin(name: str, package: object) -> Pin | None:
    if not isinstance(package, Mapping):
        return None
    version, hashes, markers = package.get("version"), package.get("hashes"), package.get("markers", "")
    match = re.fullmatch(r"==([A-Za-z0-9._!+]+)", str(version))
    digests = [re.fullmatch(r"sha256:([0-9a-f]{64})", str(text)) for text in hashes] if isinstance(hashes, list) else []
    if not match or not digests or not all(digests) or not re.fullmatch(r"[^\n\r#]*", str(markers)):
        return None
    return Pin(canonical_name(name), match[1], frozenset(digest[1] for digest in digests if digest), str(markers))


def list_index_urls(name: str, text: str) -> list[str]:
    """Return the URLs of the indexes that a Pipfile or its lock names; of other files none."""
    if PurePosixPath(name).name == LOCK:
        sources = get_list(get_table(_read_json(name, text), "_meta"), "sources")
    else:
        sources = get_list(read_toml(name, text), "source")
    return [source["url"] for source in sources if isinstance(source, Mapping) and isinstance(source.get("url"), str)]


def _read_json(name: str, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is not valid JSON: {_shorten(error)}") from error
    return content if isinstance(content, dict) else {}


def describe_lock_mismatch(gaps: list[str]) -> str:
    """Return the message for a lock file that, according to pipenv, does not match its Pipfile."""
    if gaps:
        reason = f"the Pipfile.lock does not fit its Pipfile: {'; '.join(gaps)}"
    else:
        reason = (
            "the Pipfile.lock is not made of this Pipfile, says the host's pipenv: the hashes differ. The lock has all packages that the "
            "Pipfile names, so the Pipfile was changed in some other way, or a version of pipenv that computes another hash has locked it"
        )
    return (
        f"{reason}. Run `pipenv lock` where you develop, and commit both; or set `dependencies.ignore_lock_mismatch: true` "
        "to install the lock as it is"
    )


def describes_a_project(content: Mapping[str, Any]) -> bool:
    """Return whether a pyproject.toml says what to install, and does not only configure tools."""
    return "project" in content or "build-system" in content or "dependencies" in get_table(get_table(content, "tool"), "poetry")


def is_installable(content: Mapping[str, Any]) -> bool:
    """Return whether a pyproject.toml is of a project that can itself be installed: it says how, or keeps its dependencies elsewhere."""
    return "build-system" in content or "dependencies" in get_list(get_table(content, "project"), "dynamic")


def list_project_dependencies(content: Mapping[str, Any]) -> list[str]:
    """Return the dependencies that the table [project] names."""
    return [str(line) for line in get_list(get_table(content, "project"), "dependencies")]


def list_named(content: Mapping[str, Any]) -> list[str]:
    """Return what a project needs to run, be it named in the table [project] or in poetry's own; of the latter, by name alone."""
    poetry = get_table(get_table(get_table(content, "tool"), "poetry"), "dependencies")
    needed = [name for name, wish in poetry.items() if name != "python" and _is_for_all(wish)]
    return [*list_project_dependencies(content), *needed]


def _is_for_all(wish: object) -> bool:
    """Return whether what poetry's table says of a package counts everywhere, and not for some systems or on request alone."""
    return isinstance(wish, str) or (isinstance(wish, Mapping) and not {"optional", "markers", "python", "platform"} & set(wish))


def find_project_demand(name: str, content: Mapping[str, Any]) -> Demand | None:
    """Return what the table [project] demands of Python."""
    demanded = get_table(content, "project").get("requires-python")
    return Demand(demanded, f"requires-python in {name}") if isinstance(demanded, str) else None


def get_table(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the table under a key; an empty one if it has none."""
    value = content.get(key)
    return value if isinstance(value, Mapping) else {}


def get_list(content: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list under a key; an empty one if it has none."""
    value = content.get(key)
    return value if isinstance(value, list) else []


def _shorten(error: Exception) -> str:
    return str(error)[:_LONGEST_REASON]


def canonical_name(name: str) -> str:
    """Return the canonical spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()
