#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: jobs_info
short_description: Tell how the jobs of apps went, and when they run next
description:
  - What ran, when, for how long and how it ended is what systemd has written in the journal, and is kept as long as the journal is.
  - It changes nothing.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  apps:
    description: Names of the apps.
    type: list
    elements: str
    required: true
  runs:
    description: The last runs of each job that are returned, so many at most, from 1 to 100.
    type: int
    default: 5
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
    description: It changes nothing.
"""

EXAMPLES = r"""
- name: Look at the jobs
  webstack.flask.jobs_info:
    apps: [shop]
  become: true
  register: result

- name: Require that the last run of each was good
  ansible.builtin.assert:
    that: result.jobs | map(attribute='runs') | map('first') | selectattr('result', 'equalto', 'failed') | length == 0
"""

RETURN = r"""
jobs:
  description: The jobs of the apps, also those that are suspended.
  type: list
  elements: dict
  returned: success
  contains:
    app:
      description: Name of the app.
      type: str
    name:
      description: Name of the job.
      type: str
    suspended:
      description: Whether somebody has suspended it.
      type: bool
    next:
      description: When it runs next, in UTC. Empty for one that is suspended, and one whose time does not come again.
      type: str
      sample: Mon 2026-01-05 04:00:00 UTC
    runs:
      description: Its last runs, the last first.
      type: list
      elements: dict
      contains:
        release:
          description: Identifier of the release in which it ran.
          type: str
        began:
          description: When it began, in UTC.
          type: str
          sample: 2026-01-04 04:00:00 UTC
        seconds:
          description: How long it took. V(null) for one that runs, and one of which the journal has no end.
          type: float
        result:
          description: V(success), V(failed), V(running), or V(interrupted) when the journal has no end of it because the host went down.
          type: str
        reason:
          description: Why it has failed. Empty for others.
          type: str
          sample: its process ended with exit status 3
        lines:
          description: The last ten lines that it has said, of the last run alone.
          type: list
          elements: str
"""

from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule
from ansible_collections.webstack.flask.plugins.module_utils._release.host import REAL
from ansible_collections.webstack.flask.plugins.module_utils._release.job_runs import describe_jobs
from ansible_collections.webstack.flask.plugins.module_utils._systemd.journal import list_units


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    most = module.params["runs"]
    if not 1 <= most <= 100:
        module.fail_json(msg=f"runs is {most}; allowed is a number from 1 to 100")
    try:
        known = list_units()
        jobs = [job for name in module.params["apps"] for job in describe_jobs(AppLayout.of(name), REAL, known, most)]
    except UserError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, jobs=jobs)


ARGUMENT_SPEC: dict[str, Any] = {
    "apps": {"type": "list", "elements": "str", "required": True},
    "runs": {"type": "int", "default": 5},
}


if __name__ == "__main__":
    main()
