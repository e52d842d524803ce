# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a switch of releases needs of dumps: to write one, to restore one into a database beside the app's own, to drop that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._databases.clusters import choose_cluster, read_clusters
from ansible_collections.webstack.flask.plugins.module_utils._databases.dumps import Dumps, dump_elsewhere
from ansible_collections.webstack.flask.plugins.module_utils._databases.server import Server, Shape
from ansible_collections.webstack.flask.plugins.module_utils._databases.session import Place
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError

_TIMEOUT = 7200
"""Seconds that a dump, or its restoration, may take."""


def dump(place: Place, path: Path) -> dict[str, Any]:
    """Dump a database into a file that is there when it is complete; return what a restoration has to know of it."""
    if place.is_elsewhere:
        return {"size": dump_elsewhere(place, path, timeout=_TIMEOUT)}
    return _open(place).write(place.database, path, timeout=_TIMEOUT).to_record()


def restore(place: Place, path: Path, shape: Mapping[str, Any], warn: Callable[[str], object]) -> None:
    """Restore a dump into a new database beside the app's own, which `place` names; nothing is left of it if that fails."""
    with path.open("rb") as file:
        _open(place).restore(file, place.database, Shape.of(shape), timeout=_TIMEOUT, warn=warn)


def drop(place: Place, warn: Callable[[str], object]) -> None:
    """Drop a database beside the app's own."""
    _open(place).drop(place.database, warn=warn)


def list_databases(place: Place) -> list[str]:
    """Return the databases that belong to the app of a place."""
    return sorted(_server(place).list_owned(place.app))


def _open(place: Place) -> Dumps:
    return Dumps(_server(place), place.app)


def _server(place: Place) -> Server:
    if place.is_elsewhere:
        raise UserError(f"the database {place.address} is administered there, and not from this host")
    clusters = read_clusters()
    if clusters is None:
        raise UserError("PostgreSQL is not installed on this host; site.yml installs it, and so does the role postgresql")
    return Server(choose_cluster(clusters, place.port))
