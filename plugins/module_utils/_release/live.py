# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which apps users reach already."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host


def find_live(layouts: Iterable[AppLayout], host: Host) -> dict[str, str]:
    """Return for which page the current release of each app is asked, by the app's name: it shows below which path the release is.

    A release that is nothing but processes and jobs is asked for none, which is "". Apps without a release are left out. The directories
    must be known to be the apps' own.
    """
    live = {}
    for layout in layouts:
        target = host.files.read_link(layout.current)
        record = read_record(layout, host, target.rpartition("/")[2]) if target else None
        if record:
            live[layout.name] = str(record.health.get("path", "/")) if record.web else ""
    return live
