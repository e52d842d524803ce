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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils import dependency_names as names
from ansible_collections.webstack.flask.plugins.module_utils import project_files
from ansible_collections.webstack.flask.plugins.module_utils.accounts import ensure_group, ensure_user, find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.module_utils.disk import require_room
from ansible_collections.webstack.flask.plugins.module_utils.files import Access, ensure_directory, ensure_file, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils.index_access import Logins, find_secrets, redact
from ansible_collections.webstack.flask.plugins.module_utils.install_failures import describe_failure
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem
from ansible_collections.webstack.flask.plugins.module_utils.pythons import Python

RECORD = "environment.json"
"""Written last, by root: an environment without it is the remains of a run that was cut off."""

_KILL_PATIENCE = 10
_PYTHON_DIRECTORIES = (Path("/usr/local/bin"), Path("/usr/bin"))
_OLD_SETUPTOOLS = "setuptools==80.9.0"
"""The last that has pkg_resources, which gunicorn 20 and older import; later versions of setuptools have dropped it."""
_LEAST_ROOM = 128
"""MiB that must be free before an environment is built: Flask, gunicorn and pip take about 40."""

_NETRC, _PINS, _WANTED = _LISTS = ("netrc", "constraints.txt", "wanted.txt")
"""What root writes into the app's cache for an installation; it does not stay."""

_FROZEN_NAME = re.compile(
    r"^([A-Za-z0-9._-]+)(?:==| @ )|^-e .*#egg=([A-Za-z0-9._-]+)|^# Editable .*\(([A-Za-z0-9._-]+)(?:==.*)?\)$", re.MULTILINE
)


@dataclass(frozen=True)
class Installer:
    """How to install: the programs, the variables they need (proxy, index, certificates), and the time they have in seconds.

    `maker` is the interpreter that has virtualenv, Debian's. `wheels` is a directory of the host, or a path within the source, from
    which alone packages are taken.
    """

    python: Python
    maker: str
    pipenv: str
    variables: Mapping[str, str]
    timeout: float
    wheels: str = ""
    ignore_lock_mismatch: bool = False
    ignore_python_requirement: bool = False
    debian_packages: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    def redact(self, text: str) -> str:
        """Return a text without what must not be shown."""
        return redact(text, self.secrets | find_secrets(self.variables, self.texts))


