#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Take users back to a release that was healthy before
description:
  - The same switch as that of M(webstack.flask.releases), to a release that is on the host already.
  - Without a name it goes to the last healthy release that users reached before the current one, so that a second rollback
    returns to where the first one started. One that was cut off when users had been taken back is finished.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
extends_documentation_fragment: webstack.flask.switch
options:
  apps:
    description: The apps to take back.
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
      health:
        description: How a release is asked for its health whose own record does not say.
        type: dict
        suboptions:
          path:
            description: Path to ask for.
            type: str
            default: /
          statuses:
            description: Good status codes. None means any below 500.
            type: list
            elements: int
            default: []
          timeout:
            description: Timeout of one request, in seconds.
            type: float
            default: 5
          interval:
            description: Seconds between two questions.
            type: float
            default: 0.2
          deadline:
            description: Seconds within which a request has to succeed.
            type: float
            default: 60
      proxy:
        description: The web server through which users reach the app. Without it, the switch is not proven through one.
        type: dict
        suboptions:
          address:
            description: Address on which it listens.
            type: str
            default: 127.0.0.1
          port:
            description: Port on which it listens.
            type: int
            default: 80
          host:
            description: Name by which it knows the app.
            type: str
            required: true
          tls:
            description: Whether it is asked over an encrypted connection. Its certificate may be any.
            type: bool
            default: false
          proxy_protocol:
            description: Whether it has to be told by the PROXY protocol who asks, because it answers to nobody else.
            type: bool
            default: false
          internal:
            description: Whether the app is an internal service, to which the host says a word of its own.
            type: bool
            default: false
          proof:
            description: File that lets the host pass the gates of the app's site, as the role nginx_site writes it. It may be missing.
            type: path
          certified:
            description: How it is asked instead, over an encrypted connection, as soon as there is a certificate for one of these names.
            type: dict
            suboptions:
              certificate:
                description: File with the certificate and its key.
                type: path
                required: true
              encrypted_port:
                description: Port on which it listens then.
                type: int
                default: 443
              names:
                description: Names by which it knows the app.
                type: list
                elements: str
                required: true
      drain:
        description: Seconds that the former release has to end its requests.
        type: float
        default: 30
      watch:
        description: Seconds for which the release is watched after the switch, with the former one still warm.
        type: float
        default: 1
      group:
        description:
          - Apps that have the same are taken back together, to the releases that users had reached together before, and have to be given
            in one call.
          - One that is the only one of its group is on its own.
        type: str
        default: ""
  to:
    description: The release to go to, by identifier, or C(previous).
    type: str
    default: previous
  data:
    description:
      - With which data, for one app that has a PostgreSQL database. By default users keep those that they have.
      - V(last) is the last dump that was written before release commands while users reached that release, and one can be named. It is
        restored into a new database, to which users come. A database of the app that is there is named as it is called.
      - The release is made anew for that, with an identifier of its own. The database that users had stays as it is.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: Names the release that would be gone to.
  diff_mode:
    support: full
    description: Shows the release before and after.
"""

EXAMPLES = r"""
- name: Go back to the release before
  webstack.flask.rollback:
    apps:
      - name: shop
        proxy:
          host: shop.example.com

- name: Go back to the release before, and to the data from before its successor has migrated them
  webstack.flask.rollback:
    apps:
      - name: shop
        proxy:
          host: shop.example.com
    data: last
"""

RETURN = r"""
releases:
  description: What became of each app, by name.
  type: dict
  returned: always
  contains:
    current:
      description: The release that users reach now.
      type: str
    previous:
      description: The release that users reached before.
      type: str
    changed:
      description: Whether users were taken to another release.
      type: bool
    notes:
      description: What was done, in words.
      type: list
      elements: str
    error:
      description: Why the app was not taken back; absent when it was.
      type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._host.acts import tell_switch, write_down
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.joint import attend_parties
from ansible_collections.webstack.flask.plugins.module_utils._release.options import SWITCH_OPTIONS
from ansible_collections.webstack.flask.plugins.module_utils._release.rollback import Way, roll_back_party
from ansible_collections.webstack.flask.plugins.module_utils._side_by_side import App


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    way, lock_timeout = Way(module.params["to"], module.params["data"]), module.params["lock_timeout"]
    if way.data and len(module.params["apps"]) > 1:
        module.fail_json(msg=f"the data are {way.data!r}, and several apps are to go back; name the one whose data are meant (flask_app)")
    what = f"with the data {way.data}" if way.data else ""

    def done(app: App, outcome: Mapping[str, Any], seconds: float) -> None:
        if not module.check_mode:
            write_down(tell_switch("rollback", app["name"], outcome, to=way.to, what=what), seconds, (), module.warn)

    failed: dict[str, Any] = {"previous": None, "current": None, "changed": False, "notes": []}
    outcomes = attend_parties(
        module.params["apps"], lambda party: roll_back_party(party, way, lock_timeout, REAL, check=module.check_mode), failed, done=done
    )
    diff = [
        {"before_header": name, "after_header": name, "before": f"{outcome['previous']}\n", "after": f"{outcome['current']}\n"}
        for name, outcome in outcomes.items()
    ]
    exit_with(module, "releases", outcomes, diff=diff)


ARGUMENT_SPEC: dict[str, Any] = {
    "apps": {"type": "list", "elements": "dict", "required": True, "options": SWITCH_OPTIONS},
    "to": {"type": "str", "default": "previous"},
    "data": {"type": "str", "default": ""},
    "lock_timeout": {"type": "float", "default": 300},
}


if __name__ == "__main__":
    main()
