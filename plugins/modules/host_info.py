#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Gather what the playbooks need to know about a host
description:
  - Returns the distribution, the service manager, the address, the clock, and which of some packages are installed, in one round trip.
  - M(ansible.builtin.setup) takes about three times as long for the same.
  - It sets no facts, so that variables of the inventory keep their values. Register the result.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  packages:
    description: The Debian packages to look for.
    type: list
    elements: str
    default: []
  apps:
    description: Names of apps to be served. RV(obstacles) says what else on the host has one of these names.
    type: list
    elements: str
    default: []
  removals:
    description: Apps to be removed. RV(obstacles) says which of them cannot be, and why.
    type: list
    elements: dict
    default: []
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
    description: Directory for the archives of data that go.
    type: path
    default: /var/backups/webstack-flask
  ports:
    description:
      - TCP ports on which the web server is to listen. RV(listeners) says who does, and RV(closed) which of them a firewall closes.
    type: list
    elements: int
    default: []
  socket_group:
    description: Group for which the sockets of the I(apps) are open. An nginx whose user is not in it is one of the RV(obstacles).
    type: str
    default: www-data
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
  platform:
    support: full
    platforms: posix
    description: Runs on any system, so that a playbook can refuse those that are not supported.
"""

EXAMPLES = r"""
- name: Gather information about the host
  webstack.flask.host_info:
    packages: [nginx, pipenv]
  register: host
"""

RETURN = r"""
distribution:
  description: Name of the distribution.
  type: str
  returned: always
  sample: Debian
distribution_version:
  description: Its version.
  type: str
  returned: always
  sample: "12"
distribution_major_version:
  description: The first part of its version.
  type: str
  returned: always
  sample: "12"
service_manager:
  description: The service manager.
  type: str
  returned: always
  sample: systemd
address:
  description: The IPv4 address from which the host reaches others, else the IPv6 address; empty if it has no route to them.
  type: str
  returned: always
  sample: 192.0.2.10
epoch:
  description: The host's clock, in seconds since 1970.
  type: int
  returned: always
packages:
  description: Those of the packages that are installed.
  type: list
  elements: str
  returned: always
obstacles:
  description:
    - A sentence for each thing on the host that one of the I(apps) would overwrite or delete, and that does not belong to it.
    - A sentence for each of the I(removals) that cannot be removed.
    - A sentence for an nginx that could not reach the I(apps).
  type: list
  elements: str
  returned: always
root:
  description: Whether the module ran as root. Only root is told of apps, of removals, and who listens on a port.
  type: bool
  returned: always
listeners:
  description:
    - The programs that listen on one of the I(ports), by port. Each has a C(name), a C(process) and a C(unit), which are empty where
      nobody can tell.
  type: dict
  returned: always
live:
  description:
    - Those of the I(apps) that have a release already, with the page for which it is asked.
    - That is empty for a release without a web process.
  type: dict
  returned: always
  sample: {"shop": "/health"}
backed_up:
  description: The apps that the host backs up.
  type: list
  elements: str
  returned: always
notified:
  description: The apps of which the host tells somebody when they fail.
  type: list
  elements: str
  returned: always
metrics:
  description: Whether the host gives metrics to Prometheus by this collection.
  type: bool
  returned: always
closed:
  description: Those of the I(ports) of which the host's own firewall seems to keep others out.
  type: list
  elements: int
  returned: always
files:
  description: The content of those of the I(files) that can be read as text, by path.
  type: dict
  returned: always
"""

import os
import time
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import list_described
from ansible_collections.webstack.flask.plugins.module_utils._host.facts import (
    describe_distribution,
    find_address,
    find_installed,
    find_service_manager,
    read_release,
    read_texts,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.listeners import find_closed, find_listeners
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import find_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._metrics.presence import gives_metrics
from ansible_collections.webstack.flask.plugins.module_utils._nginx.account import find_closed_sockets
from ansible_collections.webstack.flask.plugins.module_utils._notifications import settings as notifications
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule
from ansible_collections.webstack.flask.plugins.module_utils._release import remains
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.live import find_live
from ansible_collections.webstack.flask.plugins.module_utils._release.removal import find_refusals

ARGUMENT_SPEC: dict[str, Any] = {
    name: {"type": "list", "elements": kind, "default": []}
    for name, kind in (("packages", "str"), ("apps", "str"), ("ports", "int"), ("files", "path"))
}
ARGUMENT_SPEC |= {
    "removals": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "root": {"type": "path"},
            "remove_data": {"type": "bool", "default": False},
        },
    },
    "socket_group": {"type": "str", "default": "www-data"},
    "backups": {"type": "path", "default": "/var/backups/webstack-flask"},
}


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    is_root = os.geteuid() == 0
    # Whoever is not root is refused for that, and sees too little for anything else to be true.
    asked = module.params if is_root else {**module.params, "apps": [], "removals": [], "ports": []}
    layouts = [AppLayout.of(name) for name in asked["apps"]]
    looked_at = [(layout, find_obstacles(layout)) for layout in layouts]
    obstacles = [obstacle for _layout, found in looked_at for obstacle in found]
    obstacles += find_refusals(asked["removals"], Path(asked["backups"]), REAL, remains)
    obstacles += find_closed_sockets(asked["socket_group"]) if asked["apps"] else []
    module.exit_json(
        **describe_distribution(read_release()),
        service_manager=find_service_manager(),
        address=find_address() or "",
        epoch=int(time.time()),
        packages=find_installed(asked["packages"]),
        obstacles=obstacles,
        live=find_live([layout for layout, found in looked_at if not found], REAL),
        root=is_root,
        backed_up=list_described() if is_root else [],
        notified=notifications.list_described() if is_root else [],
        metrics=gives_metrics(),
        listeners=find_listeners(asked["ports"]),
        closed=find_closed(asked["ports"]) if asked["ports"] else [],
        files=read_texts(asked["files"]),
    )


if __name__ == "__main__":
    main()
