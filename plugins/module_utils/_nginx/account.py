# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who nginx runs as, and whether the sockets of the apps are open to that account."""

from __future__ import annotations

import grp
import os
import pwd
import re
from contextlib import suppress
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_text

MAIN = Path("/etc/nginx/nginx.conf")
_USER = re.compile(r"(?m)^\s*user\s+(?P<user>[^\s;#]+)(?:\s+(?P<group>[^\s;#]+))?\s*;")


def find_closed_sockets(group: str, main: Path = MAIN) -> list[str]:
    """Return a sentence if nginx runs as a user that is not in the group for which the sockets are open.

    There is none without nginx, or where its configuration does not name the user.
    """
    named = _USER.search(read_text(main) or "")
    if named is None:
        return []
    user, own = named["user"].strip("\"'"), (named["group"] or named["user"]).strip("\"'")
    with suppress(KeyError):  # nginx itself refuses an account that does not exist
        wanted, groups = grp.getgrnam(group).gr_gid, os.getgrouplist(user, grp.getgrnam(own).gr_gid)
        if pwd.getpwnam(user).pw_uid != 0 and wanted not in groups:
            told = (
                f"nginx runs as the user {user!r}, as `user` in {main} says, and that is not in the group {group!r}, for which the "
                f"sockets of the apps are open: it would answer 502. Write `user www-data;` there, as Debian's nginx has it, or add "
                f"the user to the group (`usermod --append --groups {group} {user}`), and restart nginx"
            )
            return [told]
    return []
