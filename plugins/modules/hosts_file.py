#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: hosts_file
short_description: Keep the names of apps in a hosts file
description:
  - Writes the names of each app into a block of its own of C(/etc/hosts), or of a file like it, all in one call.
  - All other lines stay as they are, be they another app's. The file keeps its line ends.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  path:
    description: The hosts file, which must be there.
    type: path
    default: /etc/hosts
  label:
    description: What the marks of the blocks say, with the app's name behind it.
    type: str
    default: webstack.flask
  entries:
    description: The names. An empty list removes the block of those without an app.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description: IPv4 or IPv6 address.
        type: str
        required: true
      names:
        description: Names that lead to the address. An app without any loses its block.
        type: list
        elements: str
        required: true
      app:
        description: Whose names these are. Without it they are in one block with all others of the list.
        type: str
        default: ""
      former:
        description: Names that the app had before, to be taken out of the one block that former versions wrote for all apps.
        type: list
        elements: str
        default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: full
    description: Shows the lines that change.
  platform:
    support: full
    platforms: posix
    description: Runs on any system.
"""

EXAMPLES = r"""
- name: Let shop.test be found
  webstack.flask.hosts_file:
    entries:
      - {app: shop, address: 192.0.2.10, names: [shop.test]}
"""

RETURN = r"""
# There are none besides those of all modules.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.hosts_file import update_text
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule

ARGUMENT_SPEC: dict[str, Any] = {
    "path": {"type": "path", "default": "/etc/hosts"},
    "label": {"type": "str", "default": "webstack.flask"},
    "entries": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "address": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "app": {"type": "str", "default": ""},
            "former": {"type": "list", "elements": "str", "default": []},
        },
    },
}


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    path = Path(module.params["path"])
    if not path.is_file():
        module.fail_json(msg=f"{path} is no file; name the hosts file of this machine")
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        before = file.read()
    after = update_text(before, module.params["entries"], module.params["label"])
    if after != before and not module.check_mode:
        descriptor, draft = tempfile.mkstemp(dir=module.tmpdir)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.write(after)
        # In a container the file is a mount, which cannot be replaced by renaming another file over it.
        module.atomic_move(draft, str(path), unsafe_writes=True)
    header = {"before_header": str(path), "after_header": str(path)}
    module.exit_json(changed=after != before, diff={**header, "before": before, "after": after})


if __name__ == "__main__":
    main()
