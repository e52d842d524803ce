# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environments on the host: installed by pipenv as an unprivileged user, then given to root and never written again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils import dependencies as deps
from ansible_collections.webstack.flask.plugins.module_utils.accounts import ensure_group, ensure_user, find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.module_utils.disk import require_room
from ansible_collections.webstack.flask.plugins.module_utils.files import Access, ensure_directory, ensure_file, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem

RECORD = "environment.json"
"""Written last, by root: an environment without it is the remains of a run that was cut off."""

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OUTPUT_LINES = 40
_KILL_PATIENCE = 10
_LEAST_ROOM = 128
"""MiB that must be free before an environment is built: Flask, gunicorn and pip take about 40."""


@dataclass(frozen=True)
class Installer:
    """How to install: the programs, the variables they need (proxy, index, certificates), and the time they have in seconds."""

    python: str
    pipenv: str
    variables: Mapping[str, str]
    timeout: float


@dataclass(frozen=True)
class _Workshop:
    """Where, and as whom, an environment is being built."""

    installer: Installer
    layout: AppLayout
    directory: Path
    uid: int
    gid: int
    groups: tuple[int, ...]

    @property
    def project(self) -> Path:
        return self.layout.cache / "project"

    def run(self, *command: str) -> str:
        """Run a command as the build user in the copy of the source; raise Problem with its last lines if it fails."""
        if not os.access(command[0], os.X_OK):
            raise Problem(f"there is no program {command[0]} on the host")
        variables = {
            "PATH": f"{self.directory}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.layout.cache / "home"),
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "CI": "1",
            "PIPENV_NOSPIN": "1",
            "PIPENV_YES": "1",
            "PIPENV_DONT_LOAD_ENV": "1",
            "PIPENV_VERBOSITY": "-1",
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "VIRTUAL_ENV": str(self.directory),
            **self.installer.variables,
        }
        with subprocess.Popen(
            command,
            cwd=self.project,
            env=variables,
            user=self.uid,
            group=self.gid,
            extra_groups=self.groups,
            umask=0o077,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            try:
                output = process.communicate(timeout=self.installer.timeout)[0]
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise Problem(f"`{' '.join(command)}` took more than {self.installer.timeout:g} s and was stopped") from None
        if process.returncode != 0:
            raise Problem(f"`{' '.join(command)}` failed:\n{shorten(output)}")
        return output


def read_python_version(python: str) -> str:
    """Return the full version of an interpreter."""
    try:
        result = subprocess.run(
            [python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f"the interpreter {python} does not run: {error}") from error
    return result.stdout.strip()


def is_finished(directory: Path) -> bool:
    """Return whether an environment was built to the end: whether root, and not what was being installed, has written its record."""
    try:
        status = (directory / RECORD).lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def build_environment(layout: AppLayout, identifier: str, source: Path, needs: Dependencies, installer: Installer, gunicorn: str) -> None:
    """Build an environment in its place; raise Problem, leaving nothing, if that fails."""
    directory = layout.environment(identifier)
    workshop = _open_workshop(layout, directory, installer)
    try:
        _copy_source(source, workshop)
        workshop.run(installer.python, "-m", "virtualenv", "--quiet", "--python", installer.python, str(directory))
        _install(workshop, needs)
        _add_missing(workshop, needs, gunicorn)
        frozen = workshop.run(f"{directory}/bin/python", "-m", "pip", "freeze", "--all")
        end_processes(workshop.uid)
        close_to_writers(directory, workshop.groups[0])
        point_editables_to(source, workshop.project, directory)
        record = json.dumps({"from": needs.kind, "installed": frozen.splitlines()}, indent=2) + "\n"
        write_atomically(directory / RECORD, record, Access(0, workshop.groups[0], 0o640))
    except BaseException:
        end_processes(workshop.uid)
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(workshop.project, ignore_errors=True)


def _open_workshop(layout: AppLayout, directory: Path, installer: Installer) -> _Workshop:
    ensure_group(layout.name)
    ensure_group(layout.build_user)
    home = str(layout.cache / "home")
    ensure_user(layout.build_user, group=layout.build_user, home=home, comment=layout.build_comment, groups=(layout.name,))
    user = find_user(layout.build_user)
    group = find_group(layout.name)
    if user is None or group is None:
        raise Problem(f"the user {layout.build_user} could not be made")
    end_processes(user.pw_uid)  # of a run that was cut off
    shutil.rmtree(directory, ignore_errors=True)
    mine = Access(user.pw_uid, user.pw_gid, 0o700)
    ensure_directory(layout.root, Access(0, 0, 0o711))
    ensure_directory(layout.environments, Access(0, group, 0o750))
    require_room(layout.environments, "an environment", _LEAST_ROOM)
    ensure_directory(layout.cache.parent, Access(0, 0, 0o755))
    ensure_directory(layout.cache, Access(0, 0, 0o711))
    for path in (layout.cache / "home", layout.cache / "project", directory):
        ensure_directory(path, mine)
    return _Workshop(installer, layout, directory, user.pw_uid, user.pw_gid, (group,))


def _copy_source(source: Path, workshop: _Workshop) -> None:
    """Copy the source: building a package writes beside its code, and a build is never written again."""
    shutil.rmtree(workshop.project)
    shutil.copytree(source, workshop.project, symlinks=True)
    for folder, _folders, files in os.walk(workshop.project):
        os.chown(folder, workshop.uid, workshop.gid)
        os.chmod(folder, 0o700)
        for name in files:
            os.chown(os.path.join(folder, name), workshop.uid, workshop.gid, follow_symlinks=False)


def _install(workshop: _Workshop, needs: Dependencies) -> None:
    pipenv, python = workshop.installer.pipenv, f"{workshop.directory}/bin/python"
    if needs.kind == deps.LOCK:
        _require_fitting_lock(workshop)
        workshop.run(pipenv, "sync")
    elif needs.kind == deps.PIPFILE:
        workshop.run(pipenv, "install")
    elif needs.kind == deps.REQUIREMENTS:
        # pip itself, in pipenv's virtualenv: pipenv would turn the file into a Pipfile, and lose constraints,
        # hashes and options on the way.
        workshop.run(python, "-m", "pip", "install", "--requirement", deps.REQUIREMENTS)
    else:
        workshop.run(pipenv, "install", *needs.packages)


def _require_fitting_lock(workshop: _Workshop) -> None:
    try:
        workshop.run(workshop.installer.pipenv, "verify")
    except Problem as problem:
        if "out-of-date" not in str(problem):
            raise
        raise Problem("the Pipfile.lock does not fit its Pipfile; run `pipenv lock` where you develop, and commit both") from problem


def _add_missing(workshop: _Workshop, needs: Dependencies, gunicorn: str) -> None:
    """Install the packages named besides a file, and gunicorn where nothing brought it, changing nothing that is there."""
    wanted = list(needs.packages) if needs.kind != deps.PACKAGES else []
    if not (workshop.directory / "bin/gunicorn").exists():
        wanted.append(f"gunicorn=={gunicorn}")
    if wanted:
        python = f"{workshop.directory}/bin/python"
        # In a directory of root's: in its own, the build user could have put a link to some other file in the place of this one.
        pins = workshop.layout.cache / "constraints.txt"
        write_atomically(pins, keep_pins(workshop.run(python, "-m", "pip", "freeze")), Access(0, 0, 0o644))
        workshop.run(python, "-m", "pip", "install", "--constraint", str(pins), *wanted)


def keep_pins(frozen: str) -> str:
    """Return the lines of `pip freeze` that can be constraints: a name and its version."""
    return "".join(f"{line}\n" for line in frozen.splitlines() if re.match(r"[A-Za-z0-9._-]+==", line))


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
    for path in directory.glob("lib/python*/site-packages/*"):
        names_places = path.suffix in (".pth", ".egg-link") or path.name.startswith("__editable__")
        if names_places and path.is_file() and not path.is_symlink():
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            status = path.stat()
            ensure_file(path, text.replace(str(project), str(build)), Access(status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)))


def end_processes(uid: int) -> None:
    """End whatever an installer left running, lest it change the tree while root takes it over."""
    deadline = time.monotonic() + _KILL_PATIENCE
    while sum(_kill(process, uid) for process in Path("/proc").glob("[0-9]*")):
        if time.monotonic() > deadline:
            raise Problem(f"processes of the user with the id {uid} do not end; reboot the host")
        time.sleep(0.01)


def _kill(process: Path, uid: int) -> bool:
    """Kill a process of a user, given its directory below /proc; return whether it was one of theirs and not dead already."""
    try:
        # A process can hide behind root as the owner of its directory in /proc, but not in here: proc_pid(5).
        status = (process / "status").read_text(encoding="utf-8", errors="replace")
        if not re.search(rf"^Uid:.*\b{uid}\b", status, re.MULTILINE) or re.search(r"^State:\tZ", status, re.MULTILINE):
            return False
        os.kill(int(process.name), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def shorten(output: str) -> str:
    """Return the end of a program's output, indented and without colours."""
    lines = [line.rstrip() for line in _COLOUR.sub("", output).splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-_OUTPUT_LINES:])
