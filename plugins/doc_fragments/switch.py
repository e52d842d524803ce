# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that change the releases of apps have in common in their documentation.

Ansible merges options, and not what is inside of one: what the entries of `apps` have in common stands in each module.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The wait for the lock, and what a host must have."""

    DOCUMENTATION = r"""
options:
  lock_timeout:
    description: Seconds to wait for another run that is changing the same app.
    type: float
    default: 300
attributes:
  platform:
    support: full
    platforms: debian
    description: Needs systemd.
"""
