# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of the module `builds`: reads local directories, and carries over those that the host lacks."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem
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
        top = (Path(base) / Path(path).expanduser()).resolve()
        files = list_files(top)
        if not files:
            raise Problem(f"the source {top} holds no file")
        return cls(top, files, digest_tree(top, files))


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs the module once when the host has every build, and once more with the archives when it has not."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the action."""
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        apps = [dict(app) for app in self._task.args.get("apps", [])]
        base = task_vars.get("inventory_dir") or "."
        try:
            trees = {app["name"]: Tree.read(app["path"], base) for app in apps if app.get("path")}
        except Problem as problem:
            raise AnsibleActionFail(str(problem)) from problem
        described = [{**app, "digest": trees[app["name"]].digest} if app.get("name") in trees else app for app in apps]

        result = self._execute(described, task_vars)
        missing = [name for name, build in result.get("builds", {}).items() if build.get("missing")]
        if not missing or self._task.check_mode or result.get("failed"):
            return result
        try:
            archives = {name: self._carry_over(trees[name], name) for name in missing}
            return self._execute([{**app, "archive": archives.get(app["name"])} for app in described], task_vars)
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir, force=True)  # noqa: SLF001

    def _execute(self, apps: list[dict[str, Any]], task_vars: dict[str, Any]) -> dict[str, Any]:
        arguments = {**self._task.args, "apps": apps}
        result: dict[str, Any] = self._execute_module(module_name="webstack.flask.builds", module_args=arguments, task_vars=task_vars)
        return result

    def _carry_over(self, tree: Tree, name: str) -> str:
        if self._connection._shell.tmpdir is None:  # noqa: SLF001
            self._make_tmp_path()
        remote = self._connection._shell.join_path(self._connection._shell.tmpdir, f"{name}.tar.gz")  # noqa: SLF001
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / f"{name}.tar.gz"
            pack_tree(tree.top, tree.files, archive)
            self._transfer_file(str(archive), remote)
        self._fixup_perms2((self._connection._shell.tmpdir, remote))  # noqa: SLF001
        return str(remote)
