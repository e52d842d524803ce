# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments on the host: installed by pipenv as an unprivileged user, then given to root and never written again."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from ansible_collections.webstack.flask.plugins.module_utils import dependency_names as names
from ansible_collections.webstack.flask.plugins.module_utils import project_files
from ansible_collections.webstack.flask.plugins.module_utils.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.module_utils.files import Access, ensure_file, sync_filesystem, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils.installed import require_debian_packages
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem
from ansible_collections.webstack.flask.plugins.module_utils.wheel_store import WheelStore
from ansible_collections.webstack.flask.plugins.module_utils.workshop import (
    PINS,
    WANTED,
    Installer,
    Workshop,
    copy_source,
    end_processes,
    hide_credentials,
    open_workshop,
)

RECORD = "environment.json"
"""Written last, by root: an environment without it is the remains of a run that was cut off."""

_OLD_SETUPTOOLS = "setuptools==80.9.0"
"""The last that has pkg_resources, which gunicorn 20 and older import; later versions of setuptools have dropped it."""

_METADATA = re.compile(r"(?P<name>[A-Za-z0-9._]+)-(?P<version>[A-Za-z0-9._!+]+?)(?:-py[0-9.]+)?\.(?:dist|egg)-info|(?P<link>.+)\.egg-link")
"""What pip calls the place where it writes down that a package is installed; a link, for what was installed in an old editable mode."""

_DOWNLOAD = ("download", "--no-deps", "--only-binary=:all:", "--retries=0")


def is_finished(directory: Path) -> bool:
    """Return whether an environment was built to the end: whether root, and not what was being installed, has written its record."""
    try:
        status = (directory / RECORD).lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def is_usable(directory: Path) -> bool:
    """Return whether an environment was built to the end, and its interpreter is there: an upgrade of the host may have removed it."""
    return is_finished(directory) and (directory / "bin/python").exists()


def build_environment(
    layout: AppLayout, identifier: str, source: Path, needs: Dependencies, installer: Installer, additions: Sequence[str]
) -> None:
    """Build an environment in its place; raise Problem, leaving nothing, if that fails.

    `additions` are installed where nothing else brings them, each in the version that it has, as in `gunicorn==27.0.1`.
    """
    require_debian_packages(installer.debian_packages)
    directory = layout.environment(identifier)
    with open_workshop(layout, directory, installer, needs) as workshop:
        copy_source(source, workshop, needs)
        _make_virtualenv(workshop)
        _install(workshop, needs)
        _add_missing(workshop, needs, additions)
        _require_running_gunicorn(workshop, needs)
        end_processes(workshop.uid)
        close_to_writers(directory, workshop.readers)
        point_editables_to(source, workshop.project, directory)
        sync_filesystem(directory)
        pins = list_installed_pins(find_installed(directory))
        record = {"from": needs.file or needs.kind, "python": installer.python.version, "installed": pins}
        write_atomically(directory / RECORD, json.dumps(record, indent=2) + "\n", Access(0, workshop.readers, 0o640))


def _make_virtualenv(workshop: Workshop) -> None:
    # By its full version: /usr/bin/python3 is another Python after an upgrade of Debian, and the old one stays until nobody needs it.
    python, maker = os.path.realpath(workshop.installer.python.path), workshop.installer.maker
    if python == os.path.realpath(maker):
        workshop.run(maker, "-I", "-m", "virtualenv", "--quiet", "--python", python, str(workshop.directory))
    else:
        # Debian's virtualenv has the pip of Debian, which need not run on an interpreter that is newer.
        workshop.run(python, "-I", "-m", "venv", str(workshop.directory))


def _install(workshop: Workshop, needs: Dependencies) -> None:
    pipenv, offline = workshop.installer.pipenv, bool(workshop.installer.wheels)
    within = workshop.project / needs.directory
    if needs.kind == names.LOCK:
        if not workshop.installer.ignore_lock_mismatch:
            _require_fitting_lock(workshop, needs, within)
        hide_credentials(workshop, needs)
        _sync(workshop, needs, within)
    elif needs.kind == names.PIPFILE:
        hide_credentials(workshop, needs)
        if offline:
            raise Problem(
                "pipenv asks the index for hashes to lock a Pipfile, so `dependencies.wheels` is not enough; commit a Pipfile.lock"
            )
        workshop.run(pipenv, "install", within=within)
    elif needs.kind == names.REQUIREMENTS:
        # pip itself, in pipenv's virtualenv: pipenv would turn the file into a Pipfile, and lose constraints,
        # hashes and options on the way.
        hide_credentials(workshop, needs)
        workshop.pip("install", "--requirement", str(workshop.project / needs.file), within=within)
    elif needs.kind == names.PYPROJECT:
        _install_project(workshop, needs, within)
    elif needs.packages:
        # pip itself: pipenv would write a Pipfile and a lock that nobody is to see, in nearly twice the time.
        workshop.pip("install", "--requirement", workshop.write_list(WANTED, needs.packages))


def _sync(workshop: Workshop, needs: Dependencies, within: Path) -> None:
    """Install the lock, from wheels alone that some app of the host has fetched before where all are there."""
    if not workshop.installer.wheels and (found := _collect_wheels(workshop, needs)):
        with suppress(Problem):  # a wheel may be for another interpreter than it seemed: the index has the last word
            workshop.run(workshop.installer.pipenv, "sync", within=within, variables={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(found)})
            return
    workshop.run(workshop.installer.pipenv, "sync", within=within)


