#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: app_database
short_description: List, dump, load and drop databases of apps
description:
  - What the playbook C(database.yml) does on a host. A database of an app is read and written by the app's own user alone.
  - Nothing is written over. What is loaded comes into a new database, and users stay with the one that they have.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  do:
    description:
      - V(list) tells of the databases and dumps, V(find) which database users of an app have.
      - V(dump) writes a dump of it, V(receive) makes a place for one that is to be loaded, and V(load) loads it.
      - V(drop) takes away what nothing uses.
    type: str
    choices: [list, find, dump, receive, load, drop]
    default: list
  app:
    description: Name of the app. Required unless O(do=list), which tells of all without it.
    type: str
    default: ""
  port:
    description: Port of the PostgreSQL cluster in which the databases are.
    type: int
    default: 5432
  reader:
    description: Number of the account that gets the file of O(do=dump).
    type: int
    default: 0
  for_version:
    description: Major version of the PostgreSQL into which a dump is to be loaded. One that cannot read it is refused.
    type: str
    default: ""
  size:
    description: Bytes of the dump for which O(do=receive) makes a place.
    type: int
    default: 0
  bytes:
    description: Bytes that the loaded database is going to take. By default they follow from the size of the dump.
    type: int
  path:
    description: File that O(do=load) loads, in the place that O(do=receive) or O(do=dump) has named. It is deleted.
    type: path
  database:
    description: Database that O(do=drop) drops.
    type: str
    default: ""
  dumps:
    description: Whether O(do=drop) deletes the dumps of an app that is not on the host any more.
    type: bool
    default: false
  timeout:
    description: Seconds that a dump, or its restoration, may take.
    type: int
    default: 21600
attributes:
  check_mode:
    support: full
    description: With O(do=load) there is nothing to be looked at, and it only says that it would be done.
  diff_mode:
    support: none
    description: What was done is in the lines.
  platform:
    support: full
    platforms: debian
    description: Needs Debian's package postgresql.
"""

EXAMPLES = r"""
- name: Look at the databases
  webstack.flask.app_database:
  become: true
  register: result

- name: Drop one that a rollback has left
  webstack.flask.app_database:
    do: drop
    app: shop
    database: shop.20261128t023000
  become: true
"""

RETURN = r"""
lines:
  description: What is to be told.
  type: list
  elements: str
  returned: success
database:
  description: The database of which there is talk; with O(do=load) the new one.
  type: str
  returned: success, unless O(do) is V(list), V(receive) or V(drop)
bytes:
  description: Bytes that the database takes.
  type: int
  returned: with O(do=find) and O(do=dump)
version:
  description: Major version of PostgreSQL.
  type: str
  returned: with O(do=find), O(do=dump) and O(do=receive)
path:
  description: Where the dump is, or is to be.
  type: str
  returned: with O(do=dump) and O(do=receive), unless in check mode
size:
  description: Bytes of the dump.
  type: int
  returned: with O(do=dump), unless in check mode
"""

from contextlib import nullcontext
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.audit import audited
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule
from ansible_collections.webstack.flask.plugins.module_utils._release.database_care import Care
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL

_ACTS = ("dump", "load", "drop")
"""What is written down of who did it: a copy that leaves, and what comes or goes."""


def main() -> None:
    """Run the module."""
    module = FlaskModule(
        argument_spec=ARGUMENT_SPEC,
        supports_check_mode=True,
        required_if=[("do", do, ["app"]) for do in ("find", "dump", "receive", "load", "drop")] + [("do", "load", ["path"])],
    )
    do = module.params["do"]
    if do == "load" and module.check_mode:
        module.exit_json(changed=True, lines=["the dump would be loaded into a new database"])
    is_act = do in _ACTS and not module.check_mode
    try:
        with audited(f"database {do}", module.params["app"], module.params["database"], module.warn) if is_act else nullcontext() as told:
            result = Care.open(module.params, REAL, module.warn, check=module.check_mode).carry_out(do)
            if told:
                told.what = result.get("database", told.what)
    except (UserError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


ARGUMENT_SPEC: dict[str, Any] = {
    "do": {"type": "str", "choices": ["list", "find", "dump", "receive", "load", "drop"], "default": "list"},
    "app": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 5432},
    "reader": {"type": "int", "default": 0},
    "for_version": {"type": "str", "default": ""},
    "size": {"type": "int", "default": 0},
    "bytes": {"type": "int"},
    "path": {"type": "path"},
    "database": {"type": "str", "default": ""},
    "dumps": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 21600},
}


if __name__ == "__main__":
    main()
