#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: backups
short_description: Have the data of each app of a list backed up, and the backups tried
description:
  - Of each app the PostgreSQL database and the files in C(shared) go into a repository of C(restic), by a timer of systemd. Another timer
    restores the newest backup beside the app, compares it, and takes it away again.
  - A repository is made where there is none. One that cannot be opened is an error, and nothing of the app's backups is changed.
  - An app that is C(absent) is backed up no more. Its backups stay in their repository.
  - How the backups went is told by each run.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  backups:
    description: The apps and how each is backed up. Of apps that are not in the list nothing is changed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the app.
        type: str
        required: true
      state:
        description: Whether the app is backed up.
        type: str
        choices: [present, absent]
        default: present
      root:
        description: Directory of the app. By default it is its own one in C(/var/www).
        type: path
      to:
        description: The repository, as restic takes it. Required unless O(backups[].state) is V(absent).
        type: str
      password:
        description: The password of the repository. Required unless O(backups[].state) is V(absent).
        type: str
      variables:
        description: What restic finds in its environment, such as the keys of a store, as one value that the role encodes.
        type: str
        default: e30=
      at:
        description: Time of the day, in UTC unless a zone follows, as in V(03:30 Europe/Prague).
        type: str
        default: "02:30"
      keep:
        description: How many backups are kept.
        type: dict
        default: {}
        suboptions:
          daily:
            description: The last of so many days.
            type: int
            default: 7
          weekly:
            description: The last of so many weeks.
            type: int
            default: 4
          monthly:
            description: The last of so many months.
            type: int
            default: 6
          yearly:
            description: The last of so many years.
            type: int
            default: 0
      verify:
        description: How often the newest backup is restored to see that it is good.
        type: str
        choices: [daily, weekly, monthly, never]
        default: weekly
      database:
        description: Whether the app has a PostgreSQL database, of its own name.
        type: bool
        default: false
      timeout:
        description: Seconds that each step of a backup, or of a restoration, may take.
        type: int
        default: 21600
  port:
    description: Port of the PostgreSQL cluster in which the databases are.
    type: int
    default: 5432
  defer_errors:
    description:
      - Whether the module succeeds although it failed for some of the apps. Their errors are in RV(backups), for a later task to look at.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: The repository is opened, where restic is installed.
  diff_mode:
    support: none
    description: What was done is in the notes.
  platform:
    support: full
    platforms: debian
    description: Needs Debian's package restic, unless it runs in check mode.
"""

EXAMPLES = r"""
- name: Back up the data of the shop
  webstack.flask.backups:
    backups:
      - name: shop
        to: sftp:backup@nas.example.com:/srv/shop
        password: "{{ vault_shop_backups }}"
        database: true
"""

RETURN = r"""
backups:
  description: What became of the backups of each app, by its name.
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
      description: What is wrong with the backups themselves. One has failed, or there is none, or the last one is too old.
      type: list
      elements: str
    said:
      description: How the last ones went.
      type: str
    hints:
      description: What could be better.
      type: list
      elements: str
    error:
      description: Why they are not set up as they should be; absent when they are.
      type: str
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.keeper import keep_backups
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    outcomes = keep_backups(module.params, check=module.check_mode)
    exit_with(module, "backups", outcomes, defer_errors=module.params["defer_errors"])


ARGUMENT_SPEC: dict[str, Any] = {
    "backups": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "root": {"type": "path"},
            "to": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "variables": {"type": "str", "default": "e30=", "no_log": True},
            "at": {"type": "str", "default": "02:30"},
            "keep": {
                "type": "dict",
                "default": {},
                "apply_defaults": True,
                "options": {
                    "daily": {"type": "int", "default": 7},
                    "weekly": {"type": "int", "default": 4},
                    "monthly": {"type": "int", "default": 6},
                    "yearly": {"type": "int", "default": 0},
                },
            },
            "verify": {"type": "str", "choices": ["daily", "weekly", "monthly", "never"], "default": "weekly"},
            "database": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 21600},
        },
        "required_if": [("state", "present", ("to", "password"))],
    },
    "port": {"type": "int", "default": 5432},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
