# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments on the host: installed by pipenv as an unprivileged user, then copied by root and never changed again."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ansible_collections.webstack.flask.plugins.module_utils._environment import manifests as names
from ansible_collections.webstack.flask.plugins.module_utils._environment import project_files, projects
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.module_utils._environment.installed import require_debian_packages
from ansible_collections.webstack.flask.plugins.module_utils._environment.locked_projects import install_alone, install_locked_project
from ansible_collections.webstack.flask.plugins.module_utils._environment.requirements import split_hashed
from ansible_collections.webstack.flask.plugins.module_utils._environment.wheels import WheelStore
from ansible_collections.webstack.flask.plugins.module_utils._environment.workspace import (
    Installer,
    Workspace,
    copy_source,
    end_builds,
    hide_credentials,
    open_workspace,
)
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import (
    Access,
    sync_directory,
    sync_filesystem,
    write_atomically,
)
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import copy_tree, remove_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout

RECORD = "environment.json"
"""Written last, by root. An environment without it is left from an interrupted run."""

_OLD_SETUPTOOLS = "setuptools==80.9.0"
"""The last that has pkg_resources, which gunicorn 20 and older import; later versions of setuptools have dropped it."""

_TELLS_THE_APP = "WSGIApp"  # the class of gunicorn's setting `wsgi_app`

_METADATA = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._!+]+?)(?:-py[0-9.]+)?\.(?:dist|egg)-info|(?P<link>.+)\.egg-link")
"""The names of pip's metadata of an installed package; an egg-link for an old editable installation."""

_DOWNLOAD = ("download", "--no-deps", "--only-binary=:all:", "--retries=0")


def is_finished(directory: Path) -> bool:
    """Return whether an environment is complete: whether root, and not a package, has written its record."""
    try:
        status = (directory / RECORD).lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def is_usable(directory: Path) -> bool:
    """Return whether an environment is complete and its interpreter exists, which an upgrade of the host may have removed."""
    return is_finished(directory) and (directory / "bin/python").exists()


def build_environment(
    layout: AppLayout,
    identifier: str,
    source: Path,
    final: Path,
    needs: Dependencies,
    installer: Installer,
    additions: Sequence[str],
    warn: Callable[[str], object],
) -> None:
    """Build an environment in its place; raise UserError, leaving nothing, if that fails.

    What is installed in editable mode is looked for in `final`, where the source will lie that is now in `source`.
    `additions`, such as `gunicorn==27.0.1`, are installed unless something else installs them in any version.
    `warn` is told what was not installed as the files say.
    """
    require_debian_packages(installer.debian_packages)
    directory = layout.environment(identifier)
    with open_workspace(layout, directory, installer, needs) as workspace:
        copy_source(source, workspace, needs)
        _make_virtualenv(workspace)
        _install(workspace, needs, final.name, warn)
        _add_missing(workspace, needs, additions)
        _require_running_gunicorn(workspace, needs)
        end_builds(layout)
        _take_over(workspace, final, needs)


def _take_over(workspace: Workspace, source: Path, needs: Dependencies) -> None:
    """Put a copy of what the build user has written into its final place, as root's.

    Copied and not given away: a file that somebody has kept open for writing is another one. It is finished in a directory beside, and
    its record is written last.
    """
    partial = workspace.directory.with_name(f".partial-{workspace.directory.name}")
    remove_tree(partial)
    try:
        copy_tree(
            workspace.written,
            partial,
            uid=0,
            gid=workspace.readers,
            directory_mode=0o750,
            file_mode=0o640,
            program_mode=0o750,
            wants_rewrite=names_places,
            rewrite=lambda _path, content: content.replace(os.fsencode(workspace.project), os.fsencode(source)),
        )
        record = {
            "from": needs.file or needs.kind,
            "python": workspace.installer.python.version,
            "installed": list_installed_pins(find_installed(partial)),
        }
        write_atomically(partial / RECORD, json.dumps(record, indent=2) + "\n", Access(0, workspace.readers, 0o640))
        sync_filesystem(partial)
        os.replace(partial, workspace.directory)
    finally:
        remove_tree(partial)
    sync_directory(workspace.directory.parent)


def _make_virtualenv(workspace: Workspace) -> None:
    # By its full version: /usr/bin/python3 is another Python after an upgrade of Debian, and the old one stays until nobody needs it.
    python, maker = os.path.realpath(workspace.installer.python.path), workspace.installer.maker
    if python == os.path.realpath(maker):
        workspace.run(maker, "-I", "-m", "virtualenv", "--quiet", "--python", python, str(workspace.directory))
    else:
        # Debian's virtualenv has the pip of Debian, which need not run on an interpreter that is newer.
        workspace.run(python, "-I", "-m", "venv", str(workspace.directory))


