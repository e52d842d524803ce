#!/usr/bin/python
# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: environments
short_description: Build one immutable virtualenv per app and set of dependencies with pipenv
description:
  - An environment is identified by what it is made of, the dependency files of a build, the version of Python, and the packages
    named besides, so that builds with the same dependencies share one, and a run with nothing new builds nothing.
  - It is installed by an unprivileged user of the app's own, and belongs to root afterwards.
  - The first of C(Pipfile.lock), C(uv.lock), C(poetry.lock), C(pdm.lock), C(pylock.toml), C(Pipfile), C(requirements.txt) and
    C(pyproject.toml) in the build decides what is installed, or else the I(file) that is named. Gunicorn is added where nothing else
    brings it.
version_added: 0.1.0
author: webstack.flask contributors (@webstack)
options:
  apps:
    description: The apps, each with its build.
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
      build:
        description: Identifier of the build whose dependencies are installed. Empty where a check run cannot know it.
        type: str
        default: ""
      outline:
        description:
          - What C(builds) returns in a check run for a build that does not exist yet. It takes the place of the build's own files.
        type: dict
      step:
        description: What is to be done to a build that M(webstack.flask.builds) has left open, once its environment is there.
        type: dict
        suboptions:
          commands:
            description: Shell commands, which run in a copy of the build as the build user. Root copies the result.
            type: list
            elements: str
            required: true
          variables:
            description: Their environment variables, as a JSON object in Base64, so that they are one secret and not many.
            type: str
            default: e30=
          chdir:
            description: Directory of the build in which they run.
            type: str
            default: ""
          python_path:
            description: Directories of the build in which Python finds modules.
            type: list
            elements: str
            default: []
          places:
            description: Paths that the build must have then, by what names them, as for the module M(webstack.flask.builds).
            type: dict
            default: {}
          shared:
            description: Places of the build that are links to shared data, and have to stay so.
            type: list
            elements: str
            default: []
          public:
            description: Directories and files of the build that the web server may read.
            type: list
            elements: str
            default: []
      file:
        description:
          - The file that says what to install, by its path within the build, instead of the first that the build has at its top.
          - Its name tells its kind. With C(none) no file counts, and only I(packages) are installed.
        type: str
      packages:
        description: Packages to install besides those in the build's files, as pip takes them, such as C(flask) or C(flask==3.1.3).
        type: list
        elements: str
        default: []
      gunicorn_version:
        description: Version of gunicorn to add where nothing else brings it. The module's I(gunicorn_version) by default.
        type: str
      additions:
        description: Packages to add where nothing else brings them, each with its version, such as C(gevent==26.9.0).
        type: list
        elements: str
        default: []
      python:
        description: The interpreter, as a path or as a version such as C(3.12). The module's I(python) by default.
        type: str
      ignore_python_requirement:
        description: Whether to install although the file requires a Python that the host does not have.
        type: bool
        default: false
      ignore_lock_mismatch:
        description: Whether to install a lock although its tool says that it does not match its C(Pipfile) or C(pyproject.toml).
        type: bool
        default: false
      build_packages:
        description: Debian packages that must be installed before the installation starts.
        type: list
        elements: str
        default: []
      wheels:
        description:
          - The only directory from which packages are installed. No index is asked.
          - An absolute path is one on the host, any other is one within the build.
        type: str
      index_url:
        description: URL of the index to use instead of PyPI. Credentials in it are never shown.
        type: str
      variables:
        description:
          - Environment variables of the installation, for a proxy, a private index or certificates, as a JSON object in Base64, so that
            they are one secret and not many.
        type: str
        default: "e30="
      git_credentials:
        description:
          - What the installation shows to git servers, for dependencies in private repositories, as a JSON object in Base64.
          - It has C(ssh_key), a private key; C(known_hosts), lines of such a file; and C(url), whose user and password count for its
            server. Each may be absent. Files of it are in memory, which goes with each command of the installation.
        type: str
        default: "e30="
  gunicorn_version:
    description: Version of gunicorn to add to apps that bring none.
    type: str
    required: true
  python:
    description: The interpreter. It has virtualenv.
    type: path
    default: /usr/bin/python3
  pipenv:
    description: The program pipenv.
    type: path
    default: /usr/bin/pipenv
  timeout:
    description: Seconds that each step of an installation may take.
    type: float
    default: 900
  defer_errors:
    description:
      - Whether the module succeeds although some apps have no environment, so that the others can continue.
      - The caller then has to check each C(error) in RV(environments).
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Names the environment that would be built, unless Debian packages may bring its interpreter.
  diff_mode:
    support: none
    description: An environment is a whole tree.
  platform:
    support: full
    platforms: debian
    description: Needs pipenv and virtualenv on the host.
