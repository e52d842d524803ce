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
  - The first of C(Pipfile.lock), C(Pipfile), C(requirements.txt) and C(pyproject.toml) in the build decides what is installed, or
    else the I(file) that is named. Gunicorn is added where nothing else brings it.
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
          - What C(builds) says in a check run of a build that is not there yet. It stands for the build's own files then.
        type: dict
      file:
        description:
          - The file that decides, by its path within the build, instead of the first that the build has at its top.
          - Its name tells its kind. With C(none) no file decides, and I(packages) are installed, of which there may be none.
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
        description: Whether to install although the file asks for a Python that the host lacks.
        type: bool
        default: false
      ignore_lock_mismatch:
        description: Whether to install a C(Pipfile.lock) as it is although pipenv finds that it does not fit its C(Pipfile).
        type: bool
        default: false
      build_packages:
        description: Debian packages without which the installation is not begun.
        type: list
        elements: str
        default: []
      wheels:
        description:
          - Directory from which alone packages are taken, and no index is asked.
          - An absolute path is one on the host, any other is one within the build.
        type: str
      index_url:
        description: URL of the index that takes the place of PyPI. Credentials in it never show.
        type: str
      variables:
        description:
          - Environment variables of the installation, for a proxy, a private index or certificates, as a JSON object in Base64, so that
            they are one secret and not many.
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
      - Whether the module succeeds although there is no environment for some of the apps, so that the others go on.
      - Whoever sets it looks at each C(error) in RV(environments) later.
    type: bool
    default: false
attributes:
  check_mode:
    support: full
    description: Names the environment that would be built, unless its interpreter may come with Debian packages.
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

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._environment.credentials import find_secrets, redact
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import Outline, choose_dependencies
from ansible_collections.webstack.flask.plugins.module_utils._environment.environments import build_environment, is_usable
from ansible_collections.webstack.flask.plugins.module_utils._environment.installed import find_missing_packages, list_pythons, read_python
from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import find_dependency_problems
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Demand, Python, choose_python
from ansible_collections.webstack.flask.plugins.module_utils._environment.workspace import Installer, end_builds
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import mark_used
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import FlaskModule, exit_with, for_each_app
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import is_there

_TIMEOUT = 300


def collect_variables(app: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of an app's installation: those that are given, and its index in the words of pip and pipenv."""
    index = app["index_url"]
    return {**json.loads(base64.b64decode(app["variables"])), **({"PIP_INDEX_URL": index, "PIPENV_PYPI_MIRROR": index} if index else {})}


def find_python(app: Mapping[str, Any], demand: Demand | None, default: str) -> Python:
    """Return the interpreter for an app. The host is searched for others only where the usual one will not do."""
    asked = app["python"] or ""
    usual, ignore = read_python(asked if asked.startswith("/") else default), app["ignore_python_requirement"]
    series = "" if asked.startswith("/") else asked
    try:
        return choose_python(asked=series, demand=demand, default=usual, available=[], ignore=ignore)
    except UserError:
        others = [] if asked.startswith("/") else list_pythons()
        return choose_python(asked=series, demand=demand, default=usual, available=others, ignore=ignore)


def list_additions(app: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[str]:
    """Return what is added to an app's environment where nothing else brings it."""
    return [*app["additions"], f"gunicorn=={app['gunicorn_version'] or parameters['gunicorn_version']}"]


def identify(app: Mapping[str, Any], parameters: Mapping[str, Any], outline: Outline, python: Python) -> str:
    """Return the identifier of an app's environment."""
    additions = list_additions(app, parameters)
    return outline.identify(packages=app["packages"], wheels=app["wheels"], series=python.series, additions=additions, build=app["build"])


def refuse_bad_wishes(app: Mapping[str, Any]) -> None:
    """Raise UserError if what is wished for cannot be."""
    if problems := list(find_dependency_problems(app, "dependencies.")):
        raise UserError("; ".join(problems))


def predict(app: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `converge` would do, as far as that can be known: of a build that is not there yet, its outline tells it."""
    layout = AppLayout.of(app["name"], app["root"])
    source = layout.build(app["build"])
    if app["build"] and source.is_dir():
        outline = choose_dependencies(source, packages=app["packages"], file=app["file"], wheels=app["wheels"]).outline
    elif app["outline"]:
        outline = Outline.from_plain(app["outline"])
    else:
        return {"id": "", "path": "", "source": "", "changed": True}
    try:
        python = find_python(app, outline.demand, parameters["python"])
    except UserError:
        if find_missing_packages(app["build_packages"]):  # one of them may bring the interpreter
            return {"id": "", "path": "", "source": outline.file or outline.kind, "changed": True}
        raise
    identifier = identify(app, parameters, outline, python)
    directory = layout.environment(identifier)
    return {"id": identifier, "path": str(directory), "source": outline.file or outline.kind, "changed": not is_usable(directory)}


def converge(app: dict[str, Any], parameters: Mapping[str, Any], say: Callable[[str], object]) -> dict[str, Any]:
    """Bring one app's environment about, and `say` what people should know; return what became of it."""
    layout = AppLayout.of(app["name"], app["root"])
    source = layout.build(app["build"])
    if not app["build"] or not source.is_dir():
        raise UserError(f"there is no build {app['build']!r} of {app['name']} on the host")
    needs = choose_dependencies(source, packages=app["packages"], file=app["file"], wheels=app["wheels"])
    installer = Installer(
        python=find_python(app, needs.outline.demand, parameters["python"]),
        maker=parameters["python"],
        pipenv=parameters["pipenv"],
        variables=collect_variables(app),
        timeout=parameters["timeout"],
        wheels=app["wheels"] or "",
        ignore_lock_mismatch=app["ignore_lock_mismatch"],
        ignore_python_requirement=app["ignore_python_requirement"],
        debian_packages=tuple(app["build_packages"]),
        texts=(*app["packages"], *(text for _name, text in needs.texts)),
    )
    identifier = identify(app, parameters, needs.outline, installer.python)
    directory = layout.environment(identifier)
    missing = False
    if is_there(layout.build_unit) or not (mark_used(directory) and is_usable(directory)):
        with hold_lock(layout.lock, _TIMEOUT, say):
            end_builds(layout)  # of a run that was cut off
            missing = not is_usable(directory)
            if missing:
                build_environment(layout, identifier, source, needs, installer, list_additions(app, parameters))
            mark_used(directory)
    return {"id": identifier, "path": str(directory), "source": needs.file or needs.kind, "changed": missing}


def main() -> None:
    """Run the module."""
    module = FlaskModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    parameters = module.params
    for app in parameters["apps"]:
        module.no_log_values |= find_secrets(collect_variables(app), app["packages"])

    def attend(app: dict[str, Any]) -> dict[str, Any]:
        refuse_bad_wishes(app)
        return predict(app, parameters) if module.check_mode else converge(app, parameters, module.warn)

    outcomes = for_each_app(parameters["apps"], attend, {"id": "", "path": "", "source": "", "changed": False})
    for outcome in outcomes.values():
        if "error" in outcome:
            outcome["error"] = redact(outcome["error"], module.no_log_values)
    exit_with(module, "environments", outcomes, defer_errors=parameters["defer_errors"])


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
