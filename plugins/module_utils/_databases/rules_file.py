# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file pg_hba.conf itself, in a directory that belongs to the account of the cluster."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, read_text, set_access, sync_directory
from ansible_collections.webstack.flask.plugins.module_utils._host.rights import rights_of


class RulesFile:
    """Reads and replaces the file with the rights of that account: where it put a link in the place of something, root would follow it."""

    def __init__(self, path: Path, uid: int, gid: int) -> None:
        """Keep which file, and whose the directory is."""
        self.path = path
        self.uid = uid
        self.gid = gid

    def read(self) -> str:
        """Return the text; raise UserError if it is no file."""
        with rights_of(self.uid, self.gid):
            if not stat.S_ISREG(self.path.lstat().st_mode):
                raise UserError(f"{self.path} is no plain file, and has to be one; put the file itself there, and run again")
            return read_text(self.path) or ""

    def changed_at(self) -> float:
        """Return when the text was written, in seconds."""
        with rights_of(self.uid, self.gid):
            return self.path.lstat().st_mtime

    def replace(self, text: str) -> None:
        """Give the file another text in one step. Its owner, its group and its mode stay."""
        with rights_of(self.uid, self.gid):
            status = self.path.lstat()
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                # As root, who alone can give it to others. It is what was opened, whatever has its name by now.
                set_access(descriptor, Access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode) & 0o777))
                file.write(text)
                file.flush()
                os.fsync(descriptor)
            with rights_of(self.uid, self.gid):
                os.replace(name, self.path)
                sync_directory(self.path.parent)
        except BaseException:
            with rights_of(self.uid, self.gid):
                Path(name).unlink(missing_ok=True)
            raise
