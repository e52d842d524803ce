# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the detectors of `describe` are given."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.webstack.flask.plugins.plugin_utils._describe.code import Code
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.entry import Entry
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.starts import Start
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.tree import Tree


@dataclass(frozen=True)
class Context:
    """An app in its repository."""

    tree: Tree
    code: Code
    dependencies: Dependencies
    entry: Entry
    name: str
    server_names: list[str]
    starts: tuple[Start, ...] = ()
