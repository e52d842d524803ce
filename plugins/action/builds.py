# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the module `builds`: reads local directories, and carries over those that the host lacks."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.webstack.flask.plugins.module_utils.archives import is_url, measure_checksum, require_checksum
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem
from ansible_collections.webstack.flask.plugins.module_utils.source_secrets import hide_secrets
from ansible_collections.webstack.flask.plugins.module_utils.source_tree import digest_tree, list_files, pack_tree


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
            raise Problem(f"the source {top} holds no file")
        return cls(top, files, digest_tree(top, files))


@dataclass(frozen=True)
class Local:
    """What an app's source is on the controller, and what the module has to know of it."""

    tree: Tree | None
    archive: Path | None
    described: dict[str, Any]

    @classmethod
    def read(cls, app: dict[str, Any], base: str) -> Local | None:
        """Read the source of an app, or return None where the host fetches it by itself."""
        if app.get("path"):
            tree = Tree.read(str(PurePosixPath(app["path"], app.get("subdirectory") or ".")), base)
            return cls(tree, None, {**app, "digest": tree.digest, "subdirectory": ""})
        if app.get("archive") and not is_url(app["archive"]):
            archive = _locate(app["archive"], base)
            if not archive.is_file():
                raise Problem(f"the archive {archive} is not a file on the controller")
            require_checksum(archive, str(archive), app.get("checksum"))
            return cls(None, archive, {**app, "checksum": measure_checksum(archive)})
        return None

    def write(self, file: Path) -> None:
        """Write what is carried over to the host."""
        if self.tree is not None:
            pack_tree(self.tree.top, self.tree.files, file)
        elif self.archive is not None:
            shutil.copyfile(self.archive, file)


def _locate(path: str, base: str) -> Path:
    return (Path(base) / Path(path).expanduser()).resolve()


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module once when the host has every build, and once more with what it lacks when it has not."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        apps = [dict(app) for app in self._task.args.get("apps", [])]
        base = task_vars.get("inventory_dir") or "."
        try:
            found = [(app, Local.read(app, base)) for app in apps]
        except Problem as problem:
            raise AnsibleActionFail(str(problem)) from problem
        local = {app.get("name"): source for app, source in found if source}
        agent = self._find_agent() if any(app.get("ssh_agent") for app in apps) else None
        described = [{**(source.described if source else app), "agent": agent if app.get("ssh_agent") else None} for app, source in found]

        result = self._execute(described, task_vars)
        missing = [name for name, build in result.get("builds", {}).items() if build.get("missing")]
        if not missing or result.get("failed"):
            return result
        try:
            packed = {name: self._carry_over(local[name], name) for name in missing}
            return self._execute([{**app, "packed": packed.get(app["name"])} for app in described], task_vars)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir, force=True)  # noqa: SLF001

    def _find_agent(self) -> str | None:
        """Return the socket of the forwarded agent: sudo would not tell root of it."""
        said: dict[str, Any] = self._low_level_execute_command('printf %s "$SSH_AUTH_SOCK"', sudoable=False)
        return str(said.get("stdout", "")).strip() or None

    def _execute(self, apps: list[dict[str, Any]], task_vars: dict[str, Any]) -> dict[str, Any]:
        shown, secrets = hide_secrets(apps)
        arguments = {**self._task.args, "apps": shown, "secrets": secrets}
        result: dict[str, Any] = self._execute_module(module_name="webstack.flask.builds", module_args=arguments, task_vars=task_vars)
        return result

    def _carry_over(self, source: Local, name: str) -> str:
        if self._connection._shell.tmpdir is None:  # noqa: SLF001
            self._make_tmp_path()
        remote = self._connection._shell.join_path(self._connection._shell.tmpdir, f"{name}.packed")  # noqa: SLF001
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "packed")
            source.write(file)
            self._transfer_file(str(file), remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))  # noqa: SLF001
        return str(remote)
