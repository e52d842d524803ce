# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a repository on the controller, and write an entry of `flask_apps` for its app."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.description import OPTIONS, Description, describe
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.origins import clone, is_url, origin_of_directory
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import read_tree
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.plain import as_plain


class ActionModule(ActionBase):  # type: ignore[misc]
    """Runs on the controller, and speaks to no host."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the entry, after it was shown and, if a file was named, written."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        given = as_plain(self._task.args)
        try:
            described, into = self._describe(given)
        except UserError as error:
            return result | {"failed": True, "msg": escape(str(error))}
        Display().display(f"\n{described.text}")
        answer = {"text": described.text, "entry": described.entry, "vault": described.vault, "to_fill": described.to_fill}
        return result | answer | {"changed": into is not None, "msg": f"written to {into}" if into else "described"}

    def _describe(self, given: dict[str, Any]) -> tuple[Description, Path | None]:
        source = str(given.get("source") or "")
        if not source:
            raise UserError("describe.yml reads one repository and was given none: name it by `-e flask_source=PATH_OR_URL`")
        into = Path(str(given["into"])).expanduser().absolute() if given.get("into") else None
        if into and os.path.lexists(into):
            raise UserError(f"{into} is there already, and is not overwritten; name another file in `flask_into`")
        described = read_and_describe(source, given)
        if into and not self._play_context.check_mode:
            _write(into, described.text)
        return described, into


def read_and_describe(source: str, given: dict[str, Any]) -> Description:
    """Return the description of the app in a directory, or in a repository that is cloned for it and goes again."""
    wishes = {key: given[key] for key in OPTIONS if given.get(key)}
    if not is_url(source):
        path = Path(source).expanduser().resolve()
        return describe(read_tree(path), origin_of_directory(path), wishes)
    with tempfile.TemporaryDirectory(prefix="webstack-flask-") as folder:
        place = Path(folder, "clone")
        origin = clone(source, str(given.get("version") or ""), place)
        return describe(read_tree(place), origin, wishes)


def _write(into: Path, text: str) -> None:
    try:
        with into.open("x", encoding="utf-8") as file:
            file.write(f"---\n{text}")
    except FileExistsError as error:
        raise UserError(f"{into} is there already, and is not overwritten; name another file in `flask_into`") from error
    except OSError as error:
        raise UserError(f"{into} cannot be written: {error.strerror}") from error