@dataclass(frozen=True)
class _Workshop:
    """Where, and as whom, an environment is being built."""

    installer: Installer
    layout: AppLayout
    directory: Path
    uid: int
    gid: int
    readers: int
    """Group that reads the environment when it is finished. The build user is not in it: that group reads the app's variables, too."""

    variables: Mapping[str, str]
    texts: Mapping[str, str]
    """The source's dependency files without the credentials of indexes, which programs would hand on as arguments."""

    @property
    def project(self) -> Path:
        """The copy of the source that may be written to."""
        return self.layout.cache / "project"

    @property
    def python(self) -> list[str]:
        """The environment's interpreter, which takes no module from where it is called: an app may have a `pip.py` or `logging.py`."""
        return [f"{self.directory}/bin/python", "-I"]

    def pip(self, *words: str, within: Path | None = None) -> str:
        """Run the environment's pip."""
        return self.run(*self.python, "-m", "pip", *words, within=within)

    def run(self, *command: str, within: Path | None = None) -> str:
        """Run a command as the build user; raise Problem that says why if it fails."""
        if not os.access(command[0], os.X_OK):
            raise Problem(f"there is no program {command[0]} on the host")
        shown = self.installer.redact(" ".join(command))
        with subprocess.Popen(
            command,
            cwd=within or self.project,
            env=self.variables,
            user=self.uid,
            group=self.gid,
            extra_groups=[],
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
                raise Problem(f"`{shown}` took more than {self.installer.timeout:g} s and was stopped") from None
        if process.returncode != 0:
            raise Problem(describe_failure(shown, self.installer.redact(output)))
        return output

    def write_list(self, name: str, lines: Iterable[str]) -> str:
        """Write lines that pip is to read, and return the file's path.

        In a directory of root's: in its own, the build user could have put a link to some other file in the place of this one.
        They are no arguments, because those can be read by every user of the host, and may hold the URL of a private package.
        """
        path = self.layout.cache / name
        write_atomically(path, "".join(f"{line}\n" for line in lines), Access(0, self.gid, 0o640))
        return str(path)


@cache
def read_python(path: str) -> Python:
    """Return an interpreter with its version; raise Problem if it does not run."""
    try:
        result = subprocess.run(
            [path, "-I", "-c", "import platform; print(platform.python_version(), platform.python_implementation())"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f"the interpreter {path} does not run: {error}") from error
    return Python(path, *result.stdout.split())


def list_pythons() -> list[Python]:
    """Return the interpreters that the host has where programs are, those in /usr/local before Debian's."""
    found = (path for directory in _PYTHON_DIRECTORIES for path in sorted(directory.glob("python3.*")))
    return [read_python(str(path)) for path in found if re.fullmatch(r"python3\.\d+", path.name) and os.access(path, os.X_OK)]


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
    workshop = _open_workshop(layout, directory, installer, needs)
    try:
        _copy_source(source, workshop, needs)
        _make_virtualenv(workshop)
        _install(workshop, needs)
        _add_missing(workshop, needs, additions)
        _require_running_gunicorn(workshop, needs)
        frozen = installer.redact(workshop.pip("freeze", "--all"))
        end_processes(workshop.uid)
        close_to_writers(directory, workshop.readers)
        point_editables_to(source, workshop.project, directory)
        record = {"from": needs.file or needs.kind, "python": installer.python.version, "installed": frozen.splitlines()}
        write_atomically(directory / RECORD, json.dumps(record, indent=2) + "\n", Access(0, workshop.readers, 0o640))
    except BaseException:
        end_processes(workshop.uid)
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(workshop.project, ignore_errors=True)
        for name in _LISTS:
            (layout.cache / name).unlink(missing_ok=True)


def find_missing_packages(packages: Sequence[str]) -> list[str]:
    """Return those of the Debian packages that are not installed."""
    if not packages:
        return []
    known = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *packages], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    return [name for name in packages if f"{name} installed" not in known]


def require_debian_packages(packages: Sequence[str]) -> None:
    """Raise Problem unless the Debian packages that a build needs are installed."""
    if missing := find_missing_packages(packages):
        raise Problem(
            f"the Debian packages {' '.join(missing)} of `dependencies.build_packages` are not installed; "
            "run site.yml, which installs them (deploy.yml installs no Debian packages)"
        )


def _open_workshop(layout: AppLayout, directory: Path, installer: Installer, needs: Dependencies) -> _Workshop:
    ensure_group(layout.name)
    ensure_group(layout.build_user)
    home = str(layout.cache / "home")
    ensure_user(layout.build_user, group=layout.build_user, home=home, comment=layout.build_comment)
    user = find_user(layout.build_user)
    group = find_group(layout.name)
    if user is None or group is None:
        raise Problem(f"the user {layout.build_user} could not be made")
    end_processes(user.pw_uid)  # of a run that was cut off
    shutil.rmtree(directory, ignore_errors=True)
    mine = Access(user.pw_uid, user.pw_gid, 0o700)
    ensure_directory(layout.root, Access(0, 0, 0o711))
    ensure_directory(layout.environments, Access(0, 0, 0o711))
    require_room(layout.environments, "an environment", _LEAST_ROOM)
    ensure_directory(layout.cache.parent, Access(0, 0, 0o755))
    ensure_directory(layout.cache, Access(0, 0, 0o711))
    for path in (layout.cache / "home", layout.cache / "project", directory):
        ensure_directory(path, mine)
    logins = Logins()
    variables = _make_variables(layout, directory, installer, logins.take_from_variables(installer.variables))
    texts = {name: logins.take_from_file(name, text, variables) for name, text in needs.texts}
    if netrc := logins.to_netrc():
        write_atomically(layout.cache / _NETRC, netrc, Access(0, user.pw_gid, 0o640))
        variables["NETRC"] = str(layout.cache / _NETRC)
    return _Workshop(installer, layout, directory, user.pw_uid, user.pw_gid, group, variables, texts)


def _make_variables(layout: AppLayout, directory: Path, installer: Installer, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of an installation: what programs need, and what is `given`."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(layout.cache / "project" / installer.wheels)} if installer.wheels else {}
    return {
        "PATH": f"{directory}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(layout.cache / "home"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "CI": "1",
        "PIPENV_NOSPIN": "1",
        "PIPENV_YES": "1",
        "PIPENV_DONT_LOAD_ENV": "1",
        "PIPENV_VERBOSITY": "-1",
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "VIRTUAL_ENV": str(directory),
        **given,
        **offline,
    }


def _copy_source(source: Path, workshop: _Workshop, needs: Dependencies) -> None:
    """Copy the source: building a package writes beside its code, and a build is never written again."""
    wheels = workshop.installer.wheels
    if wheels and not (source / wheels).is_dir():
        place = "host" if wheels.startswith("/") else "source"
        raise Problem(f"`dependencies.wheels` is {wheels!r}, and the {place} has no such directory")
    if needs.kind == names.PACKAGES and not needs.needs_source:
        return  # an empty directory: pipenv would take the source's Pipfile, which is not to count
    shutil.rmtree(workshop.project)
    shutil.copytree(source, workshop.project, symlinks=True)
    if needs.kind == names.PIPFILE:
        (workshop.project / needs.directory / names.LOCK).unlink(missing_ok=True)
    for folder, _folders, files in os.walk(workshop.project):
        os.chown(folder, workshop.uid, workshop.gid)
        os.chmod(folder, 0o700)
        for name in files:
            os.chown(os.path.join(folder, name), workshop.uid, workshop.gid, follow_symlinks=False)


def _make_virtualenv(workshop: _Workshop) -> None:
    python, maker = workshop.installer.python.path, workshop.installer.maker
    if os.path.realpath(python) == os.path.realpath(maker):
        workshop.run(maker, "-I", "-m", "virtualenv", "--quiet", "--python", python, str(workshop.directory))
    else:
        # Debian's virtualenv has the pip of Debian, which need not run on an interpreter that is newer.
        workshop.run(python, "-I", "-m", "venv", str(workshop.directory))


def _install(workshop: _Workshop, needs: Dependencies) -> None:
    pipenv, offline = workshop.installer.pipenv, bool(workshop.installer.wheels)
    within = workshop.project / needs.directory
    if needs.kind == names.LOCK:
        if not workshop.installer.ignore_lock_mismatch:
            _require_fitting_lock(workshop, needs, within)
        _hide_credentials(workshop, needs)
        workshop.run(pipenv, "sync", within=within)
    elif needs.kind == names.PIPFILE:
        _hide_credentials(workshop, needs)
        if offline:
            raise Problem(
                "pipenv asks the index for hashes to lock a Pipfile, so `dependencies.wheels` is not enough; commit a Pipfile.lock"
            )
        workshop.run(pipenv, "install", within=within)
    elif needs.kind == names.REQUIREMENTS:
        # pip itself, in pipenv's virtualenv: pipenv would turn the file into a Pipfile, and lose constraints,
        # hashes and options on the way.
        _hide_credentials(workshop, needs)
        workshop.pip("install", "--requirement", str(workshop.project / needs.file), within=within)
    elif needs.kind == names.PYPROJECT:
        _install_project(workshop, needs, within)
    elif needs.packages:
        wanted = workshop.write_list(_WANTED, needs.packages)
        if offline:
            workshop.pip("install", "--requirement", wanted)
        else:
            workshop.run(pipenv, "install", "--requirements", wanted)


def _hide_credentials(workshop: _Workshop, needs: Dependencies) -> None:
    """Take the credentials of indexes out of the copy's dependency files. Not before the lock is verified, for they count for its hash."""
    for name, text in needs.texts:
        if workshop.texts[name] != text:
            write_atomically(workshop.project / name, workshop.texts[name], Access(workshop.uid, workshop.gid, 0o600))


def _install_project(workshop: _Workshop, needs: Dependencies, within: Path) -> None:
    """Install a project in editable mode, so that its templates and static files are there as well; or just what it lists."""
    options = ["--ignore-requires-python"] if workshop.installer.ignore_python_requirement else []
    if needs.listed:
        workshop.pip("install", *options, "--requirement", workshop.write_list(_WANTED, needs.listed))
    elif needs.outline.local:
        workshop.pip("install", *options, "--editable", ".", within=within)


def _require_fitting_lock(workshop: _Workshop, needs: Dependencies, within: Path) -> None:
    try:
        workshop.run(workshop.installer.pipenv, "verify", within=within)
    except Problem as problem:
        if "out-of-date" not in str(problem):
            raise
        (_pipfile, pipfile), (_lock, lock) = needs.texts
        raise Problem(project_files.describe_lock_mismatch(project_files.find_lock_gaps(pipfile, lock))) from problem


def _add_missing(workshop: _Workshop, needs: Dependencies, additions: Sequence[str]) -> None:
    """Install the packages named besides a file, and the additions that nothing has brought, changing nothing that is there."""
    frozen = workshop.pip("freeze", "--all")
    wanted = [*(needs.packages if needs.kind != names.PACKAGES else ()), *list_missing(additions, frozen)]
    if wanted:
        pins = workshop.write_list(_PINS, keep_pins(frozen))
        workshop.pip("install", "--constraint", pins, "--requirement", workshop.write_list(_WANTED, wanted))


def _require_running_gunicorn(workshop: _Workshop, needs: Dependencies) -> None:
    """Raise Problem if the app's gunicorn cannot even be imported, which the oldest cannot without pkg_resources."""
    problem = _import_gunicorn(workshop)
    if problem and "No module named 'pkg_resources'" in problem and not needs.name("setuptools"):
        workshop.pip("install", _OLD_SETUPTOOLS)
        problem = _import_gunicorn(workshop)
    if problem:
        version = next(iter(re.findall(r"^gunicorn==(\S+)", workshop.pip("freeze"), re.MULTILINE)), "of this app")
        raise Problem(
            f"gunicorn {version}, which the app brings, does not run on Python {workshop.installer.python.version}: {problem}. "
            "Let the app ask for a newer one, or name an older Python in `dependencies.python`"
        )


def _import_gunicorn(workshop: _Workshop) -> str:
    """Return why gunicorn cannot be imported; nothing where it can."""
    try:
        workshop.run(*workshop.python, "-c", "import gunicorn.app.wsgiapp")
    except Problem as problem:
        return str(problem).rpartition("\n")[2].strip()
    return ""


def list_missing(additions: Sequence[str], frozen: str) -> list[str]:
    """Return those of the additions that `pip freeze` does not tell of, the first of each name."""
    there = {_canonical(name) for found in _FROZEN_NAME.findall(frozen) for name in found if name}
    missing: dict[str, str] = {}
    for addition in additions:
        missing.setdefault(_canonical(addition.partition("==")[0]), addition)
    return [addition for name, addition in missing.items() if name not in there]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def keep_pins(frozen: str) -> list[str]:
    """Return the lines of `pip freeze` that can be constraints: a name and its version."""
    return [line for line in frozen.splitlines() if re.match(r"[A-Za-z0-9._-]+==", line)]


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
