#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: redis_instances
short_description: Give each app of a list a Redis that it alone opens
description:
  - Each runs in a unit of its own, under an account of its own, and listens on a socket that the app's group alone opens, and on no port.
  - Memory, eviction and persistence are changed while it runs, without a loss of data.
  - An instance is never removed, but by M(webstack.flask.app_removal), which leaves its data. Those of apps that are not in the list stay
    as they are.
  - The Redis that Debian's package starts by itself, on a port, is stopped if nobody has used it since it was installed.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  instances:
    description: The instances that are to be there.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the app.
        type: str
        required: true
      max_memory:
        description: How much memory its data may take, with C(M) (MiB) or C(G) (GiB).
        type: str
        default: 128M
      eviction:
        description: What it does when the memory is used up, in the words of Redis. With V(noeviction) it refuses to write.
        type: str
        choices: [noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl]
        default: noeviction
      persistence:
        description:
          - How its data come to the disk. With V(always) each write is there before it is confirmed; with V(everysec) within a second;
            with V(snapshots) all data are written every few minutes; with V(none) never.
        type: str
        choices: [always, everysec, snapshots, none]
        default: everysec
  defer_errors:
    description:
      - Whether the module succeeds although it failed for some of the apps. Their errors are in RV(instances), for a later task to look at.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: What cannot be done is refused as in a run.
  diff_mode:
    support: full
    description: Shows the configuration of each instance.
  platform:
    support: full
    platforms: debian
    description: Needs Debian's package redis-server, unless it runs in check mode.
"""

EXAMPLES = r"""
- name: Give the shop a Redis
  webstack.flask.redis_instances:
    instances:
      - name: shop
        max_memory: 256M
"""

RETURN = r"""
instances:
  description: What became of each instance, by the app's name.
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
debians:
  description:
    - What became of the Redis that Debian's package starts by itself. V(stopped) if nobody had used it, V(left) if it goes on, and empty
      if it does not run.
  type: str
  returned: always
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with
from ansible_collections.webstack.flask.plugins.module_utils._redis.keeper import keep_instances


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    kept = keep_instances(module.params, module.warn, check=module.check_mode)
    exit_with(
        module,
        "instances",
        kept.outcomes,
        changed=kept.changed,
        defer_errors=module.params["defer_errors"],
        debians=kept.debians,
        diff=kept.differences,
    )


ARGUMENT_SPEC: dict[str, Any] = {
    "instances": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "max_memory": {"type": "str", "default": "128M"},
            "eviction": {
                "type": "str",
                "choices": [
                    *("noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random"),
                    *("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"),
                ],
                "default": "noeviction",
            },
            "persistence": {"type": "str", "choices": ["always", "everysec", "snapshots", "none"], "default": "everysec"},
        },
    },
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
