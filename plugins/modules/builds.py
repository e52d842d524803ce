#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: builds
short_description: Put one immutable copy of each app's source on the host
description:
  - A build is identified by its git commit, the checksum of an archive, or the digest of a local directory, and is never written
    again. It belongs to root; the app's group may read it, and everybody the directories that are named public.
  - A build appears under its name complete or not at all.
  - A local directory or archive is read on the controller and carried over as one file, and only when the host does not have it.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  apps:
    description: The apps, each with its source.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the app.
        type: str
        required: true
      root:
        description: Directory of the app. C(/var/www/<name>) by default.
        type: path
      git:
        description: URL of a git repository that the host can reach.
        type: str
      version:
        description: Branch, tag or full commit of the repository.
        type: str
        default: HEAD
      path:
        description: Directory on the controller; relative paths start at the inventory's directory.
        type: str
      archive:
        description:
          - A tar or zip archive, the path of a file on the controller, or a URL from which the host fetches it. A single directory at its
            top is passed over.
        type: str
      checksum:
        description: C(sha256:) and the archive's checksum in hexadecimal digits. A URL needs it.
        type: str
      subdirectory:
        description: Directory of the source that is the app. The rest does not come into the build.
        type: str
        default: ""
      submodules:
        description: Whether the submodules of a repository are fetched, too.
        type: bool
        default: true
      ssh_key:
        description: A private key, as text, by which the host reads the repository. It is in root's memory while git runs, and in no file.
        type: str
      known_hosts:
        description: Lines of a known_hosts file. With them, no other server is believed.
        type: str
      ssh_agent:
        description: Whether the keys of a forwarded agent are used, which is looked for before becoming root.
        type: bool
        default: false
      dependency_file:
        description:
          - Path within the source of the file that says what to install, if it is not the first that the source has at its top. A check run
            reads it in a build that would be made, and C(none) lets no file count. It does not count for the build's identity.
        type: str
      public:
        description: Directories of the source that the web server may read. Those that do not exist are passed over.
        type: list
        elements: str
        default: []
      shared:
        description:
          - Places in the source that become links to the same path below the app's shared directory, for data that outlives builds.
            What the source has there is kept in C(.shared) of the build. They count for the build's identity.
        type: list
        elements: str
        default: []
      digest:
        description: Identifier of the local directory. Set by the module itself on the controller.
        type: str
      packed:
        description: What was carried over to the host. Set by the module itself on the controller.
        type: path
      agent:
        description: Socket of the forwarded agent. Set by the module itself on the controller.
        type: str
  variables:
    description:
      - Environment variables of git and of downloads, for a proxy or a company's certificates, as a JSON object in Base64, so that they
        are one secret and not many.
    type: str
    default: e30=
  secrets:
    description: What is secret in the other options. Set by the module itself on the controller.
    type: str
    default: ""
  defer_errors:
    description:
      - Whether the module succeeds although there is no build for some of the apps, so that the others go on.
      - Whoever sets it looks at each C(error) in RV(builds) later.
    type: bool
    default: false
attributes:
  action:
    support: full
    description: Reads local directories and archives on the controller.
  check_mode:
    support: full
    description: Names the build that would be made, and makes it in a directory that does not stay, to tell what its environment would be.
  diff_mode:
    support: none
    description: A build is a whole tree.
  platform:
    support: full
    platforms: debian
    description: Needs git on the host for sources from git.
"""

EXAMPLES = r"""
- name: Put the source on the host
  webstack.flask.builds:
    apps:
      - name: shop
        git: https://git.example.com/shop.git
        version: v1.2.0
        public: [static]
      - name: blog
        path: ~/src/blog
"""

RETURN = r"""
builds:
  description: What became of each app, by name.
  type: dict
  returned: always
  contains:
    id:
      description: Identifier of the build; empty where a check run cannot know it.
      type: str
    path:
      description: Directory of the build.
      type: str
    version:
      description: What the user called it.
      type: str
    changed:
      description: Whether the build was made or opened.
      type: bool
    missing:
      description: Whether a local directory has yet to be carried over.
      type: bool
    outline:
      description: What the environment of a build that a check run would make is made of, for I(outline) of C(environments).
      type: dict
    error:
      description: Why there is no build; absent when there is one.
      type: str
