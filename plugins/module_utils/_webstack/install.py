# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put the command webstack on a host."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._host.files import point_link
from ansible_collections.webstack.flask.plugins.module_utils._host.installed_program import ensure_program
from ansible_collections.webstack.flask.plugins.module_utils._webstack import program

LAUNCHER = Path("/usr/local/lib/webstack-flask/webstack")
COMMAND = Path("/usr/local/bin/webstack")


def ensure_command(*, check: bool) -> bool:
    """Put the command where root's shell finds it; return whether that changed anything. A command of somebody else of this name stays."""
    changed = ensure_program(LAUNCHER, program.__name__, check=check)
    if os.path.lexists(COMMAND):
        return changed
    if not check:
        point_link(COMMAND, str(LAUNCHER))
    return True
