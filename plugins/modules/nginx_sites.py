#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: nginx_sites
short_description: Make nginx serve sites, and verify that it does
description:
  - Writes the configuration of each site to C(sites-available) and links it from C(sites-enabled). Both are deleted for a site
    that is absent. Sites that are not named stay as they are.
  - Has nginx test a copy of its whole configuration, with the changes, first. If nginx refuses it, nothing is changed, and the
    message says which file is at fault, and whether it was broken before.
  - Starts nginx and enables it at boot, reloads it if it has not loaded the files on disk, and waits until no worker with the
    former configuration accepts connections. If that fails, all former files are put back.
  - Creates the logs of each site before nginx does, so that only C(www-data) and the group C(adm) can read them, and closes those
    that are readable by all.
  - The next run finishes one that was killed between writing and reloading.
  - Listens on IPv6 only if the kernel has it, enables HTTP/2 in the syntax of the host's nginx, and leaves out HTTP/3 if nginx
    does not support it.
  - Reloads nginx for a renewed certificate, unless its answers show that it has been reloaded already.
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
        description: Name of the site, which its files are named after.
        type: str
        required: true
      state:
        description:
          - Whether nginx serves the site.
          - With V(kept) it stays as it is, and so do others in the same file. It goes if another site wants a name that it has.
        type: str
        choices: [present, absent, kept]
        default: present
      content:
        description:
          - The whole configuration file.
          - It must contain the words C(webstack.flask.nginx_site), from which later runs know that the file is theirs.
        type: str
      callers:
        description:
          - Names of those who may call the site, if it is an internal service. Each gets a word, which follows from a key of the host, and
            C(sites-available/<name>.callers), which root alone can read, has them for the I(content) to include.
        type: list
        elements: str
  keep_callers:
    description: Whether those who may call an internal service already stay so, though nobody names them. RV(former_callers) tells of them.
    type: bool
    default: false
  http:
    description:
      - Configuration outside of any site that the sites rely on. It is kept as long as there is a site.
      - It must contain the words C(webstack.flask.nginx_site) too.
    type: str
    required: true
  default_site:
    description:
      - Whether Debian's own site is enabled.
      - With V(absent), one that was edited after its installation is somebody's site. It stays, with a warning.
    type: str
    choices: [present, absent]
    default: absent
  unknown_names:
    description:
      - Content of the default server, which answers requests for names that no site has. There is one on each address where a site of
        ours listens and nobody else has a default server. If it is empty there is none, and nginx's own rules apply.
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
      - nginx tests the configuration too, unless a certificate is still missing.
      - If nginx is not installed, it is assumed that Debian's package will be.
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
  description:
    - What became of each site, by name; C(created), C(updated), C(removed) or C(unchanged).
    - One that is in the file of another one, with which it has server names in common, is as that file is.
  type: dict
  returned: success
  sample: {"shop": "created"}
former_callers:
  description: With I(keep_callers), those who may call an internal service still and are not named any more, by its name.
  type: dict
  returned: success
  sample: {"images": ["shop"]}
default_site:
  description: Whether Debian's own site is enabled afterwards.
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
            "state": {"type": "str", "choices": ["present", "absent", "kept"], "default": "present"},
            "content": {"type": "str"},
            "callers": {"type": "list", "elements": "str"},
        },
        "required_if": [["state", "present", ["content"]]],
    },
    "keep_callers": {"type": "bool", "default": False},
    "http": {"type": "str", "required": True},
    "default_site": {"type": "str", "choices": ["present", "absent"], "default": "absent"},
    "unknown_names": {"type": "str", "default": ""},
    "remove_logs": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
