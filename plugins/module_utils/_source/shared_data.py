# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of an app that outlives its releases: places in the source that are links to the app's shared directory.

A build is made with the links in it. What the source has in such a place is kept beside, below SEEDS, and is what the data begins with.
"""

from __future__ import annotations

import filecmp
import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

SEEDS = ".shared"

_TIMEOUT: float = 600
"""Seconds that a command in the app's own tree may take."""

_MOST_SAID = 2000
"""Bytes of what such a command says that a message shows: each file that it cannot copy is a line."""

_CODE = (".py", ".pyc", ".pyx", ".so")
_PROJECT = ("pyproject.toml", "setup.cfg")
"""Endings of files that Python runs, and files that make a directory a package to be installed."""

_MOST_NAMED = 3
"""Files that a message names, where there may be many."""

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
"""What such a command has of root's: the app could read its environment in /proc."""


def find_link_target(path: str) -> str:
    """Return where the link at `path` of a build points: the same path below the app's shared directory."""
    return posixpath.join(*[".."] * (path.count("/") + 2), "shared", path)


def link_shared(build: Path, paths: Iterable[str]) -> None:
    """Put a link in each place of a build that is being made, and keep aside what the source has there.

    Raise UserError for a place that is no data: in the next release, too, the app would run what it has there, and nothing new.
    """
    wanted = sorted(paths)
    for path in wanted:
        _require_data(build, path, wanted)
    for path in wanted:
        place = build / path
        if os.path.lexists(place):
            seed = build / SEEDS / path
            seed.parent.mkdir(parents=True, exist_ok=True)
            os.replace(place, seed)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(find_link_target(path))


def _require_data(build: Path, path: str, others: Iterable[str]) -> None:
    """Raise UserError if a place must not be shared: before anything of the build is moved."""
    tidy, place = posixpath.normpath(path), build / path
    if path != tidy or tidy in (".", "..") or tidy.startswith(("/", "../")) or tidy.split("/")[0] == SEEDS:
        raise UserError(f"`shared` names {path!r}, which is not the plain path of a place within the source")
    for other in others:
        if path.startswith(f"{other}/"):
            raise UserError(f"`shared` names {path!r}, which is within {other!r}, a place that is shared as well; keep one of the two")
    for parent in list(place.relative_to(build).parents)[:-1]:
        if (build / parent).is_symlink() or ((build / parent).exists() and not (build / parent).is_dir()):
            raise UserError(f"`shared` names {path!r}, and in the source {str(parent)!r} is no directory")
    if place.is_symlink():
        raise UserError(
            f"`shared` names {path!r}, which is a link to {os.readlink(place)!r} in the source; name the place to which it leads, "
            "or take the link out of the source"
        )
    if code := find_code(place):
        shown = ", ".join(posixpath.join(path, name).removesuffix("/.") for name in code[:_MOST_NAMED])
        more = f" and {len(code) - _MOST_NAMED} more" if len(code) > _MOST_NAMED else ""
        raise UserError(
            f"`shared` names {path!r}, which is code: the source has {shown}{more} there. What is shared is copied once and kept, so no "
            "later release could change it. Name the directory that holds nothing but data, such as "
            f"`shared: {{directories: [{path}/uploads]}}`, or single files: `shared: {{files: [...]}}`"
        )


def find_code(place: Path) -> list[str]:
    """Return the files at a place that Python runs or that make it a package, by their paths below it; `.` is a file itself."""
    if place.is_file():
        return ["."] if _is_code(place.name) else []
    found = [os.path.join(folder, name) for folder, _folders, files in os.walk(place) for name in files if _is_code(name)]
    return sorted(os.path.relpath(file, place) for file in found)


def _is_code(name: str) -> bool:
    return name.endswith(_CODE) or name in _PROJECT


def list_unserved(former: Path, build: Path, paths: Iterable[str]) -> list[str]:
    """Return the files in shared places which the source of a build has anew, or otherwise than that of a former one.

    They do not reach the app: a place that was shared before keeps what the app has there.
    """
    changed = []
    for path in sorted(paths):
        if not os.path.islink(former / path):
            continue
        for file in _list_seeds(build / SEEDS / path):
            other = former / SEEDS / file.relative_to(build / SEEDS)
            if not file.name.startswith(".git") and not (other.is_file() and filecmp.cmp(file, other, shallow=False)):
                changed.append(str(file.relative_to(build / SEEDS)))
    return changed


def _list_seeds(place: Path) -> Iterator[Path]:
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    return (file for file in files if file.is_file() and not file.is_symlink())


def ensure_shared(layout: AppLayout, build: Path, directories: Iterable[str], files: Iterable[str], *, check: bool) -> bool:
    """Make the places below the app's shared directory, with what the source has there; return whether one was missing.

    What is there already is the app's, and stays. All of it is done as the app's user, because that user could put a link in the way.
    """
    wanted = [(path, True) for path in directories] + [(path, False) for path in files]
    missing = [(path, is_directory) for path, is_directory in wanted if _is_missing(layout, build, path, is_directory=is_directory)]
    if missing and not check:
        for path, is_directory in missing:
            _make(layout, build / SEEDS / path, layout.shared / path, is_directory=is_directory)
    return bool(missing)


def _is_missing(layout: AppLayout, build: Path, path: str, *, is_directory: bool) -> bool:
    place = layout.shared / path
    if is_directory or (build / SEEDS / path).exists():
        return not os.path.lexists(place)
    return not os.path.lexists(place.parent)


def _make(layout: AppLayout, seed: Path, place: Path, *, is_directory: bool) -> None:
    if seed.exists():
        partial = place.with_name(f".{place.name}.partial")
        _run_as_app(layout, "mkdir", "--parents", "--", str(place.parent))
        _run_as_app(layout, "rm", "--recursive", "--force", "--", str(partial))
        _run_as_app(layout, "cp", "--recursive", "--no-dereference", "--", str(seed), str(partial))
        _run_as_app(layout, "mv", "--no-target-directory", "--no-clobber", "--", str(partial), str(place))
    else:
        _run_as_app(layout, "mkdir", "--parents", "--", str(place if is_directory else place.parent))


def _run_as_app(layout: AppLayout, *command: str) -> None:
    """Run a command as the app's user, in a tree that the app can change under its hands; raise UserError if it fails or does not end."""
    user, group = find_user(layout.name), find_group(layout.name)
    if user is None or group is None:
        raise UserError(f"the user {layout.name} does not exist")
    try:
        ended = run(
            command,
            timeout=_TIMEOUT,
            most=_MOST_SAID,
            cwd=Path("/"),
            env=_ENVIRONMENT,
            user=user.pw_uid,
            group=group,
            extra_groups=[],
            umask=0o027,
        )
    except TimedOut:
        raise UserError(f"the shared data of {layout.name} could not be made: `{command[0]}` took more than {_TIMEOUT:g} s") from None
    if ended.status != 0:
        raise UserError(f"the shared data of {layout.name} could not be made: {ended.errors.strip()}")
