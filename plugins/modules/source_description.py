#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: source_description
short_description: Describe the app of a repository
description:
  - Reads a repository without importing or running anything of it, and writes an entry of C(flask_apps) with the reason for each line.
  - Runs on the controller. Where two things are possible, it fails and names both.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  source:
    description: A directory on the controller, or the URL of a git repository, which is cloned for it and removed again.
    type: str
    required: true
  into:
    description: File on the controller that is written. One that is there is never overwritten.
    type: path
  name:
    description: Name of the app. By default that of the repository.
    type: str
  wsgi:
    description: What is served, as C(module:callable), where the repository does not say it or says two things.
    type: str
  asgi:
    description: The same for an ASGI app.
    type: str
  subdirectory:
    description: Directory of the repository that is the app, where it has several.
    type: str
  dependencies_file:
    description: File that says what to install, by its path in the source.
    type: str
  server_names:
    description: Names under which the app is to be served. By default the name of the app with C(.test).
    type: list
    elements: str
  version:
    description: Branch or tag of a repository at a URL. By default its default branch.
    type: str
attributes:
  action:
    support: full
    description: Runs on the controller.
  check_mode:
    support: full
    description: Does not write the file.
  diff_mode:
    support: none
    description: Shows the whole entry anyway.
  platform:
    support: full
    platforms: posix
    description: Any.
"""

EXAMPLES = r"""
- name: Describe the app of a repository
  webstack.flask.source_description:
    source: https://example.com/shop.git
    into: shop.yml
"""

RETURN = r"""
text:
  description: The entry as YAML, with the reasons as comments.
  type: str
  returned: success
entry:
  description: The entry itself.
  type: dict
  returned: success
vault:
  description: Variables that the entry takes from a vault.
  type: list
  elements: str
  returned: success
to_fill:
  description: Other variables that have to be given a value.
  type: list
  elements: str
  returned: success
msg:
  description: What was done, or why nothing was.
  type: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC: dict[str, Any] = {
    "source": {"type": "str", "required": True},
    "into": {"type": "path"},
    "name": {"type": "str"},
    "wsgi": {"type": "str"},
    "asgi": {"type": "str"},
    "subdirectory": {"type": "str"},
    "dependencies_file": {"type": "str"},
    "server_names": {"type": "list", "elements": "str"},
    "version": {"type": "str"},
}


def main() -> None:
    """Say where the work is done."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="webstack.flask.source_description runs on the controller, as an action plugin")


if __name__ == "__main__":
    main()
