#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: description
short_description: Check what the inventory says of a host's apps
description:
  - Checks the variable C(flask_apps) of the host, and the variables of roles of this collection. All that is wrong is reported at once.
  - Runs on the controller. Where a value asks for something that is not known, the facts of the host are gathered first.
  - A host without C(flask_apps) is passed over, as long as another host of the run has them.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  roles:
    description: Names of the roles of this collection whose variables are checked.
    type: list
    elements: str
    default: []
  hooks:
    description:
      - Names of variables that may hold the path of a task file on the controller.
      - Where one is set, the file must be there, and be a list of tasks that Ansible understands.
    type: list
    elements: str
    default: []
attributes:
  action:
    support: full
    description: Runs on the controller.
  check_mode:
    support: full
    description: Changes nothing anyway.
  diff_mode:
    support: none
    description: Changes nothing.
  platform:
    support: full
    platforms: posix
    description: Any.
"""

EXAMPLES = r"""
- name: Check the description of the apps
  webstack.flask.description:
    roles: [nginx_site, etc_hosts]
"""

RETURN = r"""
msg:
  description: What is wrong, or that nothing is.
  type: str
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC: dict[str, Any] = {kind: {"type": "list", "elements": "str", "default": []} for kind in ("roles", "hooks")}


def main() -> None:
    """Say where the work is done."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="webstack.flask.description runs on the controller, as an action plugin")


if __name__ == "__main__":
    main()