"""

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import outline_dependencies
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.digest import LENGTH, digest_of
from ansible_collections.webstack.flask.plugins.module_utils._host.files import hold_in_memory, mark_used
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._host.ownership import require_no_obstacles
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with, for_each_app
from ansible_collections.webstack.flask.plugins.module_utils._source.archives import download, identify_archive, is_url, strip_top, unpack
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import Allowance, Room
from ansible_collections.webstack.flask.plugins.module_utils._source.builds import ensure_build, open_scratch_build, open_to_others
from ansible_collections.webstack.flask.plugins.module_utils._source.git import MOST_NESTED, MOST_SUBMODULES, Mirror, SshAccess
from ansible_collections.webstack.flask.plugins.module_utils._source.secrets import reveal_secrets
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import is_within

_TIMEOUT = 300

_SCRATCH = "/var/tmp"  # noqa: S108 - the directory made in it is root's, and /tmp may be memory
"""Where a check run puts the builds that it looks at."""


def identify(app: dict[str, Any], source: str) -> str:
    """Return the identifier of a build: that of its source, unless a part of it, or links to shared data, make the build."""
    if not app["shared"] and not app["subdirectory"] and app["submodules"]:
        return source
    return digest_of([source, sorted(app["shared"]), app["subdirectory"], app["submodules"]])


@dataclass(frozen=True)
class Nest:
    """A directory into which a repository was written: the build itself, or the place of a submodule, `above` levels down in it.

    All of one source share the `room` and the `number` of submodules that may yet come.
    """

    directory: Path
    room: Room
    number: Allowance
    above: int = 0
    nested: int = 0

    @classmethod
    def of(cls, build: Path, room: Room) -> Nest:
        """Return the build itself, with all that a source may have."""
        most = f"the repository has more than {MOST_SUBMODULES} submodules, those of submodules included; leave some out"
        return cls(build, room, Allowance(MOST_SUBMODULES, most))

    def enter(self, path: str) -> Nest:
        """Return the place of a submodule; raise UserError if it leads elsewhere, or there are too many."""
        place = self.directory / path
        if not is_within(place, self.directory):
            raise UserError(f"the submodule {path} would be written through a link out of the build")
        self.number.take(1)
        if self.nested == MOST_NESTED:
            raise UserError(f"the submodule {path} lies within {MOST_NESTED} others, the most that is allowed; does one name itself?")
        return replace(self, directory=place, above=self.above + len(PurePosixPath(path).parts), nested=self.nested + 1)


@dataclass(frozen=True)
class Maker:
    """Makes the build of one app where there is none; with a `scratch` directory, only to tell what would be in it."""

    app: dict[str, Any]
    layout: AppLayout
    say: Callable[[str], object]
    scratch: Path | None

    def ensure(self, source: str, fill: Callable[[Path], None], *, missing: bool = False) -> dict[str, Any]:
        """Make the build, unless what it is made from is `missing` on the host; return what became of it."""
        identifier = identify(self.app, source)
        path = self.layout.build(identifier)
        made = not path.is_dir()
        outcome = {"id": identifier, "path": str(path), "changed": made, "missing": made and missing}
        if outcome["missing"]:
            return outcome
        if self.scratch:
            return {**outcome, "outline": self._outline(self.scratch, fill) if made else None}
        if not mark_used(path):
            with hold_lock(self.layout.lock, _TIMEOUT, self.say):
                outcome["changed"] = ensure_build(self.layout, identifier, fill, self.app["subdirectory"], self.app["shared"])
        return outcome

    def _outline(self, scratch: Path, fill: Callable[[Path], None]) -> dict[str, Any]:
        with open_scratch_build(scratch, fill, self.app["subdirectory"], self.app["shared"]) as build:
            return outline_dependencies(build, self.app["dependency_file"])

    def _open_mirror(self, name: str, url: str, ssh: SshAccess) -> Mirror:
        """Return the mirror of a repository; in a check run one that does not stay, and takes what it can from the one that does."""
        kept = self.layout.cache / name
        return Mirror(self.scratch / name, url, ssh, lender=kept) if self.scratch else Mirror(kept, url, ssh)

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
                links = mirror.check_out(commit, directory, room)
                if self.app["submodules"]:
                    self._add_submodules(mirror, links, Nest.of(directory, room), ssh)

            return self.ensure(commit[:LENGTH], fill)

    def _add_submodules(self, mirror: Mirror, links: Mapping[str, str], nest: Nest, ssh: SshAccess) -> None:
        for submodule in mirror.find_submodules(links, nest.directory):
            inner_nest = nest.enter(submodule.path)
            inner = self._open_mirror(f"modules/{digest_of(submodule.url)}", submodule.url, ssh)
            inner.fetch(submodule.commit)
            inner_nest.directory.mkdir(parents=True, exist_ok=True)
            inner_links = inner.check_out(submodule.commit, inner_nest.directory, nest.room, above=inner_nest.above)
            self._add_submodules(inner, inner_links, inner_nest, ssh)

    def from_directory(self) -> dict[str, Any]:
        """Make the build of a directory that was read on the controller."""
        return self.ensure(self.app["digest"], self._unpack_packed, missing=not self.app["packed"])

    def from_archive(self) -> dict[str, Any]:
        """Make the build of an archive, which the host fetches or was sent."""
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
    """Let ssh find a key and host keys, which are in memory alone, for as long as the block lasts."""
    with ExitStack() as stack:
        key, known_hosts = (
            stack.enter_context(hold_in_memory(app[name].rstrip() + "\n")) if app[name] else None for name in ("ssh_key", "known_hosts")
        )
        yield SshAccess(key, known_hosts, app["agent"])


def converge(app: dict[str, Any], say: Callable[[str], object], *, check: bool) -> dict[str, Any]:
    """Bring one app's build about, and `say` what people should know; return what became of it."""
    layout = AppLayout.of(app["name"], app["root"])
    require_no_obstacles(layout)
    with TemporaryDirectory(prefix="webstack-flask-", dir=_SCRATCH) if check else nullcontext() as scratch:
        maker = Maker(app, layout, say, Path(scratch) if scratch else None)
        if app["git"]:
            outcome = {**maker.from_git(), "version": app["version"]}
        elif app["archive"]:
            outcome = {**maker.from_archive(), "version": app["archive"].rpartition("/")[2]}
        else:
            outcome = {**maker.from_directory(), "version": "local"}
    if outcome["path"] and not outcome.get("missing"):
        outcome["changed"] |= open_to_others(Path(outcome["path"]), app["public"], check=check)
    return outcome


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    variables = json.loads(base64.b64decode(module.params["variables"]))
    os.environ.update({key: str(value) for key, value in variables.items()})
    apps, failed = reveal_secrets(module.params["apps"], module.params["secrets"]), {"id": "", "path": "", "changed": False}
    outcomes = for_each_app(apps, lambda app: converge(app, module.warn, check=module.check_mode), failed)
    exit_with(module, "builds", outcomes, defer_errors=module.params["defer_errors"])


ARGUMENT_SPEC: dict[str, Any] = {
    "apps": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "root": {"type": "path"},
            "git": {"type": "str"},
            "version": {"type": "str", "default": "HEAD"},
            "path": {"type": "str"},
            "archive": {"type": "str"},
            "checksum": {"type": "str"},
            "subdirectory": {"type": "str", "default": ""},
            "submodules": {"type": "bool", "default": True},
            "ssh_key": {"type": "str", "no_log": True},
            "known_hosts": {"type": "str"},
            "ssh_agent": {"type": "bool", "default": False},
            "dependency_file": {"type": "str"},
            "public": {"type": "list", "elements": "str", "default": []},
            "shared": {"type": "list", "elements": "str", "default": []},
            "digest": {"type": "str"},
            "packed": {"type": "path"},
            "agent": {"type": "str"},
        },
        "mutually_exclusive": [["git", "path", "archive"]],
        "required_one_of": [["git", "path", "archive"]],
    },
    "variables": {"type": "str", "default": "e30=", "no_log": True},
    "secrets": {"type": "str", "default": "", "no_log": True},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
