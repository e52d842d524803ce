# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking an app off the host: what it runs from and the accounts at once, its data only when that is wanted.

A run that is cut off anywhere is finished by the next one: the accounts go last, so that there is something left to remove until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import MARKER
from ansible_collections.webstack.flask.plugins.module_utils._host.places import Data
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import Moved, set_aside
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.change import hold_apps
from ansible_collections.webstack.flask.plugins.module_utils._release.groups import forget_app
from ansible_collections.webstack.flask.plugins.module_utils._release.health import HealthCheck
from ansible_collections.webstack.flask.plugins.module_utils._release.joint import finish_all
from ansible_collections.webstack.flask.plugins.module_utils._release.release import find_drop_ins, is_foreign_unit, sweep
from ansible_collections.webstack.flask.plugins.module_utils._release.remains import comments_of
from ansible_collections.webstack.flask.plugins.module_utils._release.seam import Host, Remains
from ansible_collections.webstack.flask.plugins.module_utils._release.switch import Switch
from ansible_collections.webstack.flask.plugins.module_utils._release.timers import Timers
from ansible_collections.webstack.flask.plugins.module_utils._release.transaction import retire_others
from ansible_collections.webstack.flask.plugins.module_utils._release.unit_files import find_files

_DRAIN = 30

_OF_A_DISK = "lost+found"


def remove(app: dict[str, Any], parameters: dict[str, Any], host: Host, remains: Remains, *, check: bool) -> dict[str, Any]:
    """Remove one app, as the module app_removal describes it; return what became of it."""
    layout, backups = AppLayout.of(app["name"], app["root"]), Path(parameters["backups"])
    removed = find_remains(layout, host, remains, with_data=app["remove_data"])
    data = remains.find_data(layout) if remains.is_ours(layout) else None
    require_possible(layout, host, remains, backups=backups, with_data=app["remove_data"])
    backup = None
    if removed and not check:
        switch = Switch(layout, host, HealthCheck(), proxy=None, drain_limit=_DRAIN)
        with hold_apps([layout], host, parameters["lock_timeout"], switch.notes.append) as unfinished:
            # Without it: its site is gone already, and others of its group must not stay between two releases.
            finish_all([group.without(layout.name) for group in unfinished], host, switch.notes)
            forget_app(host, layout.name)
            backup = remove_app(switch, remains, with_data=app["remove_data"], backups=backups)
    kept = {"kept": str(data.place)} if data and not app["remove_data"] else {"doomed": str(data.place)} if data and check else {}
    return {"changed": bool(removed), "removed": removed, **kept, **({"backup": str(backup)} if backup else {})}


def find_refusals(apps: Sequence[dict[str, Any]], backups: Path, host: Host, remains: Remains) -> list[str]:
    """Return a sentence for each app that could not be removed: it is asked before its site is taken away."""
    refusals = []
    for app in apps:
        try:
            layout = AppLayout.of(app["name"], app["root"])
            require_possible(layout, host, remains, backups=backups, with_data=app["remove_data"])
        except (UserError, OSError) as problem:
            refusals.append(f"{app['name']}: {problem}")
    return refusals


def require_possible(layout: AppLayout, host: Host, remains: Remains, *, backups: Path, with_data: bool) -> None:
    """Raise UserError where an app cannot be removed, or not all of it that is to go. Nothing is changed."""
    if not find_remains(layout, host, remains, with_data=with_data):
        return
    if remains.is_ours(layout):
        remains.require_closed_way(layout.root)
    if with_data:
        remains.require_closed_way(backups)
    _require_removable(layout, host, remains, backups=backups, with_data=with_data)


def _require_removable(
    layout: AppLayout, host: Host, remains: Remains, *, backups: Path, with_data: bool
) -> tuple[list[Path], Data | None]:
    """Return the parts of an app that are to go, and its data, be they to go or to stay. Raise UserError where these cannot go or stay."""
    parts = find_parts(layout, host, remains, with_data=with_data)
    data = remains.find_data(layout) if remains.is_ours(layout) else None
    remains.require_removable(layout, parts, data, with_data=with_data)
    if data is not None and layout.shared in parts:
        with suppress(Moved):  # an app that moves its directories about must not keep us from removing it: it is measured again later
            remains.require_room_for_archive(data, backups)
    return parts, data