"""

EXAMPLES = r"""
- name: Build the environment
  webstack.flask.environments:
    gunicorn_version: 27.0.1
    apps:
      - name: shop
        build: 0123456789ab
      - name: blog
        build: ba9876543210
        packages: [flask]
"""

RETURN = r"""
environments:
  description: What became of each app, by name.
  type: dict
  returned: always
  contains:
    id:
      description: Identifier of the environment; empty where a check run cannot know it.
      type: str
    path:
      description: Directory of the environment.
      type: str
    source:
      description: What decided its content, the path of a file in the build or C(packages).
      type: str
    changed:
      description: Whether the environment was built.
      type: bool
    error:
      description: Why there is no environment; absent when there is one.
      type: str
"""

from collections.abc import Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment.credentials import find_secrets, redact
from ansible_collections.webstack.flask.plugins.module_utils._environment.maker import (
    NO_ENVIRONMENT,
    collect_variables,
    ensure_app_environment,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.acts import list_secrets, tell_failure, write_down
from ansible_collections.webstack.flask.plugins.module_utils._host.capacity import count_workers
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, run_for_apps
from ansible_collections.webstack.flask.plugins.module_utils._side_by_side import App

_MEMORY = 512
"""MiB that one installation may need, so that a small host makes one after the other."""


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    apps = module.params["apps"]
    for app in apps:
        module.no_log_values |= find_secrets(collect_variables(app), app["packages"])

    def ensure(app: dict[str, Any]) -> dict[str, Any]:
        return ensure_app_environment(app, module.params, module.warn, check=module.check_mode)

    def done(app: App, outcome: Mapping[str, Any], seconds: float) -> None:
        if not module.check_mode:
            write_down(tell_failure("build", app["name"], outcome), seconds, list_secrets(app), module.warn)

    run_for_apps(
        *(module, "environments", apps, ensure, NO_ENVIRONMENT),
        redact=lambda text: redact(text, module.no_log_values),
        workers=count_workers(_MEMORY),
        done=done,
    )


_STEP_OPTIONS: dict[str, Any] = {
    "commands": {"type": "list", "elements": "str", "required": True},
    "variables": {"type": "str", "default": "e30=", "no_log": True},
    "chdir": {"type": "str", "default": ""},
    "python_path": {"type": "list", "elements": "str", "default": []},
    "places": {"type": "dict", "default": {}},
    "shared": {"type": "list", "elements": "str", "default": []},
    "public": {"type": "list", "elements": "str", "default": []},
}

ARGUMENT_SPEC: dict[str, Any] = {
    "apps": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "root": {"type": "path"},
            "build": {"type": "str", "default": ""},
            "outline": {"type": "dict"},
            "step": {"type": "dict", "options": _STEP_OPTIONS},
            "file": {"type": "str"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "gunicorn_version": {"type": "str"},
            "additions": {"type": "list", "elements": "str", "default": []},
            "python": {"type": "str"},
            "ignore_python_requirement": {"type": "bool", "default": False},
            "ignore_lock_mismatch": {"type": "bool", "default": False},
            "build_packages": {"type": "list", "elements": "str", "default": []},
            "wheels": {"type": "str"},
            "index_url": {"type": "str", "no_log": True},
            "variables": {"type": "str", "default": "e30=", "no_log": True},
            "git_credentials": {"type": "str", "default": "e30=", "no_log": True},
        },
    },
    "gunicorn_version": {"type": "str", "required": True},
    "python": {"type": "path", "default": "/usr/bin/python3"},
    "pipenv": {"type": "path", "default": "/usr/bin/pipenv"},
    "timeout": {"type": "float", "default": 900},
    "defer_errors": {"type": "bool", "default": False},
}


if __name__ == "__main__":
    main()
