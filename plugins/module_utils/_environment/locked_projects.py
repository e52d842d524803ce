# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install what the lock of a pyproject.toml names: the tool that has made it writes it in words that pip or uv installs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._environment import locks, project_files, projects
from ansible_collections.webstack.flask.plugins.module_utils._environment import manifests as names
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.module_utils._environment.workspace import Workspace
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError


def install_locked_project(workspace: Workspace, needs: Dependencies, build: str, within: Path) -> None:
    """Install what the lock of a pyproject.toml names, each file by its hash, and what of the source belongs to it."""
    ignore, content = workspace.installer.ignore_lock_mismatch, needs.content
    if needs.kind == names.PYLOCK:
        if not ignore and (stale := needs.describe_stale_lock()):
            raise UserError(stale)
        _install_pylock(workspace, workspace.project / needs.file, within)
        return
    exporter = locks.EXPORTERS[needs.kind]
    alone: list[str] = []
    programs = _make_environment(workspace, exporter.packages)
    try:
        hashed, alone = locks.split_export(needs.file, _export(workspace, needs, programs, within))
    except UserError as problem:
        if not (exporter.hashless and re.search(exporter.hashless, str(problem))):
            raise
        _install_pylock(workspace, _export_pylock(workspace, exporter, programs, within), within)
    else:
        if hashed:
            workspace.pip("install", "--no-deps", "--require-hashes", wanted=hashed, within=within)
    if locks.installs_itself(needs.kind, content, installable=project_files.is_installable(content)):
        alone = [*alone, "--editable ."]
    install_alone(workspace, alone, build, within)


def _install_pylock(workspace: Workspace, lock: Path, within: Path) -> None:
    uv = _make_environment(workspace, (locks.UV,)) / "uv"
    options = ("--quiet", "--preview-features=pylock", "--link-mode=copy", "--compile-bytecode", f"--python={workspace.python[0]}")
    workspace.run(str(uv), "pip", "install", *options, "--requirements", str(lock), within=within, variables=_let_uv(workspace))


def _export_pylock(workspace: Workspace, exporter: locks.Exporter, programs: Path, within: Path) -> Path:
    """Let a tool write its lock as a pylock.toml, in the project, where the directories begin that it names; return the file."""
    output, index = within / "pylock.exported.toml", workspace.variables.get("PIP_INDEX_URL")
    program, *words = exporter.pylock
    # It asks the index for the addresses of files that the lock has by name alone.
    variables = {**(exporter.variables or {}), **_let_uv(workspace), **({"PDM_PYPI_URL": index} if index else {})}
    workspace.run(str(programs / program), *words, f"--output={output}", within=within, variables=variables)
    return output


def _export(workspace: Workspace, needs: Dependencies, programs: Path, within: Path) -> str:
    """Let the tool that has made a lock write it in pip's words."""
    exporter, ignore = locks.EXPORTERS[needs.kind], workspace.installer.ignore_lock_mismatch
    output = workspace.temporary / "exported.txt"
    variables = {**(exporter.variables or {}), **_let_uv(workspace)}
    words = [*exporter.export, *((exporter.lax or ()) if ignore else exporter.strict), f"--output={output}"]
    if exporter.tool == "uv":
        words[-1:] = [f"--output-file={output}", f"--python={workspace.python[0]}"]
        words += [] if "project" in needs.content else ["--all-packages"]
    try:
        if exporter.check and not ignore:
            check, *rest = exporter.check
            workspace.run(str(programs / check), *rest, within=within, variables=variables)
        command, *rest = words
        workspace.run(str(programs / command), *rest, within=within, variables=variables)
    except UserError as problem:
        is_check = bool(exporter.check) and f"{programs / exporter.check[0]} {' '.join(exporter.check[1:])}`" in str(problem)
        if is_check or (exporter.mismatch and re.search(exporter.mismatch, str(problem))):
            message = locks.describe_mismatch(needs.file, locks.COMMANDS[needs.kind], [], can_ignore=locks.can_ignore(needs.kind))
            raise UserError(message) from problem
        raise
    return workspace.run("/bin/cat", "--", str(output))


def _let_uv(workspace: Workspace) -> dict[str, str]:
    """Return the variables with which uv trusts the certificates that pip does, and brings no Python."""
    certificates = workspace.variables.get("PIP_CERT")
    return {"UV_PYTHON_DOWNLOADS": "never", **({"SSL_CERT_FILE": certificates} if certificates else {})}


def _make_environment(workspace: Workspace, packages: Sequence[str]) -> Path:
    """Install a tool that reads a lock, and what it needs, in an environment of its own; return the directory that has its programs."""
    directory = workspace.temporary / packages[0].partition("==")[0]
    workspace.run(workspace.installer.maker, "-I", "-m", "virtualenv", "--quiet", str(directory))
    workspace.run(str(directory / "bin/python"), "-I", "-m", "pip", "install", "--quiet", *packages)
    return directory / "bin"


def install_alone(workspace: Workspace, alone: Sequence[str], build: str, within: Path) -> None:
    """Install what has no hash, and nothing that it depends on: that is among the lines with hashes, or it would come without one."""
    if alone:
        variables = projects.make_version_variables(build, workspace.variables)
        workspace.pip("install", "--no-deps", wanted=alone, within=within, variables=variables)