def find_parts(layout: AppLayout, host: Host, remains: Remains, *, with_data: bool) -> list[Path]:
    """Return the files and directories of an app that are on the host, in the order in which they are removed.

    Data comes last and is not among them unless it is wanted, or its removal was begun. What is not ours is not an app's: neither a unit
    file that we have not written, nor what is in a directory that somebody else has made.
    """
    code = (
        [
            layout.current,
            layout.previous,
            layout.jobs,
            layout.suspended,
            layout.started,
            layout.switching,
            layout.maintenance,
            layout.releases,
            layout.environments,
            layout.builds,
        ]
        if remains.is_ours(layout)
        else []
    )
    data = (
        [
            *([layout.restored] if with_data else []),
            *([layout.shared] if with_data and _has_data(layout, remains) else []),
            set_aside(layout.shared),
        ]
        if remains.is_ours(layout)
        else []
    )
    trees = [name for path in (*code, layout.cache) for name in (path, set_aside(path))]
    paths = (*trees, layout.installation_log, *data)
    return [*_find_units(layout, host), *(path for path in paths if host.files.lexists(path))]


def _has_data(layout: AppLayout, remains: Remains) -> bool:
    """Return whether there is something in the place of an app's data that would go with them: not a mount point that is empty."""
    return remains.is_ours(layout) and remains.find_data(layout) is not None


def _find_units(layout: AppLayout, host: Host) -> list[Path]:
    """Return the unit files that we have written."""
    units = (
        layout.service_template,
        layout.socket_template,
        layout.places,
        *find_drop_ins(layout, host).values(),
        *find_files(layout, host),
        *map(layout.unit_file, Timers(layout, host).find_units()),
    )
    return [path for path in units if host.files.read_text(path) and not is_foreign_unit(host, path)]


def find_remains(layout: AppLayout, host: Host, remains: Remains, *, with_data: bool) -> list[str]:
    """Return in words what of an app is on the host and would be removed."""
    return [
        *map(str, find_parts(layout, host, remains, with_data=with_data)),
        *(f"account {name}" for name in remains.find_accounts(layout)),
    ]


def remove_app(switch: Switch, remains: Remains, *, with_data: bool, backups: Path) -> Path | None:
    """Remove an app; return the archive of its data if they were removed as well.

    Data that stay are given to root, and closed. No file is touched before every process of both accounts has ended. Raise UserError, with
    nothing changed, where there is no room for the archive, or something is mounted in what is to go.
    """
    layout, host = switch.layout, switch.host
    parts, data = _require_removable(layout, host, remains, backups=backups, with_data=with_data)
    doomed = data if data is not None and layout.shared in parts else None
    _end_everything(switch, remains)
    if data:
        remains.take_data(layout, data)
    archive = remains.back_up(layout, doomed, backups) if doomed else None
    if remains.is_ours(layout):
        sweep(layout, host)
    # Data first: what cannot be deleted besides them must not make every further run write an archive.
    for path in sorted(parts, key=lambda path: path != layout.shared):
        if doomed and doomed.stays and path == layout.shared:
            _empty(host, remains, doomed, path)
        else:
            _remove(host, path)
    host.units.daemon_reload()
    _remove_root(layout, host, remains)
    for name, comment in comments_of(layout).items():
        remains.remove_account(name, comment)
    return archive


def _empty(host: Host, remains: Remains, data: Data, path: Path) -> None:
    """Delete data that lie on a disk of their own, or where a link leads, and of their place what can go."""
    remains.empty(data)
    if data.is_link:
        host.files.unlink(path)
        if not data.is_mount and not host.files.names(data.place):
            host.files.rmdir(data.place)


def _is_directory(host: Host, path: Path) -> bool:
    return host.files.is_dir(path) and not host.files.is_symlink(path)


def _end_everything(switch: Switch, remains: Remains) -> None:
    """Stop the app, its release commands and installations, and whatever else its accounts run.

    Not if nothing but a cache is left of it: units such as user@1000.service have the name of an app that is called so.
    """
    layout, host = switch.layout, switch.host
    accounts = remains.find_accounts(layout)
    if not (accounts or remains.is_ours(layout) or _find_units(layout, host)):
        return
    switch.timers.remove_all()
    retire_others(switch, None)
    switch.workforce.end_all()
    switch.timers.end_jobs()
    for unit in (layout.build_unit, layout.command_unit):
        host.commands.end(unit)
    for name in accounts:
        remains.end_processes_of(name)


def _remove(host: Host, path: Path) -> None:
    files = host.files
    if _is_directory(host, path):
        files.remove_tree(path)
    elif files.lexists(path):
        files.unlink(path)
    if path.parent.suffix == ".d" and not files.names(path.parent):
        files.rmdir(path.parent)


def _remove_root(layout: AppLayout, host: Host, remains: Remains) -> None:
    """Remove the app's directory once nothing is in it but the mark that it is ours."""
    files, marker = host.files, layout.root / MARKER
    if remains.is_ours(layout) and _is_directory(host, layout.root) and not set(files.names(layout.root)) - {MARKER, _OF_A_DISK}:
        if files.lexists(marker):
            files.unlink(marker)
        if not remains.is_mount(layout.root):
            files.rmdir(layout.root)
