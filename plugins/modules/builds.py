#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: builds
short_description: Put one immutable copy of each app's source on the host
description:
  - A build is identified by its git commit, the checksum of an archive, or the digest of a local directory. It never changes.
    It belongs to root. The app's group may read it, and everybody may read its public directories.
  - A build appears under its name complete or not at all.
  - A local directory or archive is read on the controller, and copied as one file only if the host does not have it.
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
          - A tar or zip archive, as the path of a file on the controller, or as a URL from which the host downloads it. A single
            directory at its top is left out.
        type: str
      checksum:
        description: C(sha256:) and the archive's checksum in hexadecimal digits. A URL needs it.
        type: str
      subdirectory:
        description: Directory of the source that is the app. The rest is left out of the build.
        type: str
        default: ""
      submodules:
        description: Whether the submodules of a repository are fetched, too.
        type: bool
        default: true
      ssh_key:
        description: A private key, as text, with which the host reads the repository. Only root's memory holds it, while git runs.
        type: str
      known_hosts:
        description: Lines of a known_hosts file. With them, no other host key is trusted.
        type: str
      ssh_agent:
        description: Whether the keys of a forwarded agent are used, which is looked for before becoming root.
        type: bool
        default: false
      dependency_file:
        description:
          - Path within the source of the file that says what to install, if it is not the first that the source has at its top. With
            C(none) no file counts. Only a check run reads it, in a build that does not exist yet. It does not change the build's identity.
        type: str
      public:
        description: Directories and files of the source that the web server may read. Those that do not exist are ignored.
        type: list
        elements: str
        default: []
      shared:
        description:
          - Places in the source that become links to the same path below the app's shared directory, for data that outlives builds.
            What the source has there is kept in C(.shared) of the build. They are part of the build's identity.
        type: list
        elements: str
        default: []
      places:
        description:
          - Paths that the build must have, each in a list below the key that names it, such as C(static.paths).
          - Those of C(env_files), C(dependencies.file), C(gunicorn.config), C(maintenance.page) and C(processes) are files, the others
            directories. One that is missing is an error. C(processes) asks for a C(Procfile) that can be read.
        type: dict
        default: {}
      lfs:
        description:
          - Whether the content of files in Git LFS is fetched. By default it is where git-lfs is on the host; a source that has pointers
            in its place otherwise is an error. With C(false) the pointers stay as they are.
        type: bool
      recipe:
        description:
          - What is yet to be done to the build, as a digest, which is part of the build's identity. The source is in
            C(builds/<id>-open) then, until the module M(webstack.flask.environments) has finished the build.
        type: str
        default: ""
      reasons:
        description: Why the build lacks some of I(places). Set by the action plugin; not for playbooks.
        type: dict
        default: {}
      digest:
        description: Identifier of the local directory. Set by the action plugin; not for playbooks.
        type: str
      packed:
        description: What was copied to the host. Set by the action plugin; not for playbooks.
        type: path
      agent:
        description: Socket of the forwarded agent. Set by the action plugin; not for playbooks.
        type: str
  variables:
    description:
      - Environment variables of git and of downloads, for a proxy or a company's certificates.
      - They never show, and are not logged.
    type: dict
    default: {}
  secrets:
    description: What is secret in the other options. Set by the action plugin; not for playbooks.
    type: str
    default: ""
  defer_errors:
    description:
      - Whether the module succeeds although some apps have no build, so that the others can continue.
      - The caller then has to check each C(error) in RV(builds).
    type: bool
    default: false
attributes:
  action:
    support: full
    description: Reads local directories and archives on the controller.
  check_mode:
    support: full
    description: Names the build that would be made, and makes it in a temporary directory to tell what its environment would be.
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
      description: Whether a local directory has yet to be copied to the host. For the action plugin; not for playbooks.
      type: bool
    procfile:
      description:
        - What a C(Procfile) at the top of the build says. In C(lines), a list of number, name and command for each; in C(problems), a
          sentence for each line that cannot be read.
      type: dict
      returned: if there is one
    outline:
      description: In a check run, what the environment of a missing build would be made of, for I(outline) of C(environments).
      type: dict
    error:
      description: Why there is no build; absent when there is one.
      type: str
"""

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import outline_dependencies
from ansible_collections.webstack.flask.plugins.module_utils._host.acts import tell_failure, write_down
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, run_for_apps
from ansible_collections.webstack.flask.plugins.module_utils._side_by_side import App
from ansible_collections.webstack.flask.plugins.module_utils._source.maker import NO_BUILD, ensure_app_build
from ansible_collections.webstack.flask.plugins.module_utils._source.secrets import reveal_secrets


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    apps, variables = reveal_secrets(module.params["apps"], module.params["secrets"])
    os.environ.update({name: str(value) for name, value in module.params["variables"].items()} | variables)

    def ensure(app: dict[str, Any]) -> dict[str, Any]:
        return ensure_app_build(app, module.warn, outline_dependencies, check=module.check_mode)

    def done(app: App, outcome: Mapping[str, Any], seconds: float) -> None:
        if not module.check_mode:
            write_down(tell_failure("build", app["name"], outcome), seconds, [app["ssh_key"] or ""], module.warn)

    run_for_apps(module, "builds", apps, ensure, NO_BUILD, done=done)


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
            "places": {"type": "dict", "default": {}},
            "lfs": {"type": "bool"},
            "recipe": {"type": "str", "default": ""},
            "reasons": {"type": "dict", "default": {}},
            "digest": {"type": "str"},
            "packed": {"type": "path"},
            "agent": {"type": "str"},
        },
        "mutually_exclusive": [["git", "path", "archive"]],
        "required_one_of": [["git", "path", "archive"]],
    },
    "variables": {"type": "dict", "default": {}, "no_log": True},
    "secrets": {"type": "str", "default": "", "no_log": True},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
