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
  - The first of C(Pipfile.lock), C(Pipfile) and C(requirements.txt) in the build decides what is installed. Gunicorn is added
    where nothing else brings it.
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
      packages:
        description: Packages to install besides those in the build's files, as pip takes them, such as C(flask) or C(flask==3.1.3).
        type: list
        elements: str
        default: []
      gunicorn_version:
        description: Version of gunicorn to add where nothing else brings it. The module's I(gunicorn_version) by default.
        type: str
  gunicorn_version:
    description: Version of gunicorn to add to apps that bring none.
    type: str
    required: true
  python:
    description: The interpreter.
    type: path
    default: /usr/bin/python3
  pipenv:
    description: The program pipenv.
    type: path
    default: /usr/bin/pipenv
  variables:
    description: Environment variables of the installation, for a proxy, a private index or certificates.
    type: dict
    default: {}
  timeout:
    description: Seconds that each step of an installation may take.
    type: float
    default: 900
attributes:
  check_mode:
    support: full
    description: Names the environment that would be built.
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
      description: What decided its content, C(Pipfile.lock), C(Pipfile), C(requirements.txt) or C(packages).
      type: str
    changed:
      description: Whether the environment was built.
      type: bool
    error:
      description: Why there is no environment; absent when there is one.
      type: str
"""

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils.dependencies import choose_dependencies
from ansible_collections.webstack.flask.plugins.module_utils.environments import (
    Installer,
    build_environment,
    is_finished,
    read_python_version,
)
from ansible_collections.webstack.flask.plugins.module_utils.files import mark_used
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem
from ansible_collections.webstack.flask.plugins.module_utils.lock import hold_lock

_PATIENCE = 300


def converge(app: dict[str, Any], installer: Installer, gunicorn: str, say: Callable[[str], object], *, check: bool) -> dict[str, Any]:
    """Bring one app's environment about, and `say` what people should know; return what became of it."""
    layout = AppLayout.of(app["name"], app["root"])
    source = layout.build(app["build"])
    if not app["build"] or not source.is_dir():
        if check:
            return {"id": "", "path": "", "source": "", "changed": True}
        raise Problem(f"there is no build {app['build']!r} of {app['name']} on the host")
    needs = choose_dependencies(source, app["packages"])
    python = read_python_version(installer.python)
    gunicorn = app["gunicorn_version"] or gunicorn
    identifier = needs.identify(python=python, gunicorn=gunicorn, build=app["build"])
    directory = layout.environment(identifier)
    missing = not is_finished(directory)
    if not check and not (mark_used(directory) and is_finished(directory)):
        with hold_lock(layout.lock, _PATIENCE, say):
            missing = not is_finished(directory)
            if missing:
                build_environment(layout, identifier, source, needs, installer, gunicorn)
            mark_used(directory)
    return {"id": identifier, "path": str(directory), "source": needs.kind, "changed": missing}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    parameters = module.params
    installer = Installer(
        python=parameters["python"],
        pipenv=parameters["pipenv"],
        variables={key: str(value) for key, value in parameters["variables"].items()},
        timeout=parameters["timeout"],
    )
    outcomes: dict[str, dict[str, Any]] = {}
    for app in parameters["apps"]:
        try:
            outcomes[app["name"]] = converge(app, installer, parameters["gunicorn_version"], module.warn, check=module.check_mode)
        except (Problem, OSError) as problem:
            outcomes[app["name"]] = {"id": "", "path": "", "source": "", "changed": False, "error": str(problem)}
    errors = [f"{name}: {outcome['error']}" for name, outcome in outcomes.items() if "error" in outcome]
    result = {"changed": any(outcome["changed"] for outcome in outcomes.values()), "environments": outcomes}
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
            "build": {"type": "str", "default": ""},
            "packages": {"type": "list", "elements": "str", "default": []},
            "gunicorn_version": {"type": "str"},
        },
    },
    "gunicorn_version": {"type": "str", "required": True},
    "python": {"type": "path", "default": "/usr/bin/python3"},
    "pipenv": {"type": "path", "default": "/usr/bin/pipenv"},
    "variables": {"type": "dict", "default": {}},
    "timeout": {"type": "float", "default": 900},
}


if __name__ == "__main__":
    main()
