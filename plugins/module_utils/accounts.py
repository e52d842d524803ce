# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of an app: the group that reads its code, the user it runs as, the user that installs its dependencies."""

from __future__ import annotations

import grp
import pwd
import subprocess

from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem


def find_group(name: str) -> int | None:
    """Return the numeric id of a group, or None where it does not exist."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def find_user(name: str) -> pwd.struct_passwd | None:
    """Return the entry of a user, or None where it does not exist."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def ensure_group(name: str, *, check: bool = False) -> bool:
    """Make the system group; return whether it was (or in check mode would be) missing."""
    if find_group(name) is not None:
        return False
    if not check:
        _run(["groupadd", "--system", name])
    return True


def ensure_user(name: str, *, group: str, home: str, comment: str, check: bool = False) -> bool:
    """Make the system user, without password or shell; return whether it was (or in check mode would be) missing.

    A user of that name that has another comment was there before us, and somebody may log in by it: raise Problem.
    """
    user = find_user(name)
    if user is not None:
        if user.pw_gecos != comment:
            raise Problem(
                f"the user {name!r} exists on the host already and is not this app's (its comment is {user.pw_gecos!r}, not {comment!r}); "
                "give the app another name"
            )
        return False
    if not check:
        options = ["--system", "--gid", group, "--home-dir", home, "--no-create-home", "--shell", "/usr/sbin/nologin"]
        _run(["useradd", *options, "--comment", comment, name])
    return True


def remove_account(name: str, comment: str) -> bool:
    """Remove a system user of ours, and the group of that name; return whether there was one. Another's of that name stays."""
    user = find_user(name)
    if user is not None and user.pw_gecos != comment:
        return False
    if user is not None:
        _run(["userdel", name])
    if find_group(name) is not None:
        _run(["groupdel", name])
    return user is not None


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Problem(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
