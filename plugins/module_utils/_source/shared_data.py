# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of an app that outlives its releases: places in the source that are links to the app's shared directory.

A build is made with the links in it. What the source has in such a place is kept beside, below SEEDS, and is what the data begins with.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
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

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
"""What such a command has of root's: the app could read its environment in /proc."""


def find_link_target(path: str) -> str:
    """Return where the link at `path` of a build points: the same path below the app's shared directory."""
    return posixpath.join(*[".."] * (path.count("/") + 2), "shared", path)


def link_shared(build: Path, paths: Iterable[str]) -> None:
    """Put a link in each place of a build that is being made, and keep aside what the source has there."""
    for path in sorted(paths):
        place = build / path
        for parent in list(place.relative_to(build).parents)[:-1]:
            if (build / parent).is_symlink() or ((build / parent).exists() and not (build / parent).is_dir()):
                raise UserError(f"`shared` names {path!r}, and in the source {str(parent)!r} is no directory")
        if os.path.lexists(place):
            seed = build / SEEDS / path
            seed.parent.mkdir(parents=True, exist_ok=True)
            os.replace(place, seed)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(find_link_target(path))


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
