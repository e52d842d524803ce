# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the build of an app from its description: a git repository, an archive, or a directory of the controller."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import LENGTH, digest_of
from ansible_collections.webstack.flask.plugins.module_utils._host.files import hold_in_memory, mark_used
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import require_no_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._source.archives import download, identify_archive, is_url, strip_top, unpack
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import Room
from ansible_collections.webstack.flask.plugins.module_utils._source.builds import ensure_build, open_scratch_build, open_to_others
from ansible_collections.webstack.flask.plugins.module_utils._source.contents import (
    describe_databases,
    describe_passed_over,
    find_databases,
    find_ignored,
    find_passed_over,
    list_lacking,
    require_places,
)
from ansible_collections.webstack.flask.plugins.module_utils._source.git import Mirror, SshAccess
from ansible_collections.webstack.flask.plugins.module_utils._source.keys import mend_text, require_private_key
from ansible_collections.webstack.flask.plugins.module_utils._source.lfs import describe_pointers, find_pointers
from ansible_collections.webstack.flask.plugins.module_utils._source.procfile import read_procfile, require_processes
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import list_unserved
from ansible_collections.webstack.flask.plugins.module_utils._source.submodules import Checkout

OutlineOf: TypeAlias = Callable[[Path, "str | None"], dict[str, Any]]
"""Returns the outline of a build's dependencies, given its directory and the dependency file that was named."""

NO_BUILD: dict[str, Any] = {"id": "", "path": "", "changed": False}
"""The outcome of an app whose build could not be made."""

_TIMEOUT = 300
"""Seconds to wait for another run that changes the app."""

_MOST_NAMED = 3
"""Files that a warning names, where there may be many."""

_SCRATCH = "/var/tmp"  # noqa: S108 - the directory made in it is root's, and /tmp may be memory
"""Where a check run makes its builds."""


def ensure_app_build(app: dict[str, Any], warn: Callable[[str], object], outline: OutlineOf, *, check: bool) -> dict[str, Any]:
    """Make the build that an app describes, unless it exists; return the outcome.

    A check run makes it in a temporary directory, and returns what `outline` says of it.
    """
    layout = AppLayout.of(app["name"], app["root"])
    require_no_obstacles(layout)
    with TemporaryDirectory(prefix="webstack-flask-", dir=_SCRATCH) if check else nullcontext() as scratch:
        maker = BuildMaker(app, layout, warn, outline, Path(scratch) if scratch else None)
        if app["git"]:
            outcome = {**maker.from_git(), "version": app["version"]}
        elif app["archive"]:
            outcome = {**maker.from_archive(), "version": app["archive"].rpartition("/")[2]}
        else:
            outcome = {**maker.from_directory(), "version": "local"}
    if outcome["path"] and not outcome.get("missing"):
        outcome["changed"] |= open_to_others(Path(outcome["path"]), app["public"], check=check)
    return outcome


def identify(app: dict[str, Any], source: str) -> str:
    """Return the identifier of a build: that of its source, unless the build is more or less than it, or has links to shared data."""
    parts = [source, sorted(app["shared"]), app["subdirectory"], app["submodules"]]
    more = {key: app[key] for key in ("recipe", "lfs") if app[key] not in (None, "", True)}
    if parts[1:] == [[], "", True] and not more:
        return source
    return digest_of([*parts, more] if more else parts)


