#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: notifications
short_description: Have somebody told when an app of a list fails, and when it is well again
description:
  - A timer of systemd looks at the apps each minute, and sends what has begun and what is over by Debian's C(apprise), from a process that
    is not root's.
  - An URL that apprise does not understand is an error, and nothing of the app's notifications is changed.
  - Of an app that is C(absent) nobody is told any more. With the last one of a host the timer goes.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  notifications:
    description: The apps and who is told of each. Of apps that are not in the list nothing is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the app.
        type: str
        required: true
      state:
        description: Whether somebody is told of it.
        type: str
        choices: [present, absent]
        default: present
      targets:
        description:
          - Who is told, as one value that the role encodes. It is a list, of which each entry has an C(url), and in C(on) which news go
            there, C(failure), C(recovery) or both. Required unless O(notifications[].state) is V(absent).
        type: str
  defer_errors:
    description:
      - Whether the module succeeds although it failed for some of the apps. Their errors are in RV(notifications), for a later task to look
        at.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Whether apprise understands the URLs is not asked.
  diff_mode:
    support: none
    description: The URLs are secrets.
  platform:
    support: full
    platforms: debian
    description: Needs Debian's package apprise, unless it runs in check mode.
"""

EXAMPLES = r"""
- name: Have the team told of the shop
  webstack.flask.notifications:
    notifications: "{{ apps | webstack.flask.notification_parameters }}"
  vars:
    apps:
      - name: shop
        notify:
          - url: "{{ vault_chat_url }}"
            on: [failure, recovery]
"""

RETURN = r"""
notifications:
  description: What became of the notifications of each app, by its name.
  type: dict
  returned: always
  contains:
    changed:
      description: Whether anything of them was changed.
      type: bool
    notes:
      description: What was done.
      type: list
      elements: str
    complaints:
      description: To whom nothing can be sent, and why.
      type: list
      elements: str
    error:
      description: Why they are not set up as they should be; absent when they are.
      type: str
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with
from ansible_collections.webstack.flask.plugins.module_utils._webstack.notifications import keep_notifications


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    outcomes = keep_notifications(module.params, check=module.check_mode)
    exit_with(module, "notifications", outcomes, defer_errors=module.params["defer_errors"])


ARGUMENT_SPEC: dict[str, Any] = {
    "notifications": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "targets": {"type": "str", "no_log": True},
        },
        "required_if": [("state", "present", ("targets",))],
    },
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
