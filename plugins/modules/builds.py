#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: builds
short_description: Put one immutable copy of each app's source on the host
description:
  - A build is identified by its git commit, or by the digest of a local directory, and is never written again. It belongs to
    root; the app's group may read it, and everybody the directories that are named public.
  - A build appears under its name complete or not at all.
  - A local directory is read on the controller and carried over as one archive, and only when the host does not have it.
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
      archive:
        description: The local directory's archive on the host. Set by the module itself on the controller.
        type: path
attributes:
  action:
    support: full
    description: Reads local directories on the controller.
  check_mode:
    support: full
    description: Names the build that would be made.
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
    error:
      description: Why there is no build; absent when there is one.
      type: str
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils.builds import ensure_build, open_to_others, unpack
from ansible_collections.webstack.flask.plugins.module_utils.digest import LENGTH, digest_of
from ansible_collections.webstack.flask.plugins.module_utils.files import mark_used
from ansible_collections.webstack.flask.plugins.module_utils.git_source import Mirror
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem
from ansible_collections.webstack.flask.plugins.module_utils.lock import hold_lock

_PATIENCE = 300


def identify(source: str, shared: Sequence[str]) -> str:
    """Return the identifier of a build: that of its source, unless links to shared data are put into it."""
    return digest_of([source, sorted(shared)]) if shared else source


def build_from_git(app: dict[str, Any], layout: AppLayout, say: Callable[[str], object], *, check: bool) -> dict[str, Any]:
    """Make the build of a commit, fetching no more than is needed."""
    if shutil.which("git") is None:
        if check:
            return {"id": "", "path": "", "changed": True}
        raise Problem("git is not installed on the host")
    mirror = Mirror(layout.cache / "source.git", app["git"])
    commit = mirror.find_commit(app["version"])
    identifier = identify(commit[:LENGTH], app["shared"])
    path = layout.build(identifier)
    made = not path.is_dir()
    if not check and not mark_used(path):

        def fill(directory: Path) -> None:
            mirror.fetch(commit)
            mirror.check_out(commit, directory)

        with hold_lock(layout.lock, _PATIENCE, say):
            made = ensure_build(layout, identifier, fill, app["shared"])
    return {"id": identifier, "path": str(path), "changed": made}


def build_from_directory(app: dict[str, Any], layout: AppLayout, say: Callable[[str], object], *, check: bool) -> dict[str, Any]:
    """Make the build of a directory that was read on the controller."""
    identifier = identify(app["digest"], app["shared"])
    path = layout.build(identifier)
    missing = not path.is_dir()
    outcome = {"id": identifier, "path": str(path), "changed": missing, "missing": missing and not app["archive"]}
    if not check and not outcome["missing"] and not mark_used(path):
        with hold_lock(layout.lock, _PATIENCE, say):
            ensure_build(layout, identifier, lambda directory: unpack(Path(app["archive"]), directory), app["shared"])
    return outcome


def converge(app: dict[str, Any], say: Callable[[str], object], *, check: bool) -> dict[str, Any]:
    """Bring one app's build about, and `say` what people should know; return what became of it."""
    layout = AppLayout.of(app["name"], app["root"])
    from_source = build_from_git if app["git"] else build_from_directory
    outcome = from_source(app, layout, say, check=check)
    outcome["version"] = app["version"] if app["git"] else "local"
    if outcome["path"] and not outcome.get("missing"):
        outcome["changed"] |= open_to_others(Path(outcome["path"]), app["public"], check=check)
    return outcome


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    outcomes: dict[str, dict[str, Any]] = {}
    for app in module.params["apps"]:
        try:
            outcomes[app["name"]] = converge(app, module.warn, check=module.check_mode)
        except (Problem, OSError) as problem:
            outcomes[app["name"]] = {"id": "", "path": "", "changed": False, "error": str(problem)}
    errors = [f"{name}: {outcome['error']}" for name, outcome in outcomes.items() if "error" in outcome]
    result = {"changed": any(outcome["changed"] for outcome in outcomes.values()), "builds": outcomes}
    if errors:
        module.fail_json(msg="\n".join(errors), **result)
    module.exit_json(**result)


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
            "public": {"type": "list", "elements": "str", "default": []},
            "shared": {"type": "list", "elements": "str", "default": []},
            "digest": {"type": "str"},
            "archive": {"type": "path"},
        },
        "mutually_exclusive": [["git", "path"]],
        "required_one_of": [["git", "path"]],
    }
}


if __name__ == "__main__":
    main()
