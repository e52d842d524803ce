#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: app_removal
short_description: Take apps off the host
description:
  - Stops an app and removes its units, releases, environments, builds, caches and accounts.
  - Its data stay, out of everybody's reach but root's, and belong to the app again when it comes back. They go only where that is
    asked for, after an archive of them has been written.
  - Its database stays in any case, and nobody opens it but the administrator of PostgreSQL. So do the data of its Redis, which is stopped.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
extends_documentation_fragment: webstack.flask.switch
options:
  apps:
    description: The apps to remove.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the app.
        type: str
        required: true
      root:
        description: Directory of the app. C(/var/www/<name>) by default.
        type: path
      remove_data:
        description: Whether the data below C(shared/) go, too.
        type: bool
        default: false
  backups:
    description: Directory for the archives of data that go. Root alone can read it.
    type: path
    default: /var/backups/webstack-flask
  last_backup:
    description:
      - Whether a last backup is made of an app that is backed up, and restored to try it, before its data are removed. If that fails, the
        app stays.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Lists what would be removed.
  diff_mode:
    support: none
    description: What is removed is in the result.
"""

EXAMPLES = r"""
- name: Remove the shop, and keep its data
  webstack.flask.app_removal:
    apps:
      - name: shop
"""

RETURN = r"""
apps:
  description: What became of each app, by name.
  type: dict
  returned: always
  contains:
    changed:
      description: Whether there was anything to remove.
      type: bool
    removed:
      description: What was removed, paths and accounts.
      type: list
      elements: str
    kept:
      description: Directory of the data that stay, as it really is; absent where there are none, or they were to be removed.
      type: str
    doomed:
      description: In check mode, directory of the data that would be written to an archive, and removed.
      type: str
    backup:
      description: The archive of the data, if they were removed.
      type: str
    database:
      description: Whether a PostgreSQL database of it stays.
      type: bool
    redis:
      description: Directory of the data of its Redis, which stay; absent where there are none.
      type: str
    backed_up:
      description: Whether it was backed up. The backups stay in their repository.
      type: bool
    last_backup:
      description: The backup that was made and tried before the data were removed; absent where none was.
      type: str
    error:
      description: Why the app was not removed; absent when it was.
      type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.keeper import end_backups
from ansible_collections.webstack.flask.plugins.module_utils._backups.last import make_last_backup
from ansible_collections.webstack.flask.plugins.module_utils._databases.rules import has_database
from ansible_collections.webstack.flask.plugins.module_utils._host.acts import tell_removal, write_down
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with, for_each_app
from ansible_collections.webstack.flask.plugins.module_utils._redis.keeper import retire
from ansible_collections.webstack.flask.plugins.module_utils._release import remains
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.removal import remove
from ansible_collections.webstack.flask.plugins.module_utils._side_by_side import App
from ansible_collections.webstack.flask.plugins.module_utils._webstack.notifications import end_notifications


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    failed = {"changed": True, "removed": []}
    parameters = module.params

    def attend(app: dict[str, Any]) -> dict[str, Any]:
        is_last = app["remove_data"] and parameters["last_backup"] and not module.check_mode
        last = make_last_backup(app["name"]) if is_last else None
        # Before the app, lest its end is told as a failure.
        silenced = end_notifications(app["name"], check=module.check_mode)
        # Before the app, too, lest a backup is made of half of it.
        ended = end_backups(app["name"], check=module.check_mode)
        outcome = remove(app, parameters, REAL, remains, check=module.check_mode)
        # After the app, which may have to end what it is at with it.
        gone, data = retire(app["name"], check=module.check_mode)
        removed = [*silenced["removed"], *ended["removed"], *outcome["removed"], *gone]
        redis = {"redis": str(data)} if data else {}
        return {
            **outcome,
            "changed": bool(removed),
            "removed": removed,
            "database": has_database(app["name"]),
            "backed_up": ended["changed"],
            **({"last_backup": last} if last else {}),
            **redis,
        }

    def done(app: App, outcome: Mapping[str, Any], seconds: float) -> None:
        if not module.check_mode:
            write_down(tell_removal(app["name"], outcome, with_data=app["remove_data"]), seconds, (), module.warn)

    exit_with(module, "apps", for_each_app(parameters["apps"], attend, failed, done=done))


ARGUMENT_SPEC: dict[str, Any] = {
    "apps": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "root": {"type": "path"},
            "remove_data": {"type": "bool", "default": False},
        },
    },
    "backups": {"type": "path", "default": "/var/backups/webstack-flask"},
    "last_backup": {"type": "bool", "default": True},
    "lock_timeout": {"type": "float", "default": 300},
}


if __name__ == "__main__":
    main()
