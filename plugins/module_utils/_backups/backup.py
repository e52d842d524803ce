# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a backup: collect, let restic read it, and read it back from the repository. Only then it counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._backups.contents import (
    ABOUT,
    DUMP,
    SQLITE,
    TOP,
    Contents,
    clear_work,
    collect,
    open_dumps,
    read_about,
)
from ansible_collections.webstack.flask.plugins.module_utils._backups.repository import RESTIC, TAG, Repository, find_summary, find_unread
from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import (
    Settings,
    backup_unit,
    cache_directory,
    reader_unit,
    work_directory,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import show_path
from ansible_collections.webstack.flask.plugins.module_utils._layout import LOCK_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import format_environment

IN_UNIT = "WEBSTACK_FLASK_UNIT"
"""Environment variable by which a program knows that it runs in the unit of the backup."""

_UNREAD_SHOWN = 5
_INCOMPLETE = 3
"""Exit status of `restic backup` where it could not read all; the backup is there then."""

_SEEN = (
    "/usr /bin /lib -/lib64 /etc/ssl -/etc/ssh -/root/.ssh /etc/resolv.conf -/run/systemd/resolve /etc/hosts /etc/nsswitch.conf "
    "/etc/passwd /etc/group"
)
"""What of the host restic sees besides: programs, names, certificates, and how root logs in elsewhere."""


def make_backup(settings: Settings, repository: Repository, say: Callable[[str], object]) -> dict[str, Any]:
    """Make a backup; return what is to be known of it. Raise UserError if it is not as it should be."""
    try:
        contents = collect(settings)
        repository.unlock()
        summary = _let_restic_read(settings, repository, contents)
        snapshot = repository.find(summary["snapshot_id"])
        _read_back(settings, repository, snapshot.id, contents.about)
        say(f"{snapshot.short} was read back")
    finally:
        clear_work(settings.name, "stage")
    return {"snapshot": snapshot.short, "bytes": summary.get("total_bytes_processed", 0), "files": summary.get("total_files_processed", 0)}


def list_properties(settings: Settings, views: Mapping[Path, Path], environment: Path) -> list[str]:
    """Return the properties of the unit in which restic reads the app's files.

    They are the app's, which can put a link in the place of a directory at any moment; so restic sees nothing else that an app must not
    read, and its own repository. It may read what the mode of a file forbids, and no more.
    """
    binds = " ".join(f"{source}:{place}" for place, source in views.items())
    writable = [f"{cache_directory(settings.name)}:/cache"]
    if settings.directory:
        writable.append(str(settings.directory))
    return [
        f"EnvironmentFile={environment}",
        "TemporaryFileSystem=/:ro",
        f"BindReadOnlyPaths={_SEEN}",
        f"BindReadOnlyPaths={binds}",
        f"BindPaths={' '.join(writable)}",
        "CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_DAC_OVERRIDE",
        "NoNewPrivileges=yes",
        "PrivateDevices=yes",
        "PrivateTmp=yes",
        f"RuntimeMaxSec={settings.timeout}",
        "Nice=10",
        "CPUWeight=20",
        "IOWeight=20",
    ]


def _let_restic_read(settings: Settings, repository: Repository, contents: Contents) -> dict[str, Any]:
    unit = reader_unit(settings.name)
    variables = LOCK_ROOT / f"{settings.name}.backup.env"
    ensure_directory(cache_directory(settings.name), Access(0, 0, 0o700))
    write_atomically(variables, format_environment({**repository.environment, "RESTIC_CACHE_DIR": "/cache"}), Access(0, 0, 0o600))
    properties = [f"--property={each}" for each in list_properties(settings, contents.views, variables)]
    # With the unit that makes the backup it ends, too.
    within = [f"--property=BindsTo={backup_unit(settings.name)}.service"] if os.environ.get(IN_UNIT) else []
    words = ["--quiet", "--json", "--host", repository.host, "--tag", f"{TAG},{settings.name}", str(TOP)]
    try:
        ended = commands.run(
            [
                *("/usr/bin/systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={unit}", *within, *properties),
                *("--", RESTIC, "backup", *words),
            ],
            timeout=settings.timeout + 60,
            most=16 << 20,
        )
    except commands.TimedOut:
        commands.run(["/usr/bin/systemctl", "stop", unit], timeout=60)
        raise UserError(f"restic took more than {settings.timeout} s for the backup and was stopped") from None
    finally:
        variables.unlink(missing_ok=True)
    said = f"{ended.output}\n{ended.errors}"
    summary = find_summary(said)
    if ended.status not in (0, _INCOMPLETE) or summary is None:
        raise repository.failure("backup", ended.status, ended.errors or ended.output)
    unread = [path for path in find_unread(said) if _is_still_there(path, contents.views)]
    if unread:
        shown = ", ".join(map(show_path, unread[:_UNREAD_SHOWN]))
        raise UserError(f"{len(unread)} of the app's files could not be read, and are not in the backup: {shown}")
    return summary


def _is_still_there(path: str, views: Mapping[Path, Path]) -> bool:
    """Return whether what restic could not read is still on the host, and has not just been deleted by the app."""
    place = Path(path)
    for top in sorted(views, key=lambda each: len(each.parts), reverse=True):
        if place.is_relative_to(top):
            return os.path.lexists(views[top] / place.relative_to(top))
    return True


def _read_back(settings: Settings, repository: Repository, snapshot: str, about: Mapping[str, Any]) -> None:
    """Raise UserError unless the repository gives back what was put into it."""
    if read_about(repository.read_text(snapshot, str(TOP / ABOUT), timeout=settings.timeout), settings.name) != about:
        raise UserError("the repository gives back another account of the backup than was written")
    wanted = {str(TOP / SQLITE / str(number)): copy["digest"] for number, copy in enumerate(about["sqlite"])}
    if about.get("database"):
        wanted[str(TOP / DUMP)] = about["database"]["digest"]
    for path, digest in wanted.items():
        if repository.read_digest(snapshot, path, timeout=settings.timeout) != digest:
            raise UserError(f"the repository gives back {path} otherwise than it was written")
    if about.get("database"):
        # It is the same as what came back, to the byte.
        with (work_directory(settings.name) / "stage" / DUMP).open("rb") as dump:
            open_dumps(settings).list_content(dump)
