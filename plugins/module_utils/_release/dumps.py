# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dumps of an app's database that were written before its releases ran their commands: the data as the release before had them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access
from ansible_collections.webstack.flask.plugins.module_utils._layout import DUMP_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host

_OWN = Access(0, 0, 0o600)
_CLOSED = Access(0, 0, 0o700)


@dataclass(frozen=True)
class Dump:
    """One of them."""

    name: str
    """When it was begun, and the release whose commands were about to run."""

    live: str
    """The release that users reached then."""

    place: Place
    begun: float
    shape: dict[str, Any]

    @property
    def path(self) -> Path:
        """The file."""
        return _directory(self.place.app) / f"{self.name}.dump"

    @property
    def moment(self) -> str:
        """When it was begun, for people."""
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.begun))

    @classmethod
    def of(cls, name: str, app: str, said: dict[str, Any]) -> Dump:
        """Return a dump from what is written beside it."""
        place = Place(app, said["database"], said["port"], said.get("host", SOCKET_DIRECTORY))
        return cls(name, said["live"], place, said["begun"], said["shape"])

    def to_json(self) -> str:
        """Return what to write beside it."""
        place = {"host": self.place.host, "port": self.place.port, "database": self.place.database}
        said = {"live": self.live, **place, "begun": self.begun, "shape": self.shape}
        return json.dumps(said, indent=2, sort_keys=True) + "\n"


def write_dump(place: Place, live: str, release: str, host: Host, keep: int) -> Dump:
    """Dump the database before a release runs its commands, and delete all dumps but the last `keep` of the app."""
    begun = host.clock.time()
    host.files.ensure_directory(DUMP_ROOT, _CLOSED)
    host.files.ensure_directory(_directory(place.app), _CLOSED)
    name = f"{time.strftime('%Y%m%dt%H%M%S', time.gmtime(begun))}-{release}"
    dump = Dump(name, live, place, begun, {})
    dump = Dump(name, live, place, begun, host.databases.dump(place, dump.path))
    # A dump counts when this is beside it.
    host.files.write_atomically(dump.path.with_suffix(".json"), dump.to_json(), _OWN)
    kept = {each.path.stem for each in list_dumps(place.app, host)[-keep:]}
    for path in host.files.glob(_directory(place.app), "*.*"):
        if path.stem not in kept:
            host.files.unlink(path)
    return dump


def list_dumps(app: str, host: Host) -> list[Dump]:
    """Return the dumps of an app, the last one last."""
    written = [path for path in host.files.glob(_directory(app), "*.json") if host.files.is_file(path.with_suffix(".dump"))]
    found = [Dump.of(path.stem, app, json.loads(host.files.read_text(path) or "{}")) for path in written]
    return sorted(found, key=lambda dump: (dump.begun, dump.name))


def choose_dump(dumps: Sequence[Dump], live: str, wanted: str) -> Dump:
    """Return a dump by its name, or for `last` the last one that was written while users reached a release; raise UserError if none is."""
    told = ", ".join(f"{dump.name} (while users reached {dump.live})" for dump in dumps) or "none"
    if wanted == "last":
        found = [dump for dump in dumps if dump.live == live]
        if not found:
            raise UserError(
                f"there is no dump that was written while users reached release {live}, because no release after it has run commands, or "
                f"too many have; there are: {told}. To go back to its code alone, leave flask_data out"
            )
        return found[-1]
    named = [dump for dump in dumps if dump.name == wanted]
    if not named:
        raise UserError(f"there is no dump {wanted!r}; there are: {told}. `last` is the last one of the release that is gone back to")
    return named[0]


def _directory(app: str) -> Path:
    return DUMP_ROOT / app
