# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs Ansible: a person at a computer, or a job of a CI service that somebody has started."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

_LONGEST = 300


def tell(environment: Mapping[str, str], variables: Mapping[str, Any]) -> str:
    """Return who it is, as the host reads it, given the environment of Ansible and the variables of the host."""
    ci, ci_user = find_job(environment, variables)
    known = {"user": _find_user(), "host": socket.gethostname(), "ci": ci, "ci_user": ci_user}
    return urlencode({key: value[:_LONGEST] for key, value in known.items() if value}, errors="replace")


def find_job(environment: Mapping[str, str], variables: Mapping[str, Any]) -> tuple[str, str]:
    """Return the job of a CI service in which Ansible runs, by its URL or number, and who has started it; nothing where there is none."""
    if environment.get("GITHUB_RUN_ID"):  # Forgejo and Gitea give the same names
        place = "/".join(environment.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY"))
        return _without_secrets(f"{place}/actions/runs/{environment['GITHUB_RUN_ID']}"), environment.get("GITHUB_ACTOR", "")
    if environment.get("CI_JOB_ID"):
        return _without_secrets(environment.get("CI_JOB_URL") or environment["CI_JOB_ID"]), environment.get("GITLAB_USER_LOGIN", "")
    if environment.get("JENKINS_URL") and environment.get("BUILD_URL"):
        return _without_secrets(environment["BUILD_URL"]), environment.get("BUILD_USER_ID", "")
    if variables.get("awx_job_id"):
        return f"AWX job {variables['awx_job_id']}", str(variables.get("awx_user_name") or "")
    return "", ""


def _without_secrets(url: str) -> str:
    """Return a URL without a password, a query and a fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _find_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
