# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking an app off the host: what it runs from and the accounts at once, its data only when that is wanted."""

from __future__ import annotations

import os
import tarfile
import time
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils import systemd
from ansible_collections.webstack.flask.plugins.module_utils.accounts import find_user, remove_account
from ansible_collections.webstack.flask.plugins.module_utils.files import (
    Access,
    ensure_directory,
    give_tree,
    read_text,
    remove_tree,
    sync_directory,
)
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils.release import is_foreign_unit
from ansible_collections.webstack.flask.plugins.module_utils.switch import Switch


def find_parts(layout: AppLayout, *, with_data: bool) -> list[Path]:
    """Return the files and directories of an app that are on the host, in the order in which they are removed.

    Data comes last and is not among them unless it is wanted. A unit file that is not ours is not an app's.
    """
    units = [path for path in (layout.service_template, layout.socket_template) if read_text(path) and not is_foreign_unit(path)]
    code = [layout.current, layout.previous, layout.releases, layout.environments, layout.builds, layout.cache]
    parts = [*units, *layout.find_drop_ins().values(), *code, *([layout.shared] if with_data else [])]
    return [path for path in parts if os.path.lexists(path)]


def find_remains(layout: AppLayout, *, with_data: bool) -> list[str]:
    """Return in words what of an app is on the host and would be removed."""
    accounts = [name for name, comment in _accounts(layout).items() if (user := find_user(name)) and user.pw_gecos == comment]
    return [*(str(path) for path in find_parts(layout, with_data=with_data)), *(f"account {name}" for name in accounts)]


def remove_app(layout: AppLayout, switch: Switch, *, with_data: bool, backups: Path) -> Path | None:
    """Remove an app; return the archive of its data if they were removed as well.

    Data that stay are given to root: the number of the app's user may be another user's by the time the app comes back.
    """
    for release in switch.find_others(None):
        switch.retire(release)
    parts = find_parts(layout, with_data=with_data)
    archive = back_up(layout, backups) if layout.shared in parts else None
    for path in parts:
        _remove(path)
    systemd.daemon_reload()
    if layout.shared.is_dir():
        give_tree(layout.shared, Access(0, 0, 0o700))
    elif layout.root.is_dir() and not any(layout.root.iterdir()):
        layout.root.rmdir()
    for name, comment in _accounts(layout).items():
        remove_account(name, comment)
    return archive


def _accounts(layout: AppLayout) -> dict[str, str]:
    return {layout.build_user: layout.build_comment, layout.name: layout.comment}


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        remove_tree(path)
    if path.parent.suffix == ".d" and not any(path.parent.iterdir()):
        path.parent.rmdir()


def back_up(layout: AppLayout, directory: Path) -> Path:
    """Write the app's data to an archive that root alone can read; return its path."""
    ensure_directory(directory, Access(0, 0, 0o700))
    final = directory / f"{layout.name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.tar.gz"
    partial = final.with_name(f".{final.name}")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz") as tar:
            tar.add(layout.shared, arcname=layout.shared.name)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, final)
    sync_directory(directory)
    return final