def _install(workspace: Workspace, needs: Dependencies, build: str, warn: Callable[[str], object]) -> None:
    pipenv, offline = workspace.installer.pipenv, bool(workspace.installer.wheels)
    within = workspace.project / needs.directory
    if needs.kind == names.LOCK:
        if not workspace.installer.ignore_lock_mismatch:
            _require_fitting_lock(workspace, needs, within)
        hide_credentials(workspace, needs)
        _sync(workspace, needs, within)
    elif needs.kind == names.PIPFILE:
        hide_credentials(workspace, needs)
        if offline:
            raise UserError(
                "pipenv asks the index for hashes to lock a Pipfile, so `dependencies.wheels` is not enough; commit a Pipfile.lock"
            )
        workspace.run(pipenv, "install", within=within)
    elif needs.kind == names.REQUIREMENTS:
        # pip itself, in pipenv's virtualenv: pipenv would turn the file into a Pipfile, and lose constraints,
        # hashes and options on the way.
        _install_requirements(workspace, needs, build, within)
    elif needs.kind in names.PROJECT_LOCKS:
        install_locked_project(workspace, needs, build, within)
    elif needs.kind == names.PYPROJECT:
        _install_project(workspace, needs, build, within, warn)
    elif needs.packages:
        # pip itself: pipenv would write a Pipfile and a lock that nobody is to see, in nearly twice the time.
        workspace.pip("install", wanted=needs.packages)


def _sync(workspace: Workspace, needs: Dependencies, within: Path) -> None:
    """Install the lock, from wheels alone that some app of the host has fetched before where all are there."""
    if not workspace.installer.wheels and (found := _collect_wheels(workspace, needs)):
        with suppress(UserError):  # a wheel may be for another interpreter than it seemed: the index has the last word
            workspace.run(workspace.installer.pipenv, "sync", within=within, variables={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(found)})
            return
    workspace.run(workspace.installer.pipenv, "sync", within=within)


def _collect_wheels(workspace: Workspace, needs: Dependencies) -> Path | None:
    """Return a directory with a wheel for each package of the lock, fetched unless they are there; None if not all can be had."""
    lock = workspace.texts[needs.file]
    pins = project_files.list_pins(lock)
    if not pins:
        return None
    store = WheelStore(workspace.installer.python.series)
    view, downloads = workspace.make_directories_for_wheels()
    if missing := store.offer(pins, view):
        # PyPI may have a mirror in its place, which pip finds in its variables.
        indexes = [f"--index-url {url}" for url in project_files.list_index_urls(needs.file, lock) if urlsplit(url).hostname != "pypi.org"]
        try:
            workspace.pip(*_DOWNLOAD, "--dest", str(downloads), wanted=[*indexes, *(pin.requirement for pin in missing)])
        except UserError:
            return None
        store.keep(missing, downloads)
        store.offer(missing, view)
    return view


def _install_requirements(workspace: Workspace, needs: Dependencies, build: str, within: Path) -> None:
    """Install what requirements name; beside lines with hashes, what is a part of the source comes by itself, without what it needs."""
    texts = {name: workspace.texts[name] for name, _text in needs.texts}
    hashed, alone = split_hashed(texts)
    workspace.write_files({name: hashed[name] for name, text in needs.texts if hashed[name] != text})
    workspace.pip("install", "--requirement", str(workspace.project / needs.file), within=within)
    install_alone(workspace, alone, build, within)


def _install_project(workspace: Workspace, needs: Dependencies, build: str, within: Path, warn: Callable[[str], object]) -> None:
    """Install a project in editable mode, so that its templates and static files are there as well; or just what it depends on."""
    options = ["--ignore-requires-python"] if workspace.installer.ignore_python_requirement else []
    if not project_files.is_installable(needs.content) or projects.is_no_package(needs.content):
        _install_what_it_needs(workspace, needs, options, within)
        return
    try:
        _install_package(workspace, needs, options, build, within)
    except UserError as problem:
        reason = projects.find_reason(str(problem))
        if not reason or not (projects.lists_dependencies(needs.content) or projects.is_of_poetry(needs.content)):
            raise
        _install_what_it_needs(workspace, needs, options, within)
        way = "write `package-mode = false` in [tool.poetry]" if projects.is_of_poetry(needs.content) else "remove [build-system]"
        warn(
            f"{workspace.layout.name}: {needs.file} has a [build-system], and no package can be built of the project: {reason!r}. What it "
            f"depends on was installed, and the code is imported from the build. If it is an app alone, {way}; "
            "if something imports it by name, mend the build"
        )


def _install_package(workspace: Workspace, needs: Dependencies, options: Sequence[str], build: str, within: Path) -> None:
    editable = ("--editable", ".")
    if not projects.takes_version_from_repository(needs.content):
        workspace.pip("install", *options, *editable, within=within, pins=needs.constraints)
        return
    # The version is the project's alone: packages that are built of what it needs have their own.
    if not needs.has_package_info:
        workspace.write_files({str(needs.directory / "PKG-INFO"): projects.make_package_info(build)})
    variables = projects.make_version_variables(build, workspace.variables)
    workspace.pip("install", *options, "--no-deps", *editable, within=within, variables=variables)
    if wanted := projects.read_requires(workspace.run(*workspace.python, "-c", projects.LIST_EDITABLE)):
        workspace.pip("install", *options, wanted=wanted, pins=needs.constraints)


