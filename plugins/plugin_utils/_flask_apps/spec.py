# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of an entry of the user's list `flask_apps`."""

from __future__ import annotations

from typing import Any

from ansible_collections.webstack.flask.plugins.plugin_utils._specs import load_options

SPEC: dict[str, Any] = load_options("flask_apps")["flask_apps"]["options"]
"""The keys of an entry, as an Ansible argument spec. The role flask_apps describes each."""

SCHEDULE_SPEC: dict[str, Any] = load_options("flask_apps", "schedules")
"""The keys of one of the `schedules` of an entry, likewise."""

PROCESS_SPEC: dict[str, Any] = load_options("flask_apps", "processes")
"""The keys of one of the `processes` of an entry, likewise."""
