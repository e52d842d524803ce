# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of uv, poetry and PDM, which their own programs turn into requirements for pip; and what of those has no hash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import PDM_LOCK, POETRY_LOCK, PYLOCK, UV_LOCK
from ansible_collections.webstack.flask.plugins.module_utils._environment.project_files import canonical_name
from ansible_collections.webstack.flask.plugins.module_utils._environment.requirements import names_local, split_hashed
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

UV = "uv==0.13.9"

_LOCAL = re.compile(r'\b(?:editable|directory|path)\s*=|\btype\s*=\s*"(?:directory|file)"|\[packages\.(?:directory|archive)\]')
_NAME_IN_LOCK = re.compile(r'^name\s*=\s*"([^"]+)"', re.MULTILINE)
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")


@dataclass(frozen=True)
class Exporter:
    """A tool that has locked dependencies: what to install of it, and its commands.

    `check` fails if the lock does not fit its project; without it, or where a lock is taken as it is, `export` does with `strict` among its
    words. `mismatch` is how it says that. `hashless` is how it says that it cannot write a package which has no hash, such as a commit or a
    directory; `pylock` then writes a pylock.toml, which has room for these.
    """

    tool: str
    packages: tuple[str, ...]
    export: tuple[str, ...]
    mismatch: str
    check: tuple[str, ...] = ()
    strict: tuple[str, ...] = ()
    lax: tuple[str, ...] | None = ()
    variables: Mapping[str, str] | None = None
    hashless: str = ""
    pylock: tuple[str, ...] = ()


EXPORTERS = {
    UV_LOCK: Exporter(
        "uv",
        (UV,),
        ("uv", "export", "--quiet", "--no-dev", "--format=requirements-txt", "--no-header", "--no-annotate"),
        r"needs to be updated",
        strict=("--locked",),
        lax=("--frozen",),
    ),
    POETRY_LOCK: Exporter(
        "poetry",
        ("poetry==2.5.1", "poetry-plugin-export==1.10.1"),
        ("poetry", "export", "--no-interaction", "--format=requirements.txt"),
        r"Run `poetry lock|changed significantly",
        lax=None,  # it exports no other
        variables={"POETRY_VIRTUALENVS_CREATE": "false"},
    ),
    PDM_LOCK: Exporter(
        "pdm",
        ("pdm==2.29.4", "hishel==1.4.0"),  # which has what this PDM calls
        ("pdm", "export", "--prod", "--format=requirements"),
        r"",
        check=("pdm", "lock", "--check"),
        variables={"PDM_CHECK_UPDATE": "0", "PDM_IGNORE_SAVED_PYTHON": "1"},
        hashless=r"Hash is not available for",
        pylock=("pdm", "export", "--prod", "--format=pylock"),
    ),
}
"""Pinned, for each release of a tool may write something else."""


def names_local_lock(lock: str) -> bool:
    """Return whether a lock names a part of the source, the project itself included."""
    return _LOCAL.search(lock) is not None


def split_export(file: str, text: str) -> tuple[list[str], list[str]]:
    """Return the lines of an export that have hashes, and those that can have none; raise UserError for others without one."""
    kept, alone = split_hashed({"": text})
    if alone or "--hash" in text:
        return kept[""].splitlines(), alone
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("#", "--index-url", "--extra-index-url"))]
    if not all(map(names_local, lines)):
        raise UserError(
            f"the {file} has no hashes, so that nobody can tell whose packages come; lock anew with a release of the tool that adds them"
        )
    return [], lines


COMMANDS = {
    **{file: f"{exporter.tool} lock" for file, exporter in EXPORTERS.items()},
    PYLOCK: "uv export --format pylock.toml --output-file pylock.toml",
}
"""How each lock is made anew."""


def can_ignore(kind: str) -> bool:
    """Return whether a lock can be installed that does not fit its project."""
    return kind not in EXPORTERS or EXPORTERS[kind].lax is not None


def find_gaps(lock: str, dependencies: list[str]) -> list[str]:
    """Return a phrase for each dependency of a project that its lock does not have, by name alone.

    A pylock.toml has no word of its own on whether it fits. Of others, their tools say more.
    """
    locked = {canonical_name(name) for name in _NAME_IN_LOCK.findall(lock)}
    wanted = [match[1] for line in dependencies if ";" not in line and (match := _NAME.match(line))]
    return [f"it lacks {name}" for name in wanted if canonical_name(name) not in locked]


def describe_mismatch(file: str, command: str, gaps: list[str], *, can_ignore: bool) -> str:
    """Return the message for a lock that does not fit its pyproject.toml, with the command that makes it anew."""
    reason = f": {'; '.join(gaps)}" if gaps else f", says {command.split(maxsplit=1)[0]}"
    ways = [f"Run `{command}` where you develop, and commit both"]
    if can_ignore:
        ways.append("or set `dependencies.ignore_lock_mismatch: true` to install the lock as it is")
    ways.append("or name another file in `dependencies.file`")
    return f"the {file} does not fit its pyproject.toml{reason}. {'; '.join(ways)}"


def find_lock_demand(lock: str) -> str:
    """Return what a pylock.toml demands of Python; nothing if it does not."""
    match = re.search(r'^requires-python\s*=\s*"([^"]+)"', lock, re.MULTILINE)
    return match[1] if match else ""


def installs_itself(kind: str, content: Mapping[str, Any], *, installable: bool) -> bool:
    """Return whether a project belongs to what its lock installs although the export does not say so, as uv's and a pylock.toml do."""
    says_no = _tool(content, "pdm").get("distribution") is False or _tool(content, "poetry").get("package-mode") is False
    return kind in (POETRY_LOCK, PDM_LOCK) and installable and not says_no


def _tool(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    tools = content.get("tool")
    table = tools.get(name) if isinstance(tools, Mapping) else None
    return table if isinstance(table, Mapping) else {}
