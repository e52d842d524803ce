# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of an app: made, marked as its own, and closed to others."""

from __future__ import annotations

from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    has_acl,
    read_text,
    write_atomically,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER, THROUGH, require_no_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import clear_acls
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout


def ensure_root(layout: AppLayout, *, check: bool = False) -> bool:
    """Make the directory of an app, marked as its own and closed to others; return whether it was not so.

    Raise UserError if it, or anything else of that name, is somebody else's.
    """
    require_no_obstacles(layout)
    root, marker = layout.root, layout.root / MARKER
    unmarked = (read_text(marker) or "").strip() != layout.name
    opened = has_acl(root)
    changed = ensure_directory(root, Access(0, 0, THROUGH), check=check) or unmarked
    if not check:
        if unmarked:
            write_atomically(marker, f"{layout.name}\n", Access(0, 0, 0o644))
        if opened:  # what lies in it has inherited the list
            for path in (layout.builds, layout.environments, layout.releases):
                clear_acls(path)
    return changed
