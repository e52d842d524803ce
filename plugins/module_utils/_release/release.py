# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release on disk: a build, an environment and a configuration under one identifier, and the units that run it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import ensure_group, ensure_user, find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.app_root import ensure_root, find_data
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import digest_of
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    ensure_directory,
    ensure_file,
    has_access,
    point_link,
    read_link,
    read_text,
    write_atomically,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import require_no_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import give_tree, remove_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._release.record import ReleaseRecord, choose_leftovers, next_sequence
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import find_environment_problems, format_environment

_GRACE = 600
"""Seconds for which a build or an environment that no release uses is left alone: another run may be about to use it."""

_ROOT_ONLY_LIST = 0o711
"""Others may pass through, to the socket and the static files, but not look around."""


@dataclass(frozen=True)
class ReleaseSpec:
    """What the user wants to run. `build` and `environment` are identifiers, None where a check run cannot know them."""

    layout: AppLayout
    build: str | None
    environment: str | None
    variables: Mapping[str, str]
    gunicorn_conf: str
    service: str
    socket: str
    drop_in: str = ""
    commands: tuple[str, ...] = ()
    version: str = ""
    health: Mapping[str, Any] = field(default_factory=dict)
    """How the release is asked for its health. It is written down, and does not make a release another one."""

    @property
    def id(self) -> str | None:
        """Identifier of the release: a digest of all that it is made of, and of nothing that differs between hosts."""
        if self.build is None or self.environment is None:
            return None
        files = [_without_comments(text) for text in (self.gunicorn_conf, self.service, self.socket, self.drop_in)]
        return digest_of([self.build, self.environment, dict(self.variables), files, self.commands])

    def find_problems(self) -> list[str]:
        """Return what is wrong with the input, before anything is changed."""
        return find_environment_problems(self.variables)


def _without_comments(text: str) -> str:
    """Leave out the lines that only people read, so that rewording one, or a host's name in one, is no new release."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def ensure_app_account(layout: AppLayout, *, check: bool) -> bool:
    """Make the user as whom the app runs; return whether it was missing."""
    require_no_obstacles(layout)
    name = layout.name
    made_group = ensure_group(name, check=check)
    made_user = ensure_user(name, group=name, home=str(layout.shared), comment=layout.comment, check=check)
    return made_group or made_user


def ensure_app_directories(layout: AppLayout, *, check: bool) -> bool:
    """Make the directories that a release needs; return whether any was missing or open to the wrong people."""
    changed = ensure_root(layout, check=check)
    user, group = find_user(layout.name), find_group(layout.name)
    if user is None or group is None:
        return True
    shared = find_data(layout)
    if not check and shared.is_dir() and shared.lstat().st_uid == 0:
        give_tree(shared, uid=user.pw_uid, gid=group, mode=0o750)  # data of an app that was removed, and comes back
    changed |= ensure_directory(layout.releases, Access(0, 0, _ROOT_ONLY_LIST), check=check)
    return ensure_directory(shared, Access(user.pw_uid, group, 0o750), check=check) or changed


def ensure_units(spec: ReleaseSpec, *, check: bool) -> bool:
    """Write the unit templates of the app; return whether they differed."""
    access = Access(0, 0, 0o644)
    changed = [
        ensure_file(spec.layout.service_template, spec.service, access, check=check),
        ensure_file(spec.layout.socket_template, spec.socket, access, check=check),
    ]
    if any(changed) and not check:
        systemctl.daemon_reload()
    return any(changed)


def is_foreign_unit(path: Path) -> bool:
    """Return whether there is a unit file that we have not written."""
    text = read_text(path)
    return text is not None and "webstack.flask" not in text


def ensure_release(spec: ReleaseSpec, *, check: bool) -> bool:
    """Put the release on disk; return whether it was not there as it should be.

    What it says of its service beyond the template stands in a unit file of its own, so that it comes and goes with the release.
    """
    if spec.id is None or spec.build is None or spec.environment is None:
        return True
    layout, directory = spec.layout, spec.layout.release(spec.id)
    group = find_group(layout.name)
    if group is None:
        return True
    secret, readable = Access(0, group, 0o640), Access(0, 0, _ROOT_ONLY_LIST)
    record = read_record(layout, spec.id)
    changed = ensure_directory(directory, readable, check=check)
    changed |= ensure_file(directory / "env", format_environment(spec.variables), secret, check=check)
    changed |= ensure_file(directory / "gunicorn.conf.py", spec.gunicorn_conf, secret, check=check)
    changed |= ensure_file(_probe_of(layout, spec.id), read_probe(layout, spec.id) or secrets.token_hex(16), secret, check=check)
    changed |= _ensure_drop_in(layout, spec.id, spec.drop_in, check=check)
    for name, target in (("app", f"../../builds/{spec.build}"), ("venv", f"../../environments/{spec.environment}")):
        if read_link(directory / name) != target:
            changed = True
            if not check:
                point_link(directory / name, target)
    outdated = record is None or record.health != spec.health
    if outdated and not check:
        names = tuple(sorted(spec.variables))
        new = ReleaseRecord(spec.id, spec.build, spec.environment, created=time.time(), version=spec.version, variables=names)
        write_record(layout, replace(record or replace(new, sequence=next_sequence(read_records(layout))), health=spec.health))
    return _close_records(layout, secret, check=check) or changed or outdated


def _close_records(layout: AppLayout, access: Access, *, check: bool) -> bool:
    """Let nobody but root and the app read the records, which was otherwise once; return whether any was open."""
    opened = [record for record in read_records(layout) if not has_access(_record_of(layout, record.id), access)]
    for record in () if check else opened:
        write_record(layout, record)
    return bool(opened)


def _ensure_drop_in(layout: AppLayout, release: str, text: str, *, check: bool) -> bool:
    """Write what a release says of its service; what systemd would pass over is an error. Most releases say nothing."""
    path, access = layout.drop_in(release), Access(0, 0, 0o644)
    if not text or not ensure_file(path, text, access, check=True):
        return False
    if not check:
        ensure_directory(path.parent, Access(0, 0, 0o755))
        write_atomically(path, text, access)
        systemctl.daemon_reload()
        complaints = systemctl.find_complaints(layout.service_unit(release), path)
        if complaints:
            _remove_drop_in(path)
            raise UserError(f"systemd does not take what is said of the service of {layout.name}:\n" + "\n".join(complaints))
    return True


def _remove_drop_in(path: Path) -> None:
    """Remove the drop-in of a release; somebody else's beside it stays."""
    path.unlink()
    if not any(path.parent.iterdir()):
        path.parent.rmdir()


