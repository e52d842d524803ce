# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs Ansible, for the hosts to write down."""

from __future__ import annotations

DOCUMENTATION = r"""
name: controller
short_description: Who runs Ansible, and where
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
description:
  - Returns the user and the name of the computer that runs Ansible, and of a job of a CI service its URL or number, and who has started it.
    GitHub, Forgejo and Gitea, GitLab, Jenkins and AWX are known.
  - The modules of this collection write it into C(/var/log/webstack-flask/audit.jsonl) of the host if they find it in the environment
    variable C(WEBSTACK_FLASK_CONTROLLER). The playbooks and roles of this collection set it; a playbook of your own that calls the
    modules C(rollback) or C(app_database) may, too.
options:
  _terms:
    description: There are none.
"""

EXAMPLES = r"""
- name: Go back to the release before
  webstack.flask.rollback:
    apps:
      - name: shop
  become: true
  environment:
    WEBSTACK_FLASK_CONTROLLER: "{{ lookup('webstack.flask.controller') }}"
"""

RETURN = r"""
_list:
  description: One text, in the form of the query of a URL.
  type: list
  elements: str
"""

import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.webstack.flask.plugins.plugin_utils._controller import tell


class LookupModule(LookupBase):  # type: ignore[misc]
    """Knows nothing but the environment of Ansible."""

    def run(self, terms: list[str], variables: Mapping[str, Any] | None = None, **kwargs: object) -> list[str]:  # noqa: ARG002 - Ansible's
        """Return the text."""
        return [tell(os.environ, variables or {})]
