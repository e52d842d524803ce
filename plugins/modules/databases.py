#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: databases
short_description: Give each app of a list a PostgreSQL database that it alone opens
description:
  - The role and the database have the name of the app, as its user has, and PostgreSQL asks the kernel who connects; there is no password.
  - The rules for that are at the top of C(pg_hba.conf), in a block for each app; what others have written there stays. PostgreSQL
    is restarted only where it has no database and no role yet, for its memory.
  - A database is never removed. Those of apps that are not in the list stay as they are, with their rules.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  databases:
    description: The databases that are to be there.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the app, its user, its role and its database.
        type: str
        required: true
      extensions:
        description: Extensions that the database is to have. One that is not in the list stays.
        type: list
        elements: str
        default: []
      connection_limit:
        description: How many connections the app may have at a time. By default only the server's own limit counts.
        type: int
      locale:
        description:
          - Language by which a new database sorts text, as a tag of ICU such as V(cs) or V(pt-BR). By default text is sorted by the numbers
            of its characters.
        type: str
  port:
    description: Port of the cluster in which the databases are, where the host has several.
    type: int
    default: 5432
  memory:
    description:
      - How much memory PostgreSQL may count on, as a share of the machine's such as V(25%), or as a size such as V(2G). The settings that
        follow from it are in a file of their own in C(conf.d); what somebody has set elsewhere counts instead.
      - With V(debian) the settings are Debian's.
    type: str
    default: 25%
  defer_errors:
    description:
      - Whether the module succeeds although it failed for some of the apps. Their errors are in RV(databases), for a later task to look at.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: What cannot be done is refused as in a run.
  diff_mode:
    support: full
    description: Shows the rules of the apps in C(pg_hba.conf), and the SQL.
  platform:
    support: full
    platforms: debian
    description: Needs Debian's package postgresql, unless it runs in check mode.
"""

EXAMPLES = r"""
- name: Give the shop a database
  webstack.flask.databases:
    databases:
      - name: shop
        extensions: [citext, pg_trgm]
"""

RETURN = r"""
databases:
  description: What became of each database, by the app's name.
  type: dict
  returned: always
  contains:
    changed:
      description: Whether anything of it was changed.
      type: bool
    notes:
      description: What was done.
      type: list
      elements: str
    error:
      description: Why it is not as it should be; absent when it is.
      type: str
cluster:
  description: The cluster in which they are, with its port; empty where none could be asked.
  type: str
  returned: always
  sample: 15/main (port 5432)
other_clusters:
  description: The other clusters of the host.
  type: list
  elements: str
  returned: always
settings:
  description: What became of the server's settings.
  type: dict
  returned: always
  contains:
    changed:
      description: Whether the file of them was changed.
      type: bool
    notes:
      description: What was done.
      type: list
      elements: str
    complaints:
      description: Why they are not as they should be, and what waits for a restart.
      type: list
      elements: str
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.keeper import keep_databases
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    kept = keep_databases(module.params, module.warn, check=module.check_mode)
    exit_with(
        module,
        "databases",
        kept.outcomes,
        changed=kept.changed,
        defer_errors=module.params["defer_errors"],
        cluster=kept.cluster,
        other_clusters=kept.other_clusters,
        settings=kept.settings.to_result(),
        diff=kept.differences,
    )


ARGUMENT_SPEC: dict[str, Any] = {
    "databases": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "extensions": {"type": "list", "elements": "str", "default": []},
            "connection_limit": {"type": "int"},
            "locale": {"type": "str"},
        },
    },
    "port": {"type": "int", "default": 5432},
    "memory": {"type": "str", "default": "25%"},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
