# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host on which a module runs, behind the seam of its transactions."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._databases import copies, session, setup
from ansible_collections.webstack.flask.plugins.module_utils._host import files, trees
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._release import home
from ansible_collections.webstack.flask.plugins.module_utils._release.connections import count_connections
from ansible_collections.webstack.flask.plugins.module_utils._release.health import Answer, HealthCheck, ask_aside, ask_proxy, ask_socket
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox, systemctl


class _Files:
    """The file system of this host."""

    read_text = staticmethod(files.read_text)
    read_link = staticmethod(files.read_link)
    has_access = staticmethod(files.has_access)
    is_symlink = staticmethod(Path.is_symlink)
    is_dir = staticmethod(Path.is_dir)
    is_file = staticmethod(Path.is_file)
    is_socket = staticmethod(Path.is_socket)
    ensure_directory = staticmethod(files.ensure_directory)
    ensure_file = staticmethod(files.ensure_file)
    write_atomically = staticmethod(files.write_atomically)
    point_link = staticmethod(files.point_link)
    unlink = staticmethod(Path.unlink)
    rmdir = staticmethod(Path.rmdir)
    remove_tree = staticmethod(trees.remove_tree)
    sync_directory = staticmethod(files.sync_directory)

    def lexists(self, path: Path) -> bool:
        """Return whether there is anything, be it a link to nothing."""
        return os.path.lexists(path)

    def names(self, directory: Path) -> list[str]:
        """Return the names in a directory, of which a missing one has none."""
        return sorted(os.listdir(directory)) if directory.is_dir() else []

    def glob(self, directory: Path, pattern: str) -> list[Path]:
        """Return the paths below a directory that match."""
        return sorted(directory.glob(pattern))

    def modified(self, path: Path) -> float:
        """Return when a path was changed last, or was marked as used."""
        return path.stat().st_mtime

    def size(self, path: Path) -> int:
        """Return the bytes of a file."""
        return path.stat().st_size


class _Probe:
    """Questions that are asked aside, so that an answer can be waited for with an eye on something else."""

    count_connections = staticmethod(count_connections)

    def ask_socket(self, path: Path, check: HealthCheck, meanwhile: Callable[[], None]) -> Answer:
        """Ask a release over its socket."""
        return ask_aside(lambda: ask_socket(str(path), check), meanwhile)

    def ask_proxy(self, address: str, port: int, check: HealthCheck, meanwhile: Callable[[], None]) -> Answer:
        """Ask through the web server."""
        return ask_aside(lambda: ask_proxy(address, port, check), meanwhile)


class _Databases:
    """The databases of this host's apps."""

    require_open = staticmethod(session.require_open)
    read_setup = staticmethod(setup.read_setup)
    begin_setup = staticmethod(setup.begin_setup)
    note_command = staticmethod(setup.note_command)
    finish_setup = staticmethod(setup.finish_setup)
    dump = staticmethod(copies.dump)
    restore = staticmethod(copies.restore)
    list_databases = staticmethod(copies.list_databases)
    drop = staticmethod(copies.drop)


REAL = Host(
    units=systemctl, files=_Files(), probe=_Probe(), clock=time, commands=sandbox, databases=_Databases(), home=home, lock=hold_lock
)
