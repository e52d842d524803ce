#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: metrics
short_description: Have a host give metrics to Prometheus, or give none any more
description:
  - Debian's exporters for the machine, nginx and PostgreSQL get drop-ins that say at which address they listen. These are there before the
    packages are, whose own defaults listen at all addresses. RV(missing) names the packages that are to be installed then.
  - The metrics of the apps are written each minute, by a timer of systemd, to a file that the exporter of the machine hands on.
  - An exporter that somebody else has set up is left as it is, and is an error.
  - When it is switched off, the exporters are stopped, and their packages stay.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  enabled:
    description: Whether the host gives metrics.
    type: bool
    default: true
  address:
    description: The IP address at which the exporters listen.
    type: str
    default: 127.0.0.1
  exporters:
    description: Which of Debian's exporters are to run.
    type: list
    elements: str
    choices: [node, nginx, postgres]
    default: [node, nginx, postgres]
  postgresql:
    description: Whether the host has a PostgreSQL server that is to be watched. Without one there is no exporter V(postgres).
    type: bool
    default: true
  port:
    description: Port of its cluster.
    type: int
    default: 5432
  defer_errors:
    description: Whether the module succeeds although some part failed. The errors are in RV(exporters), for a later task to look at.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Changes nothing.
  diff_mode:
    support: none
    description: What was done is in the notes.
  platform:
    support: full
    platforms: debian
    description: Needs Debian's packages of the exporters, unless it runs in check mode.
"""

EXAMPLES = r"""
- name: Give metrics at the address of the private network
  webstack.flask.metrics:
    address: 192.0.2.10
    exporters: [node, nginx]
  become: true
"""

RETURN = r"""
exporters:
  description: What became of each part, by its name; the metrics of the apps are one.
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
missing:
  description: The Debian packages that are to be installed, before the module is run again.
  type: list
  elements: str
  returned: always
listens:
  description: Where each exporter listens, by its name.
  type: dict
  returned: always
  sample: {"node": "127.0.0.1:9100"}
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._metrics.keeper import Kept, keep_metrics
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        kept = keep_metrics(module.params, check=module.check_mode)
    except UserError as problem:
        kept = Kept({"metrics": {"changed": False, "notes": [], "error": str(problem)}})
    exit_with(module, "exporters", kept.outcomes, defer_errors=module.params["defer_errors"], missing=kept.missing, listens=kept.listens)


ARGUMENT_SPEC: dict[str, Any] = {
    "enabled": {"type": "bool", "default": True},
    "address": {"type": "str", "default": "127.0.0.1"},
    "exporters": {
        "type": "list",
        "elements": "str",
        "choices": ["node", "nginx", "postgres"],
        "default": ["node", "nginx", "postgres"],
    },
    "postgresql": {"type": "bool", "default": True},
    "port": {"type": "int", "default": 5432},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
