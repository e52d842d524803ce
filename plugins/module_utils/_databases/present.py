# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database of an app is the one that its users have."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text
from ansible_collections.webstack.flask.plugins.module_utils._layout import DATABASE_ROOT


def find_present(app: str) -> str:
    """Return the database of an app, as the last switch has written it down where it is not the one that is called like the app."""
    return (read_text(DATABASE_ROOT / app) or "").strip() or app
