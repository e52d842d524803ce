# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of ours among the settings of a PostgreSQL server, in a directory that belongs to the account of the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, read_text, sync_directory, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils._host.rights import rights_of

NAME = "00-webstack-flask.conf"
"""The server reads the files of `conf.d` in the order of their names, and goes by what it reads last: any other one comes after this."""

_HEAD = """# Written by webstack.flask for the memory of the machine: postgresql_memory says how much of it.
# It is written anew by the next run. What you set in postgresql.conf, in another file or by ALTER SYSTEM counts, and is left out here.
"""


def format_settings(settings: Mapping[str, str], elsewhere: Mapping[str, str]) -> str:
    """Return the text of the file: the settings without those that are set elsewhere, of which it says in which file."""
    lines = [
        f"# {name} is set in {elsewhere[name]}" if name in elsewhere else f"{name} = {value}" for name, value in sorted(settings.items())
    ]
    return "".join([_HEAD, *(f"{line}\n" for line in lines)])


class SettingsFile:
    """Reads, writes and removes it with the rights of that account: where it put a link in the place of something, root would follow it."""

    def __init__(self, path: Path, uid: int, gid: int) -> None:
        """Keep which file, and whose the directory is."""
        self.path = path
        self.uid = uid
        self.gid = gid

    def read(self) -> str | None:
        """Return the text, None where there is no such file."""
        with rights_of(self.uid, self.gid):
            return read_text(self.path)

    def changed_at(self) -> float:
        """Return when the text was written, in seconds; 0 where there is none."""
        with rights_of(self.uid, self.gid):
            return self.path.stat().st_mtime if self.path.exists() else 0.0

    def replace(self, text: str | None) -> None:
        """Give the file another text in one step, or take it away."""
        with rights_of(self.uid, self.gid):
            if not self.path.parent.is_dir():
                raise UserError(f"{self.path.parent} is no directory; make it, for the account of the server to write to")
            if text is not None:
                write_atomically(self.path, text, Access(self.uid, self.gid, 0o644))
            else:
                self.path.unlink(missing_ok=True)
                sync_directory(self.path.parent)
