# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of an app: a user with a group of the same name and number, which no other app of the host gets, not even a later one.

What a removed app has left anywhere on the host still bears its number. So the numbers are written down before they are used, and are not
used for another account again; the same account that comes back gets its own.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, read_text, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT

REGISTRY = Path("/var/lib/webstack-flask/accounts.json")
"""Numbers by the names of accounts, those of removed ones as well."""

_LOGIN_DEFS = Path("/etc/login.defs")
_FIRST, _LAST = 101, 999
"""The numbers of system accounts where login.defs(5) says nothing else."""

_LOCK_TIMEOUT = 60


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


def find_account_problems(name: str, comment: str, registry: Mapping[str, int] | None = None) -> list[str]:
    """Return a sentence if a user or a group of this name was there before us: somebody may log in by it, or be in it."""
    user, group = find_user(name), find_group(name)
    if user is not None and user.pw_gecos != comment:
        whose = f"is not this app's (its comment is {user.pw_gecos!r}, not {comment!r})"
        return [f"the user {name!r} exists on the host already and {whose}; give the app another name"]
    if group is None or (user is not None and user.pw_gid == group):
        return []
    known = read_registry() if registry is None else registry
    if known.get(name) == group:
        return []
    mend = f"give the app another name, or delete the group by `groupdel {name}` if nobody needs it"
    return [f"the group {name!r} exists on the host already and is not this app's; {mend}"]


def ensure_group(name: str, *, check: bool = False) -> bool:
    """Make the system group; return whether it was (or in check mode would be) missing."""
    if find_group(name) is not None:
        return False
    if not check:
        with hold_lock(LOCK_ROOT / ".accounts.lock", _LOCK_TIMEOUT, lambda _words: None):
            _run(["groupadd", "--system", "--gid", str(_reserve_number(name)), name])
    return True


def ensure_user(name: str, *, group: str, home: str, comment: str, check: bool = False) -> bool:
    """Make the system user, without password or shell; return whether it was (or in check mode would be) missing."""
    if problems := find_account_problems(name, comment):
        raise UserError(problems[0])
    if find_user(name) is not None:
        return False
    if not check:
        with hold_lock(LOCK_ROOT / ".accounts.lock", _LOCK_TIMEOUT, lambda _words: None):
            options = ["--system", "--uid", str(_reserve_number(name)), "--gid", group, "--home-dir", home, "--no-create-home"]
            _run(["useradd", *options, "--shell", "/usr/sbin/nologin", "--comment", comment, name])
    return True


def remove_account(name: str, comment: str) -> bool:
    """Remove a system user of ours, and its group; return whether there was one. Another's of that name stays."""
    user, group = find_user(name), find_group(name)
    if (user is None and group is None) or find_account_problems(name, comment):
        return False
    with hold_lock(LOCK_ROOT / ".accounts.lock", _LOCK_TIMEOUT, lambda _words: None):
        _register(name, user.pw_uid if user else int(group or 0))
    if user is not None:
        _run(["userdel", name])
    if find_group(name) is not None:
        _run(["groupdel", name])
    return user is not None


def read_registry() -> dict[str, int]:
    """Return the numbers that were given to accounts of apps, removed ones included, by name."""
    text = read_text(REGISTRY)
    if text is None:
        return {}
    try:
        return {str(name): int(number) for name, number in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(
            f"{REGISTRY} cannot be read ({error}); put back a copy of it, or delete it if no app was ever removed here"
        ) from error


def _register(name: str, number: int) -> None:
    registry = read_registry()
    if registry.get(name) == number:
        return
    text = json.dumps({**registry, name: number}, indent=2, sort_keys=True) + "\n"
    ensure_directory(REGISTRY.parent, Access(0, 0, 0o755))
    write_atomically(REGISTRY, text, Access(0, 0, 0o644))


def _reserve_number(name: str) -> int:
    """Return the number for a user or group that is about to be made, written down: its own of earlier, or its group's, or a new one."""
    registry = read_registry()
    in_use = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_name != name} | {
        entry.gr_gid for entry in grp.getgrall() if entry.gr_name != name
    }
    number = choose_number(name, registry, in_use, read_range(read_text(_LOGIN_DEFS) or ""))
    _register(name, number)
    return number


def choose_number(name: str, registry: Mapping[str, int], in_use: Collection[int], numbers: range) -> int:
    """Return the number that this account has had, or the highest that no account has or ever had; raise UserError if none is left."""
    own = registry.get(name)
    if own is not None and own not in in_use:
        return own
    taken = {*in_use, *registry.values()}
    for number in reversed(numbers):
        if number not in taken:
            return number
    raise UserError(
        f"no number for the system account {name} is left between {numbers.start} and {numbers.stop - 1}. {REGISTRY} keeps those of "
        "apps that were removed; where `find / -xdev -uid NUMBER -o -gid NUMBER` finds nothing any more, delete the line of the account"
    )


def read_range(login_defs: str) -> range:
    """Return the numbers that are good for both the user and the group of a system account, from the text of login.defs(5)."""
    said = dict(re.findall(r"^(SYS_[UG]ID_M(?:IN|AX))[ \t]+([0-9]+)[ \t]*$", login_defs, re.MULTILINE))
    first = max(int(said.get(f"SYS_{kind}ID_MIN", _FIRST)) for kind in "UG")
    last = min(int(said.get(f"SYS_{kind}ID_MAX", _LAST)) for kind in "UG")
    return range(first, last + 1)


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if result.returncode != 0:
        raise UserError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
