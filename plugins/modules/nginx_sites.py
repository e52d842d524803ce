#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_sites
short_description: Make nginx serve the given sites, and know that it does
description:
  - Puts the configuration of each site into C(sites-available), links it from C(sites-enabled), and takes away both of a site
    that is absent. Sites that are not named stay as they are.
  - Lets nginx test a copy of its whole configuration with the changes in it first. When nginx refuses it nothing is
    changed, and the message says whose file is at fault; a file that was broken before is told apart from a new one.
  - Starts nginx and enables it at boot, reloads it when it has not loaded what lies on disk, and waits until no process with the
    former configuration takes connections. When that fails, every former file is put back.
  - Makes the logs of each site before nginx does, so that they are readable for C(www-data) and the group C(adm) alone, and mends
    those that anybody may read.
  - A run that was killed between writing and reloading is made good by the next one.
  - Listens on IPv6 only where the kernel has it, switches HTTP/2 on as the host's version of nginx wants it, and leaves out HTTP/3
    where nginx has none.
  - Sees a certificate with a new content, and reloads nginx for it unless somebody else has done so, as nginx's answers tell.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  sites:
    description: The sites.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the site, from which those of its files are made.
        type: str
        required: true
      state:
        description: Whether nginx serves the site.
        type: str
        choices: [present, absent]
        default: present
      content:
        description:
          - The whole configuration file.
          - It must hold the words C(webstack.flask.nginx_site), by which later runs see that the file is not somebody else's.
        type: str
  http:
    description:
      - Configuration outside of any site that the sites rely on; it is there as long as one of them is.
      - It must hold the words C(webstack.flask.nginx_site) too.
    type: str
    required: true
  default_site:
    description:
      - Whether Debian's own site is enabled.
      - With V(absent), one that has been edited since its installation is somebody's site, and stays, with a warning.
    type: str
    choices: [present, absent]
    default: absent
  unknown_names:
    description:
      - What stands in a server for requests by names that no site has. There is one wherever a site of ours listens and nobody
        else has a server for such names. When it is empty there is none, and nginx's own rules apply.
    type: str
    default: ""
  remove_logs:
    description: Whether to delete the logs of the sites that are absent, rotated ones too.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description:
      - The test by nginx happens too, unless a certificate is still to be made.
      - Without nginx on the host, Debian's package is taken to be installed next.
  diff_mode:
    support: full
    description: Shows every file and link.
  platform:
    support: full
    platforms: debian
    description: Needs nginx as Debian packages it, and systemd.
"""

EXAMPLES = r"""
- name: Serve a site
  webstack.flask.nginx_sites:
    sites:
      - name: shop
        content: |
          # webstack.flask.nginx_site
          server {
              listen 80;
              server_name shop.example.org;
              location / {
                  proxy_pass http://unix:/run/shop.sock;
              }
          }
      - name: former-shop
        state: absent
    http: |
      # webstack.flask.nginx_site
"""

RETURN = r"""
sites:
  description: What became of each site, by name; C(created), C(updated), C(removed) or C(unchanged).
  type: dict
  returned: success
  sample: {"shop": "created"}
default_site:
  description: Whether Debian's own site is enabled in the end.
  type: bool
  returned: success
action:
  description: What was done to nginx; C(started), C(reloaded), or an empty text.
  type: str
  returned: success
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._nginx.sites import update_sites
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    try:
        result = update_sites(module.params, module.warn, check=module.check_mode)
    except UserError as problem:
        module.fail_json(msg=str(problem))
    module.exit_json(**result)


ARGUMENT_SPEC: dict[str, Any] = {
    "sites": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "content": {"type": "str"},
        },
        "required_if": [["state", "present", ["content"]]],
    },
    "http": {"type": "str", "required": True},
    "default_site": {"type": "str", "choices": ["present", "absent"], "default": "absent"},
    "unknown_names": {"type": "str", "default": ""},
    "remove_logs": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
