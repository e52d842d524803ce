#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: releases_info
short_description: Tell which releases of apps are on a host, and which one users reach
description:
  - For playbooks of your own. C(webstack APP releases) shows the same on the host.
  - It changes nothing, and asks no app for its health; C(webstack --json) on the host does.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  apps:
    description: Names of the apps. Without it, all that this collection has put on the host. One that is not there is an error.
    type: list
    elements: str
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
    description: It changes nothing.
  platform:
    support: full
    platforms: posix
    description: Debian 12 and 13, on which apps are served.
"""

EXAMPLES = r"""
- name: Look at the releases
  webstack.flask.releases_info:
    apps: [shop]
  become: true
  register: result

- name: Require that users reach the version that was tested
  ansible.builtin.assert:
    that: result.apps.shop.version == 'v1.4'

- name: Name the releases that have failed
  ansible.builtin.debug:
    msg: "{{ result.apps.shop.releases | selectattr('state', 'equalto', 'failed') | map(attribute='release') }}"
"""

RETURN = r"""
apps:
  description: What is so of each app, by its name.
  type: dict
  returned: success
  contains:
    live:
      description: Identifier of the release that users reach. V(null) where there is none.
      type: str
      sample: 0123456789ab
    version:
      description: The version of the live release, as its deploy was told. Empty where that is not known.
      type: str
      sample: v1.4
    since:
      description: When users came to the live release, in seconds since 1970. V(null) where a deploy was cut off before it was proven.
      type: float
    previous:
      description: Identifier of the release to which a rollback goes. V(null) where there is none.
      type: str
    releases:
      description: The releases that are on the host, the last one first.
      type: list
      elements: dict
      contains:
        release:
          description: Its identifier.
          type: str
        version:
          description: Its version, as its deploy was told.
          type: str
        created:
          description: When it was made, in seconds since 1970.
          type: float
        verified:
          description: When it was last seen to serve users, in seconds since 1970. V(null) where it never was.
          type: float
        failed:
          description: When it has failed, in seconds since 1970. V(null) where it has not.
          type: float
        state:
          description:
            - V(live), V(rollback goes here), V(was live), V(failed), or V(never live).
          type: str
        database:
          description: The database of the app that it has, on this host. Empty where it has none.
          type: str
        reason:
          description: Why it has failed, with the last lines that it has said. Empty for others.
          type: str
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_records
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import read_current
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import find_app, list_apps
from ansible_collections.webstack.flask.plugins.module_utils._webstack.status import describe_app_releases


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    wanted = module.params["apps"]
    try:
        layouts = [find_app(name) for name in (list_apps() if wanted is None else wanted)]
    except UserError as error:
        module.fail_json(msg=str(error))
    told = {layout.name: describe_app_releases(read_records(layout, REAL), read_current(layout, REAL)) for layout in layouts}
    module.exit_json(changed=False, apps=told)


ARGUMENT_SPEC: dict[str, Any] = {"apps": {"type": "list", "elements": "str"}}


if __name__ == "__main__":
    main()