def _install_what_it_needs(workspace: Workspace, needs: Dependencies, options: Sequence[str], within: Path) -> None:
    wanted = project_files.list_project_dependencies(needs.content)
    if projects.is_of_poetry(needs.content):
        tools = str(workspace.layout.work / "tmp" / "tools")
        workspace.pip("install", "--target", tools, projects.POETRY_CORE)
        wanted = projects.read_requires(workspace.run(*workspace.python, "-c", projects.LIST_POETRY, tools, within=within))
    if wanted:
        workspace.pip("install", *options, wanted=wanted, pins=needs.constraints, within=within)


def _require_fitting_lock(workspace: Workspace, needs: Dependencies, within: Path) -> None:
    try:
        workspace.run(workspace.installer.pipenv, "verify", within=within)
    except UserError as problem:
        if "out-of-date" not in str(problem):
            raise
        (_pipfile, pipfile), (_lock, lock) = needs.texts
        raise UserError(project_files.describe_lock_mismatch(project_files.find_lock_gaps(pipfile, lock))) from problem


def _add_missing(workspace: Workspace, needs: Dependencies, additions: Sequence[str]) -> None:
    """Install the packages that are named besides a file, and the missing additions, without changing what is installed."""
    installed = _ask_installed(workspace)
    wanted = [*(needs.packages if needs.kind != names.PACKAGES else ()), *list_missing(additions, installed)]
    if wanted:
        workspace.pip("install", wanted=wanted, pins=list_installed_pins(installed))


def _require_running_gunicorn(workspace: Workspace, needs: Dependencies) -> None:
    """Raise UserError if the app's gunicorn cannot run a release: old ones lack pkg_resources, or cannot be told the app."""
    problem = _import_gunicorn(workspace)
    if problem and "No module named 'pkg_resources'" in problem and not needs.name("setuptools"):
        workspace.pip("install", _OLD_SETUPTOOLS)
        problem = _import_gunicorn(workspace)
    if problem:
        version = _ask_installed(workspace).get("gunicorn") or "of this app"
        if _TELLS_THE_APP in problem:
            way = "Let the app ask for a newer one, or for none: then it gets one"
            raise UserError(
                f"gunicorn {version}, which the app brings, is older than 20.1, the first whose configuration names the app. {way}"
            )
        raise UserError(
            f"gunicorn {version}, which the app brings, does not run on Python {workspace.installer.python.version}: {problem}. "
            "Let the app ask for a newer one, or name an older Python in `dependencies.python`"
        )


def _import_gunicorn(workspace: Workspace) -> str:
    """Return why gunicorn cannot be imported, or lacks what a release needs of it; nothing where all is there."""
    try:
        workspace.run(*workspace.python, "-c", f"import gunicorn.app.wsgiapp; from gunicorn.config import {_TELLS_THE_APP}")
    except UserError as problem:
        return str(problem).rpartition("\n")[2].strip()
    return ""


def find_installed(directory: Path) -> dict[str, str]:
    """Return what is installed in an environment of root's: canonical names in order, with versions if they are known."""
    places = [path for path in directory.glob("lib/py*/site-packages") if not any(map(os.path.islink, (path, *path.parents[:2])))]
    return read_installed(name for place in places for name in os.listdir(place))


def read_installed(listing: Iterable[str]) -> dict[str, str]:
    """Return what the names in the directory of an interpreter's packages say of them."""
    found = [match for name in listing if (match := _METADATA.fullmatch(name))]
    return dict(sorted((project_files.canonical_name(match["name"] or match["link"]), match["version"] or "") for match in found))


def _ask_installed(workspace: Workspace) -> dict[str, str]:
    """Return what is installed in an environment that is being built. The build user looks: root would follow that user's links."""
    depth = ("-mindepth", "3", "-maxdepth", "3", "-path", "*/site-packages/*")
    return read_installed(workspace.run("/usr/bin/find", f"{workspace.directory}/lib", *depth, "-printf", "%f\\n").splitlines())


def list_missing(additions: Sequence[str], installed: Mapping[str, str]) -> list[str]:
    """Return the additions that are not installed, the first of each name."""
    missing: dict[str, str] = {}
    for addition in additions:
        missing.setdefault(project_files.canonical_name(addition.partition("==")[0]), addition)
    return [addition for name, addition in missing.items() if name not in installed]


def list_installed_pins(installed: Mapping[str, str]) -> list[str]:
    """Return the lines of a constraints file that keep all versions as they are."""
    return [f"{name}=={version}" for name, version in installed.items() if version]


def names_places(path: PurePosixPath) -> bool:
    """Return whether a file of an environment says where what was installed in editable mode lies: in the copy, which does not stay."""
    return (
        len(path.parts) == 4
        and path.parts[0] == "lib"
        and path.parts[2] == "site-packages"
        and (path.suffix in (".pth", ".egg-link") or path.name.startswith("__editable__"))
    )
