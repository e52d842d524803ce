# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database the releases of an app have: its own, until users were taken to another one beside it, with data of another moment.

It is a part of a release, as all that its variables say: users come to other data by a switch like any other.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping

from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._layout import DATABASE_ROOT, AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.release import read_record
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import read_current


def lead_to_database(variables: Mapping[str, str], database: str) -> dict[str, str]:
    """Return the variables of an app with another database for the one that they name; as they are where that is none on this host."""
    if not {"DATABASE_URL", "PGDATABASE"} <= variables.keys() or not variables.get("PGHOST", "/").startswith("/"):
        return {**variables}
    url = urllib.parse.urlsplit(variables["DATABASE_URL"])
    return {**variables, "PGDATABASE": database, "DATABASE_URL": urllib.parse.urlunsplit(url._replace(path=f"/{database}"))}


def find_database(layout: AppLayout, host: Host) -> str:
    """Return the database that users of an app have: that of the release that they reach, or last reached before the app was removed."""
    current = read_current(layout, host)
    record = read_record(layout, host, current) if current else None
    kept = (host.files.read_text(DATABASE_ROOT / layout.name) or "").strip()
    return (record.database if record else "") or kept or layout.name


def remember_database(layout: AppLayout, host: Host) -> bool:
    """Write down which database users have where it is not the app's first one, so that an app that is removed and comes back finds it.

    Return whether that was not written down.
    """
    database, path = find_database(layout, host), DATABASE_ROOT / layout.name
    wanted = None if database == layout.name else f"{database}\n"
    if host.files.read_text(path) == wanted:
        return False
    if wanted is None:
        host.files.unlink(path)
    else:
        host.files.ensure_directory(path.parent, Access(0, 0, 0o755))
        host.files.write_atomically(path, wanted, Access(0, 0, 0o644))
    return True