def _collect_wheels(workshop: Workshop, needs: Dependencies) -> Path | None:
    """Return a directory with a wheel for each package of the lock, fetched unless they are there; None if not all can be had."""
    lock = workshop.texts[needs.file]
    pins = project_files.list_pins(lock)
    if not pins:
        return None
    store = WheelStore(workshop.installer.python.series)
    view, downloads = workshop.make_directories_for_wheels()
    if missing := store.offer(pins, view):
        # PyPI may have a mirror in its place, which pip finds in its variables.
        indexes = [f"--index-url {url}" for url in project_files.list_index_urls(needs.file, lock) if urlsplit(url).hostname != "pypi.org"]
        wanted = workshop.write_list(WANTED, [*indexes, *(pin.requirement for pin in missing)])
        try:
            workshop.pip(*_DOWNLOAD, "--dest", str(downloads), "--requirement", wanted)
        except Problem:
            return None
        store.keep(missing, downloads)
        store.offer(missing, view)
    return view


def _install_project(workshop: Workshop, needs: Dependencies, within: Path) -> None:
    """Install a project in editable mode, so that its templates and static files are there as well; or just what it lists."""
    options = ["--ignore-requires-python"] if workshop.installer.ignore_python_requirement else []
    if needs.listed:
        workshop.pip("install", *options, "--requirement", workshop.write_list(WANTED, needs.listed))
    elif needs.outline.local:
        workshop.pip("install", *options, "--editable", ".", within=within)


def _require_fitting_lock(workshop: Workshop, needs: Dependencies, within: Path) -> None:
    try:
        workshop.run(workshop.installer.pipenv, "verify", within=within)
    except Problem as problem:
        if "out-of-date" not in str(problem):
            raise
        (_pipfile, pipfile), (_lock, lock) = needs.texts
        raise Problem(project_files.describe_lock_mismatch(project_files.find_lock_gaps(pipfile, lock))) from problem


def _add_missing(workshop: Workshop, needs: Dependencies, additions: Sequence[str]) -> None:
    """Install the packages named besides a file, and the additions that nothing has brought, changing nothing that is there."""
    installed = find_installed(workshop.directory)
    wanted = [*(needs.packages if needs.kind != names.PACKAGES else ()), *list_missing(additions, installed)]
    if wanted:
        pins = workshop.write_list(PINS, list_installed_pins(installed))
        workshop.pip("install", "--constraint", pins, "--requirement", workshop.write_list(WANTED, wanted))


def _require_running_gunicorn(workshop: Workshop, needs: Dependencies) -> None:
    """Raise Problem if the app's gunicorn cannot even be imported, which the oldest cannot without pkg_resources."""
    problem = _import_gunicorn(workshop)
    if problem and "No module named 'pkg_resources'" in problem and not needs.name("setuptools"):
        workshop.pip("install", _OLD_SETUPTOOLS)
        problem = _import_gunicorn(workshop)
    if problem:
        version = find_installed(workshop.directory).get("gunicorn") or "of this app"
        raise Problem(
            f"gunicorn {version}, which the app brings, does not run on Python {workshop.installer.python.version}: {problem}. "
            "Let the app ask for a newer one, or name an older Python in `dependencies.python`"
        )


def _import_gunicorn(workshop: Workshop) -> str:
    """Return why gunicorn cannot be imported; nothing where it can."""
    try:
        workshop.run(*workshop.python, "-c", "import gunicorn.app.wsgiapp")
    except Problem as problem:
        return str(problem).rpartition("\n")[2].strip()
    return ""


def find_installed(directory: Path) -> dict[str, str]:
    """Return what is installed in an environment: canonical names, with versions where they are known, in their order."""
    found = [match for path in directory.glob("lib/py*/site-packages/*") if (match := _METADATA.fullmatch(path.name))]
    return dict(sorted((project_files.canonical_name(match["name"] or match["link"]), match["version"] or "") for match in found))


def list_missing(additions: Sequence[str], installed: Mapping[str, str]) -> list[str]:
    """Return those of the additions that are not installed, the first of each name."""
    missing: dict[str, str] = {}
    for addition in additions:
        missing.setdefault(project_files.canonical_name(addition.partition("==")[0]), addition)
    return [addition for name, addition in missing.items() if name not in installed]


def list_installed_pins(installed: Mapping[str, str]) -> list[str]:
    """Return the lines of a constraints file that keep all versions as they are."""
    return [f"{name}=={version}" for name, version in installed.items() if version]


def close_to_writers(directory: Path, group: int) -> None:
    """Give the tree to root; the group may read and run it, others nothing."""
    for folder, _folders, files in os.walk(directory):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, 0, group, follow_symlinks=False)
            if not os.path.islink(path):
                mode = os.stat(path).st_mode
                os.chmod(path, 0o750 if stat.S_ISDIR(mode) or mode & stat.S_IXUSR else 0o640)


def point_editables_to(build: Path, project: Path, directory: Path) -> None:
    """Let what was installed in editable mode be imported from the build: the copy that it was installed from does not stay.

    Call it when nobody but root can write to the environment.
    """
    for path in directory.glob("lib/py*/site-packages/*"):
        names_places = path.suffix in (".pth", ".egg-link") or path.name.startswith("__editable__")
        if names_places and path.is_file() and not path.is_symlink():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            status = path.stat()
            ensure_file(path, text.replace(str(project), str(build)), Access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)))
