# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the module `builds`: reads local directories and archives, and copies the missing ones to the host."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError, describe_error
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import list_errors
from ansible_collections.webstack.flask.plugins.module_utils._source.archives import is_url, measure_checksum, require_checksum
from ansible_collections.webstack.flask.plugins.module_utils._source.contents import explain_absences
from ansible_collections.webstack.flask.plugins.module_utils._source.lfs import describe_pointers, find_pointers
from ansible_collections.webstack.flask.plugins.module_utils._source.secrets import hide_secrets
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import digest_tree, list_files, pack_tree


@dataclass(frozen=True)
class Tree:
    """A directory of source on the controller."""

    top: Path
    files: list[PurePosixPath]
    digest: str

    @classmethod
    def read(cls, path: str, base: str) -> Tree:
        """Read the tree at `path`, which is relative to `base`."""
        top = _locate(path, base)
        files = list_files(top)
        if not files:
            raise UserError(f"the source {top} holds no file")
        return cls(top, files, digest_tree(top, files))


@dataclass(frozen=True)
class Local:
    """An app's source on the controller, and the app as it is described to the module."""

    tree: Tree | None
    archive: Path | None
    described: dict[str, Any]

    @classmethod
    def read(cls, app: dict[str, Any], base: str) -> Local | None:
        """Read the source of an app; return None if the host fetches it by itself."""
        if app.get("path"):
            tree = Tree.read(str(PurePosixPath(app["path"], app.get("subdirectory") or ".")), base)
            if app.get("lfs") is not False and (pointers := find_pointers(tree.top, tree.files, repository=True)):
                raise UserError(describe_pointers(pointers, f"the source {tree.top}", f"run `git lfs pull` in {tree.top}"))
            reasons = explain_absences(tree.top, tree.files, app.get("places") or {})
            return cls(tree, None, {**app, "digest": tree.digest, "subdirectory": "", "reasons": reasons})
        if app.get("archive") and not is_url(app["archive"]):
            archive = _locate(app["archive"], base)
            if not archive.is_file():
                raise UserError(f"the archive {archive} is not a file on the controller")
            require_checksum(archive, str(archive), app.get("checksum"))
            return cls(None, archive, {**app, "checksum": measure_checksum(archive)})
        return None

    def write(self, file: Path) -> None:
        """Write the file that is copied to the host."""
        if self.tree is not None:
            pack_tree(self.tree.top, self.tree.files, file)
        elif self.archive is not None:
            shutil.copyfile(self.archive, file)


def _locate(path: str, base: str) -> Path:
    return (Path(base) / Path(path).expanduser()).resolve()


def read_sources(apps: list[dict[str, Any]], base: str) -> tuple[dict[str, Local], list[dict[str, Any]], dict[str, str]]:
    """Return the sources on the controller by app, the apps as they are described to the module, and the errors of the others by app."""
    local: dict[str, Local] = {}
    described: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    for app in apps:
        try:
            source = Local.read(app, base)
        except Exception as error:  # noqa: BLE001 - the source of one app must not stop the others
            errors[str(app.get("name"))] = describe_error(error)
            continue
        described.append(source.described if source else app)
        if source:
            local[str(app.get("name"))] = source
    return local, described, errors


def add_result(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return the result of both runs of the module, the second of which was for some of the apps."""
    if "builds" not in second:
        return second
    warnings = [*first.get("warnings", []), *second.get("warnings", [])]
    told = {"warnings": warnings} if warnings else {}
    changed = bool(first.get("changed") or second.get("changed"))
    return {**second, **told, "changed": changed, "builds": {**first["builds"], **second["builds"]}}


def conclude(result: dict[str, Any], apps: list[dict[str, Any]], errors: Mapping[str, str], *, defer_errors: bool) -> dict[str, Any]:
    """Return the result with the errors of the controller's half. Any error makes it failed, unless they are deferred."""
    if "builds" not in result:
        return result
    failed = {name: {"id": "", "path": "", "changed": False, "error": escape(error)} for name, error in errors.items()}
    builds = {**result["builds"], **failed}
    builds = {name: builds[name] for name in (str(app.get("name")) for app in apps) if name in builds}
    problems = list_errors(builds)
    told = {"failed": True, "msg": "\n".join(problems)} if problems and not defer_errors else {}
    return {**result, "builds": builds, **told}


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module once, and once more with the sources of the builds that the host does not have."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        apps = [dict(app) for app in self._task.args.get("apps", [])]
        local, described, errors = read_sources(apps, task_vars.get("inventory_dir") or ".")
        agent = self._find_agent() if any(app.get("ssh_agent") for app in described) else None
        described = [{**app, "agent": agent if app.get("ssh_agent") else None} for app in described]
        result = self._execute(described, task_vars)
        missing = [app for app in described if result.get("builds", {}).get(app.get("name"), {}).get("missing")]
        if missing and not result.get("failed"):
            try:
                packed = self._copy_to_host({app["name"]: local[app["name"]] for app in missing}, errors)
                sent = [{**app, "packed": packed[app["name"]]} for app in missing if app["name"] in packed]
                result = add_result(result, self._execute(sent, task_vars))
            finally:
                self._remove_tmp_path(self._connection._shell.tmpdir, force=True)  # noqa: SLF001
        return conclude(result, apps, errors, defer_errors=boolean(self._task.args.get("defer_errors", False)))

    def _find_agent(self) -> str | None:
        """Return the socket of the forwarded agent. sudo does not pass it on to root."""
        said: dict[str, Any] = self._low_level_execute_command('printf %s "$SSH_AUTH_SOCK"', sudoable=False)
        return str(said.get("stdout", "")).strip() or None

    def _execute(self, apps: list[dict[str, Any]], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run the module. Its errors are deferred: whether the task fails is decided when all of them are known."""
        variables = self._task.args.get("variables")
        hidden = variables if isinstance(variables, Mapping) else {}  # anything else is the module's to refuse
        shown, secrets = hide_secrets(apps, hidden)
        arguments = {**self._task.args, "apps": shown, "secrets": secrets, "defer_errors": True}
        if hidden:
            arguments["variables"] = {}
        result: dict[str, Any] = self._execute_module(module_name="webstack.flask.builds", module_args=arguments, task_vars=task_vars)
        return result

    def _copy_to_host(self, sources: Mapping[str, Local], errors: dict[str, str]) -> dict[str, str]:
        """Return where the sources are on the host, by app; add to `errors` why one cannot be packed."""
        if self._connection._shell.tmpdir is None:  # noqa: SLF001
            self._make_tmp_path()
        folder_there = self._connection._shell.tmpdir  # noqa: SLF001
        packed: dict[str, str] = {}
        for name, source in sources.items():
            remote = str(self._connection._shell.join_path(folder_there, f"{name}.packed"))  # noqa: SLF001
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "packed")
                try:
                    source.write(file)
                except Exception as error:  # noqa: BLE001 - the source of one app must not stop the others
                    errors[name] = describe_error(error)
                    continue
                self._transfer_file(str(file), remote)
            packed[name] = remote
        self._fixup_perms2((folder_there, *packed.values()))
        return packed
