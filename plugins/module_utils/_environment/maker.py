# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the environment of an app from its description: choose the dependencies and the interpreter, and build what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._environment import locks
from ansible_collections.webstack.flask.plugins.module_utils._environment.access import GitAccess
from ansible_collections.webstack.flask.plugins.module_utils._environment.build_step import BuildStep, finish_build
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import (
    Dependencies,
    Outline,
    choose_dependencies,
    join_problems,
)
from ansible_collections.webstack.flask.plugins.module_utils._environment.environments import build_environment, is_usable
from ansible_collections.webstack.flask.plugins.module_utils._environment.installed import (
    find_missing_packages,
    list_pythons,
    read_python,
    require_debian_packages,
    require_reachable,
)
from ansible_collections.webstack.flask.plugins.module_utils._environment.manifests import LOCK, find_dependency_problems
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Demand, Python, choose_python
from ansible_collections.webstack.flask.plugins.module_utils._environment.workspace import Installer, end_builds
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import mark_used
from ansible_collections.webstack.flask.plugins.module_utils._host.lock import hold_lock
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd.sandbox import is_there

NO_ENVIRONMENT: dict[str, Any] = {"id": "", "path": "", "source": "", "changed": False}
"""The outcome of an app whose environment could not be built."""

_TIMEOUT = 300
"""Seconds to wait for another run that changes the app."""


def ensure_app_environment(
    app: Mapping[str, Any], parameters: Mapping[str, Any], warn: Callable[[str], object], *, check: bool
) -> dict[str, Any]:
    """Build the environment that an app describes, unless it exists; return the outcome. A check run only predicts it."""
    require_valid_options(app)
    return predict(app, parameters) if check else build(app, parameters, warn)


