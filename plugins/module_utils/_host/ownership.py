# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What on a host is an app's, and what was there before: another's group, unit or directory is neither taken over nor deleted."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import find_account_problems, find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.files import read_link, read_text, require_closed_way
from ansible_collections.webstack.flask.plugins.module_utils._host.mounts import find_mount_problems
from ansible_collections.webstack.flask.plugins.module_utils._layout import UNIT_ROOT, AppLayout

MARKER = ".webstack-flask"
"""The file that says whose an app's directory is. It holds the app's name."""

_UNITS_ELSEWHERE = (
    "/run/systemd/system",
    "/run/systemd/generator.early",
    "/run/systemd/generator",
    "/run/systemd/generator.late",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""Where others' units are: "Unit File Load Path" in systemd.unit(5). What we write goes to /etc/systemd/system, which hides these."""

_UNIT = re.compile(r".+\.(?:service|socket)")

_SITES = Path("/etc/nginx")

THROUGH = 0o711
"""The mode of an app's directory: others may pass through, not look around."""


def find_obstacles(layout: AppLayout) -> list[str]:
    """Return a sentence for each thing that an app would write or delete, and that is not its own. Any user of the host may ask."""
    try:
        return [f"{layout.name}: {problem}" for problem in _find_obstacles(layout)]
    except UserError as problem:
        return [f"{layout.name}: {problem}"]


def _find_obstacles(layout: AppLayout) -> Iterator[str]:
    for name, comment in ((layout.name, layout.comment), (layout.build_user, layout.build_comment)):
        yield from find_account_problems(name, comment)
    for path in _find_foreign_units(layout):
        yield f"{path} exists on the host already and is not ours; give the app another name than {layout.name!r}"
    for path in _find_foreign_sites(layout.name):
        yield f"{path} exists already and was not written by this role; move it away, or give the app another name"
    try:
        require_closed_way(layout.root.parent)
    except UserError as problem:
        yield str(problem)
    yield from find_mount_problems(layout)
    if not is_ours(layout) and not _is_free(layout.root):
        yield (
            f"{layout.root} exists on the host already and is not this app's: somebody else, or another tool, has made it. Move it away "
            f"(`mv {layout.root} {layout.root}.old`), or give the app another name or `root`. To have it taken over as it is, with all "
            f"that lies in it: `chown -R root:root {layout.root} && echo {layout.name} > {layout.root / MARKER}`"
        )


def require_no_obstacles(layout: AppLayout) -> None:
    """Raise UserError if anything that an app would write or delete is not its own."""
    if obstacles := list(_find_obstacles(layout)):
        raise UserError("; ".join(obstacles))


def _find_foreign_units(layout: AppLayout) -> Iterator[Path]:
    """Return the unit files of others that ours would hide, or that would be taken for an instance of ours."""
    ours = {path.name for path in (layout.service_template, layout.socket_template) if _is_written_by_us(path)}
    for folder in (str(UNIT_ROOT), *_UNITS_ELSEWHERE):
        for name in _list_names(folder):
            if _UNIT.fullmatch(name) and _is_of(name, layout) and (folder != str(UNIT_ROOT) or name not in ours):
                yield Path(folder, name)


def _find_foreign_sites(name: str) -> Iterator[Path]:
    """Return the files of nginx in the places of the app's site that the role nginx_site has not written."""
    file, link = _SITES / "sites-available" / f"{name}.conf", _SITES / "sites-enabled" / f"{name}.conf"
    if os.access(file, os.R_OK) and not _is_written_by_us(file):  # whoever may not read it cannot tell; root can
        yield file
    if os.path.lexists(link) and os.path.normpath(link.parent / (read_link(link) or ".")) != str(file):
        yield link


def _is_written_by_us(file: Path) -> bool:
    with suppress(OSError):  # ours may be read by everybody
        return "webstack.flask" in (read_text(file) or "")
    return False


@cache
def _list_names(folder: str) -> tuple[str, ...]:
    """Return the names in a directory of units, which are the same for all apps of a run."""
    return tuple(sorted(os.listdir(folder))) if os.path.isdir(folder) else ()


def _is_of(unit: str, layout: AppLayout) -> bool:
    return unit.startswith(f"{layout.name}@") or unit in (layout.build_unit, layout.command_unit)


def is_ours(layout: AppLayout) -> bool:
    """Return whether the directory of an app is that app's: by its marker, by its account, or as former versions have left it."""
    marker = layout.root / MARKER
    try:
        status = marker.lstat()
        if stat.S_ISREG(status.st_mode) and status.st_uid == 0 and (read_text(marker) or "").strip() == layout.name:
            return True
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    user = find_user(layout.name)
    if user is not None and user.pw_gecos == layout.comment and user.pw_dir == str(layout.shared):
        return True
    remains = (layout.shared, 0o700), (layout.builds, THROUGH), (layout.environments, THROUGH)
    return _is_roots(layout.root, THROUGH) and any(_is_roots(path, mode) for path, mode in remains)


def _is_roots(path: Path, mode: int) -> bool:
    """Return whether a path is a directory of root's with exactly this mode."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, mode)


def _is_free(path: Path) -> bool:
    """Return whether nothing is there, or a directory of root's with no more in it than builds or environments that were put there for us.

    Whoever may not look into it cannot tell, and says yes.
    """
    try:
        status = path.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and set(os.listdir(path)) <= {"builds", "environments"}
    except FileNotFoundError:
        return True
    except PermissionError:
        return True
    except NotADirectoryError:
        return False