@dataclass(frozen=True)
class BuildMaker:
    """Makes the build of one app, unless it exists.

    A check run gives it a `scratch` directory: it makes the build there, and returns its `outline` instead.
    """

    app: dict[str, Any]
    layout: AppLayout
    warn: Callable[[str], object]
    outline: OutlineOf
    scratch: Path | None = None

    def ensure(self, source: str, fill: Callable[[Path], None], *, missing: bool = False) -> dict[str, Any]:
        """Make the build, unless its source is `missing` on the host; return the outcome.

        A build that has a recipe stays open until somebody has followed that, and lies elsewhere till then.
        """
        identifier = identify(self.app, source)
        path = self.layout.build(identifier)
        is_open = bool(self.app["recipe"]) and not path.is_dir()
        place = self.layout.open_build(identifier) if is_open else path
        made = not place.is_dir()
        outcome = {"id": identifier, "path": str(path), "changed": made, "missing": made and missing}
        if outcome["missing"]:
            return outcome
        reasons: dict[str, str] = dict(self.app["reasons"])

        def fill_and_look(directory: Path) -> None:
            fill(directory)
            self._look(directory, reasons)

        if self.scratch and made:
            return {**outcome, **self._outline(self.scratch, fill_and_look, reasons)}
        if not self.scratch and not mark_used(place):
            former = Path(self.layout.current / "app").resolve()
            with hold_lock(self.layout.lock, _TIMEOUT, self.warn):
                outcome["changed"] = ensure_build(self.layout, place.name, fill_and_look, self.app["subdirectory"], self.app["shared"])
            self._tell(place, former)
        if not is_open:
            require_places(path, self.app["places"], self.app["shared"], reasons, commands=bool(self.app["recipe"]))
        outcome.update(self._read_procfile(place))
        return {**outcome, "outline": None} if self.scratch else outcome

    def _outline(self, scratch: Path, fill: Callable[[Path], None], reasons: Mapping[str, str]) -> dict[str, Any]:
        with open_scratch_build(scratch, fill, self.app["subdirectory"], self.app["shared"]) as build:
            if not self.app["recipe"]:
                require_places(build, self.app["places"], self.app["shared"], reasons)
            return {"outline": self.outline(build, self.app["dependency_file"]), **self._read_procfile(build)}

    def _read_procfile(self, build: Path) -> dict[str, Any]:
        """Return what the build has in a Procfile, if there is one. Raise UserError if processes are to come from it, and cannot."""
        found = read_procfile(build)
        if "processes" in self.app["places"]:
            require_processes(found)
        return {"procfile": found.to_result()} if found else {}

    def _look(self, top: Path, reasons: dict[str, str]) -> None:
        """Look at a source as it came; add to `reasons` why it lacks something. Raise UserError if it has pointers and no content."""
        within = self.app["subdirectory"]
        if self.app["lfs"] is not False and not self.app["git"]:
            pointers = [path for path in find_pointers(top) if not within or path.startswith(f"{within}/")]
            if pointers:
                advice = "make the archive with what they stand for, as `git lfs pull` fetches it"
                raise UserError(describe_pointers(dict.fromkeys(pointers, 0), "the source", advice))
        if not within:
            return
        if not (top / within).is_dir() and (ignored := find_ignored(top, [within])):
            raise UserError(f"the source has no directory {within!r}: {ignored[within]}, so it is no part of the source")
        lacking = [path for _key, path in list_lacking(top / within, self.app["places"], self.app["shared"]) if path not in reasons]
        found = find_ignored(top, [f"{within}/{path}" for path in lacking]) if lacking else {}
        reasons.update({path: found[f"{within}/{path}"] for path in lacking if f"{within}/{path}" in found})

    def _tell(self, build: Path, former: Path) -> None:
        """Warn of what a new build holds and the app will not have, or not as it may think."""
        name = self.app["name"]
        if databases := find_databases(build):
            self.warn(f"{name}: {describe_databases(databases)}")
        if config := find_passed_over(build, self.app["places"]):
            self.warn(f"{name}: {describe_passed_over(config)}")
        if unserved := list_unserved(former, build, self.app["shared"]):
            shown = ", ".join(unserved[:_MOST_NAMED]) + (f" and {len(unserved) - _MOST_NAMED} more" if len(unserved) > _MOST_NAMED else "")
            self.warn(
                f"{name}: the source has changed {shown}, which is in a place that `shared` names: the app keeps what it has there, below "
                f"{self.layout.shared}. If it is no data of the app's, take the place out of `shared`"
            )

    def _open_mirror(self, name: str, url: str, ssh: SshAccess) -> Mirror:
        """Return the mirror of a repository. A check run uses a temporary one, which borrows objects from the mirror that is there."""
        kept = self.layout.cache / name
        return Mirror(self.scratch / name, url, ssh, reference=kept) if self.scratch else Mirror(kept, url, ssh)

    def from_git(self) -> dict[str, Any]:
        """Make the build of a commit, fetching no more than is needed."""
        if shutil.which("git") is None:
            if self.scratch:
                return {"id": "", "path": "", "changed": True}
            raise UserError("git is not installed on the host")
        with open_ssh_access(self.app) as ssh:
            mirror = self._open_mirror("source.git", self.app["git"], ssh)
            commit = mirror.find_commit(self.app["version"])

            def fill(directory: Path) -> None:
                mirror.fetch(commit)
                room = Room("the repository, with its submodules,")
                links = mirror.check_out(commit, directory, room, lfs=self._lfs)
                if self.app["submodules"]:
                    self._add_submodules(mirror, links, Checkout.of(directory, room), ssh)

            return self.ensure(commit[:LENGTH], fill)

    @property
    def _lfs(self) -> bool:
        """Whether the content of files in Git LFS is fetched. A check run needs none of it."""
        return self.app["lfs"] is not False and not (self.scratch and self.app["lfs"])

    def _add_submodules(self, mirror: Mirror, links: Mapping[str, str], checkout: Checkout, ssh: SshAccess) -> None:
        for submodule in mirror.find_submodules(links, checkout.directory):
            inner_checkout = checkout.enter(submodule.path)
            inner = self._open_mirror(f"modules/{digest_of(submodule.url)}", submodule.url, ssh)
            inner.fetch(submodule.commit)
            inner_checkout.directory.mkdir(parents=True, exist_ok=True)
            inner_links = inner.check_out(
                submodule.commit, inner_checkout.directory, checkout.room, above=inner_checkout.above, lfs=self._lfs
            )
            self._add_submodules(inner, inner_links, inner_checkout, ssh)

    def from_directory(self) -> dict[str, Any]:
        """Make the build of a directory that was read on the controller."""
        return self.ensure(self.app["digest"], self._unpack_packed, missing=not self.app["packed"])

    def from_archive(self) -> dict[str, Any]:
        """Make the build of an archive, which the host downloads or was sent."""
        url = self.app["archive"] if is_url(self.app["archive"]) else None

        def fill(directory: Path) -> None:
            if url is None:
                self._unpack_packed(directory)
            else:
                fetched = (self.scratch or self.layout.cache) / "archive"
                download(url, fetched, self.app["checksum"])
                unpack(fetched, directory)
                fetched.unlink()
            strip_top(directory)

        return self.ensure(identify_archive(self.app["checksum"]), fill, missing=url is None and not self.app["packed"])

    def _unpack_packed(self, directory: Path) -> None:
        unpack(Path(self.app["packed"]), directory)


@contextmanager
def open_ssh_access(app: dict[str, Any]) -> Iterator[SshAccess]:
    """Give ssh a key and host keys while the block runs. They are kept in memory only."""
    with ExitStack() as stack:
        texts = {name: mend_text(app[name]) for name in ("ssh_key", "known_hosts") if app[name]}
        files = {name: stack.enter_context(hold_in_memory(text)) for name, text in texts.items()}
        if "ssh_key" in files:
            require_private_key(texts["ssh_key"], files["ssh_key"])
        yield SshAccess(files.get("ssh_key"), files.get("known_hosts"), app["agent"], asks_agent=bool(app.get("ssh_agent")))