def collect_variables(app: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables of an app's installation: those that are given, and its index for pip and pipenv."""
    index = app["index_url"]
    return {**decode(app["variables"]), **({"PIP_INDEX_URL": index, "PIPENV_PYPI_MIRROR": index} if index else {})}


def find_python(app: Mapping[str, Any], demand: Demand | None, default: str) -> Python:
    """Return the interpreter for an app, which its accounts can reach. Others are searched for only if the default one does not fit."""
    python = _search_python(app, demand, default)
    require_reachable(python)
    return python


def _search_python(app: Mapping[str, Any], demand: Demand | None, default: str) -> Python:
    asked = app["python"] or ""
    usual, ignore = read_python(asked if asked.startswith("/") else default), app["ignore_python_requirement"]
    series = "" if asked.startswith("/") else asked
    try:
        return choose_python(asked=series, demand=demand, default=usual, available=[], ignore=ignore)
    except UserError:
        others = [] if asked.startswith("/") else list_pythons()
        return choose_python(asked=series, demand=demand, default=usual, available=others, ignore=ignore)


def choose_interpreter(app: Mapping[str, Any], parameters: Mapping[str, Any], outline: Outline, needs: Dependencies | None) -> Python:
    """Return the interpreter for an app. If there is none, raise UserError that also tells what else of the app's files is refused."""
    try:
        return find_python(app, outline.demand, parameters["python"])
    except UserError as problem:
        problems = [str(problem)]
        if str(outline.demand) in str(problem) and (command := _find_lock_command(outline)):
            problems[0] += f". Whoever changes the file that demands it locks anew then, by `{command}`"
        if needs and not app["ignore_lock_mismatch"] and (stale := needs.describe_stale_lock()):
            problems.append(stale)
        problems += outline.find_problems(packages=app["packages"], wheels=app["wheels"], index=app["index_url"])
        raise UserError(join_problems(problems)) from problem


def _find_lock_command(outline: Outline) -> str:
    """Return how the lock is made anew that a file which demands a Python has beside it; nothing where there is none."""
    if outline.demand is None or outline.demand.place.endswith(outline.file):
        return ""
    return "pipenv lock" if outline.kind == LOCK else locks.COMMANDS.get(outline.kind, "")


def list_additions(app: Mapping[str, Any], parameters: Mapping[str, Any]) -> list[str]:
    """Return the packages that are added to an app's environment unless something else installs them."""
    return [*app["additions"], f"gunicorn=={app['gunicorn_version'] or parameters['gunicorn_version']}"]


def identify(app: Mapping[str, Any], parameters: Mapping[str, Any], outline: Outline, python: Python) -> str:
    """Return the identifier of an app's environment."""
    return outline.identify(
        packages=app["packages"],
        wheels=app["wheels"],
        series=python.series,
        additions=list_additions(app, parameters),
        build=app["build"],
        index=app["index_url"],
    )


def require_valid_options(app: Mapping[str, Any]) -> None:
    """Raise UserError if the options of an app are not valid."""
    if problems := list(find_dependency_problems(app, "dependencies.")):
        raise UserError("; ".join(problems))


def find_source(layout: AppLayout, app: Mapping[str, Any]) -> Path:
    """Return the directory of an app's build, or of the open one if it has yet to be finished."""
    build = layout.build(app["build"])
    return layout.open_build(app["build"]) if app["step"] and not build.is_dir() else build


def predict(app: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outcome that `build` would have, as far as it can be known. For a build that does not exist yet, its outline decides."""
    layout = AppLayout.of(app["name"], app["root"])
    source = find_source(layout, app)
    needs: Dependencies | None = None
    if app["build"] and source.is_dir():
        needs = choose_dependencies(source, packages=app["packages"], file=app["file"], wheels=app["wheels"])
        outline = needs.outline
    elif app["outline"]:
        outline = Outline.from_plain(app["outline"])
    else:
        return {"id": "", "path": "", "source": "", "changed": True}
    try:
        python = choose_interpreter(app, parameters, outline, needs)
    except UserError:
        if find_missing_packages(app["build_packages"]):  # one of them may bring the interpreter
            return {"id": "", "path": "", "source": outline.file or outline.kind, "changed": True}
        raise
    identifier = identify(app, parameters, outline, python)
    directory = layout.environment(identifier)
    is_open = bool(app["step"]) and not layout.build(app["build"]).is_dir()
    return {
        "id": identifier,
        "path": str(directory),
        "source": outline.file or outline.kind,
        "changed": is_open or not is_usable(directory),
    }


def build(app: Mapping[str, Any], parameters: Mapping[str, Any], warn: Callable[[str], object]) -> dict[str, Any]:
    """Build the environment of an app, unless it exists; return the outcome."""
    layout = AppLayout.of(app["name"], app["root"])
    source, final = find_source(layout, app), layout.build(app["build"])
    if not app["build"] or not source.is_dir():
        raise UserError(f"there is no build {app['build']!r} of {app['name']} on the host")
    needs = choose_dependencies(source, packages=app["packages"], file=app["file"], wheels=app["wheels"])
    installer = Installer(
        python=choose_interpreter(app, parameters, needs.outline, needs),
        maker=parameters["python"],
        pipenv=parameters["pipenv"],
        variables=collect_variables(app),
        timeout=parameters["timeout"],
        wheels=app["wheels"] or "",
        ignore_lock_mismatch=app["ignore_lock_mismatch"],
        ignore_python_requirement=app["ignore_python_requirement"],
        debian_packages=tuple(app["build_packages"]),
        access=GitAccess.of(app["git_credentials"]),
        texts=(*app["packages"], *(text for _name, text in needs.texts)),
    )
    identifier = identify(app, parameters, needs.outline, installer.python)
    directory = layout.environment(identifier)
    missing = False
    if is_there(layout.build_unit) or not (mark_used(directory) and is_usable(directory)):
        with hold_lock(layout.lock, _TIMEOUT, warn):
            end_builds(layout)  # of a run that was cut off
            missing = not is_usable(directory)
            if missing:
                build_environment(layout, identifier, source, final, needs, installer, list_additions(app, parameters), warn)
            mark_used(directory)
    is_open = source != final
    if is_open:
        require_debian_packages(tuple(app["build_packages"]))
        with hold_lock(layout.lock, _TIMEOUT, warn):
            if not mark_used(final):
                finish_build(layout, app["build"], directory, BuildStep.of(app["step"]), installer.variables, parameters["timeout"])
    return {"id": identifier, "path": str(directory), "source": needs.file or needs.kind, "changed": missing or is_open}