def read_record(layout: AppLayout, release: str) -> ReleaseRecord | None:
    """Return what release.json says, None where it is absent or unreadable (a run was cut off before it was written)."""
    text = read_text(_record_of(layout, release))
    try:
        return ReleaseRecord.from_json(text) if text else None
    except (ValueError, TypeError):
        return None


def read_records(layout: AppLayout) -> list[ReleaseRecord]:
    """Return the records of all releases on the host."""
    return [record for name in _names(layout.releases) if (record := read_record(layout, name))]


def write_record(layout: AppLayout, record: ReleaseRecord) -> None:
    """Write release.json, which only root and the app can read: the reason of a failure holds lines of the app's log."""
    write_atomically(_record_of(layout, record.id), record.to_json(), Access(0, find_group(layout.name) or 0, 0o640))


def _record_of(layout: AppLayout, release: str) -> Path:
    return layout.release(release) / "release.json"


def read_probe(layout: AppLayout, release: str) -> str | None:
    """Return the word on which a release tells its name, and which nobody but it and root knows; None where it has none."""
    return (read_text(_probe_of(layout, release)) or "").strip() or None


def _probe_of(layout: AppLayout, release: str) -> Path:
    return layout.release(release) / "probe"


def prune(layout: AppLayout, current: str | None, keep: int) -> list[str]:
    """Delete the releases, builds and environments that nothing needs any more; return what was deleted."""
    present = _names(layout.releases)
    records = read_records(layout)
    leftovers = choose_leftovers(records, _names(layout.builds), _names(layout.environments), current, keep)
    broken = sorted(set(present) - {record.id for record in records} - {current})
    stale = [layout.build(name) for name in leftovers.builds] + [layout.environment(name) for name in leftovers.environments]
    doomed = [layout.release(name) for name in (*leftovers.releases, *broken)] + [path for path in stale if _is_old(path)]
    for path in doomed:
        remove_tree(path)
    for directory in (layout.releases, layout.builds, layout.environments):
        for half in directory.glob(".[pr]*-*") if directory.is_dir() else ():  # `.partial-` and `.removed-`
            remove_tree(half)
    for release, drop_in in layout.find_drop_ins().items():
        if not layout.release(release).is_dir():
            _remove_drop_in(drop_in)
    return [str(path.relative_to(layout.root)) for path in doomed]


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if not path.name.startswith(".")) if directory.is_dir() else []


def _is_old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _GRACE
