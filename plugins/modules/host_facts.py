#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_facts
short_description: Learn what the playbooks need to know of a host, and nothing else
description:
  - Tells the distribution, the service manager, the address, the clock, and which of some packages are installed, in one round trip.
  - The facts have the names that M(ansible.builtin.setup) gives them. That module takes about three times as long for them.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  packages:
    description: The Debian packages to look for.
    type: list
    elements: str
    default: []
  apps:
    description: Names of apps that are to be served; it is found out whether something else of these names is on the host.
    type: list
    elements: str
    default: []
  files:
    description: Paths of small text files whose content is returned.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: Changes nothing anyway.
  diff_mode:
    support: none
    description: Changes nothing.
  facts:
    support: full
    description: Returns facts.
  platform:
    support: full
    platforms: posix
    description: Tells of any system that it is none of those that are served.
"""

EXAMPLES = r"""
- name: Get to know the host
  webstack.flask.host_facts:
    packages: [nginx, pipenv]
  register: host
"""

RETURN = r"""
ansible_facts:
  description: The facts.
  type: dict
  returned: always
  contains:
    distribution:
      description: Name of the distribution.
      type: str
      sample: Debian
    distribution_version:
      description: Its version.
      type: str
      sample: "12"
    distribution_major_version:
      description: The first part of its version.
      type: str
      sample: "12"
    service_mgr:
      description: The service manager.
      type: str
      sample: systemd
    default_ipv4:
      description: C(address), from which the host reaches others; empty where it has no way to them.
      type: dict
    date_time:
      description: C(epoch), the host's clock in seconds since 1970, as text.
      type: dict
packages:
  description: Those of the packages that are installed.
  type: list
  elements: str
  returned: always
obstacles:
  description: A sentence for each thing on the host that one of the I(apps) would write or delete, and that is not its own.
  type: list
  elements: str
  returned: always
files:
  description: The content of those of the I(files) that can be read as text, by path.
  type: dict
  returned: always
"""

import time
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.facts import (
    describe_distribution,
    find_address,
    find_installed,
    find_service_manager,
    read_release,
    read_texts,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import find_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule

ARGUMENT_SPEC: dict[str, Any] = {
    name: {"type": "list", "elements": kind, "default": []} for name, kind in (("packages", "str"), ("apps", "str"), ("files", "path"))
}


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    address = find_address()
    facts = {
        **describe_distribution(read_release()),
        "service_mgr": find_service_manager(),
        "default_ipv4": {"address": address} if address else {},
        "date_time": {"epoch": str(int(time.time()))},
    }
    names = module.params["apps"]
    obstacles = [obstacle for name in names for obstacle in find_obstacles(AppLayout.of(name))]
    packages, files = find_installed(module.params["packages"]), read_texts(module.params["files"])
    module.exit_json(ansible_facts=facts, packages=packages, obstacles=obstacles, files=files)


if __name__ == "__main__":
    main()
