# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an app's releases live: its account, its directories, and its data that outlive them."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.access_lists import ensure_readable
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import ensure_group, ensure_user, find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.app_root import ensure_root
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import THROUGH, require_no_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._host.places import ensure_places, find_data, find_unseen
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import give_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import ensure_shared

__all__ = ["ensure_account", "ensure_directories", "ensure_places", "ensure_public", "ensure_shared", "find_group", "find_unseen"]


def ensure_account(layout: AppLayout, *, check: bool) -> bool:
    """Make the user as whom the app runs; return whether it was missing."""
    require_no_obstacles(layout)
    name = layout.name
    made_group = ensure_group(name, check=check)
    made_user = ensure_user(name, group=name, home=str(layout.shared), comment=layout.comment, check=check)
    return made_group or made_user


def ensure_directories(layout: AppLayout, *, check: bool) -> bool:
    """Make the directories that a release needs; return whether any was missing or open to the wrong people."""
    changed = ensure_root(layout, check=check)
    user, group = find_user(layout.name), find_group(layout.name)
    if user is None or group is None:
        return True
    shared = find_data(layout)
    changed |= ensure_directory(layout.releases, Access(0, 0, THROUGH), check=check)
    try:
        if not check and shared.is_dir() and shared.lstat().st_uid == 0:
            give_tree(shared, uid=user.pw_uid, gid=group, mode=0o750)  # data of an app that was removed, and comes back
        return ensure_directory(shared, Access(user.pw_uid, group, 0o750), check=check, may_have_list=True) or changed
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EACCES, errno.EROFS):
            raise
        # NFS with root_squash, a file system without owners, or one that is mounted for reading alone.
        raise UserError(
            f"{shared}, the data of {layout.name}, cannot be given to its account ({error.strerror}). Where it lies on another machine, "
            f"run `chown {user.pw_uid}:{group} DIRECTORY && chmod 0750 DIRECTORY` there; where it is mounted read-only, or without owners, "
            "mount it so that root may write to it and set owners"
        ) from error


def ensure_public(layout: AppLayout, build: Path, public: Sequence[str], reader: str, *, check: bool) -> bool:
    """Let the web server, by its group, read these directories of the app's data and nothing else there; return whether that was to do.

    One that is missing is made, with what the source has there. Where none is public any more, the web server is let out.
    """
    made = ensure_shared(layout, build, public, [], check=check)
    user, group = find_user(layout.name), find_group(reader)
    shared = find_data(layout)
    if user is None or not shared.is_dir():
        return made
    if group is None:
        if public and not check:
            places = ", ".join(str(layout.shared / path) for path in public)
            raise UserError(
                f"there is no group {reader!r} that could read {places}; name the web server's in `gunicorn_systemd_socket_group`"
            )
        return made
    return ensure_readable(shared, public, owner=user.pw_uid, reader=group, check=check) or made
