# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where, and as whom, an environment is built: an unprivileged user, a copy of the source, and no credentials in sight."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils import dependency_names as names
from ansible_collections.webstack.flask.plugins.module_utils.accounts import ensure_group, ensure_user, find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.module_utils.disk import require_room
from ansible_collections.webstack.flask.plugins.module_utils.files import Access, ensure_directory, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils.index_access import Logins, find_secrets, redact
from ansible_collections.webstack.flask.plugins.module_utils.install_failures import describe_failure
from ansible_collections.webstack.flask.plugins.module_utils.layout import AppLayout, Problem
from ansible_collections.webstack.flask.plugins.module_utils.pythons import Python

_KILL_PATIENCE = 10
_LEAST_ROOM = 128
"""MiB that must be free before an environment is built: Flask, gunicorn and pip take about 40."""

_NETRC, PINS, WANTED = _LISTS = ("netrc", "constraints.txt", "wanted.txt")
"""What root writes into the app's cache for an installation; it does not stay."""

_VIEW, _DOWNLOADS = "wheels", "downloads"
"""Directories in the app's cache, which do not stay either."""


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
class Workshop:
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

    def run(self, *command: str, within: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
        """Run a command as the build user, with some environment variables more; raise Problem that says why if it fails."""
        if not os.access(command[0], os.X_OK):
            raise Problem(f"there is no program {command[0]} on the host")
        shown = self.installer.redact(" ".join(command))
        with subprocess.Popen(
            command,
            cwd=within or self.project,
            env={**self.variables, **(variables or {})},
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

    def make_directories_for_wheels(self) -> tuple[Path, Path]:
        """Return an empty directory in which root puts wheels for the build user, and one for what that user downloads."""
        view, downloads = self.layout.cache / _VIEW, self.layout.cache / _DOWNLOADS
        for path, access in ((view, Access(0, self.gid, 0o750)), (downloads, Access(self.uid, self.gid, 0o700))):
            shutil.rmtree(path, ignore_errors=True)
            ensure_directory(path, access)
        return view, downloads

    def write_list(self, name: str, lines: Iterable[str]) -> str:
        """Write lines that pip is to read, and return the file's path.

        In a directory of root's: in its own, the build user could have put a link to some other file in the place of this one.
        They are no arguments, because those can be read by every user of the host, and may hold the URL of a private package.
        """
        path = self.layout.cache / name
        write_atomically(path, "".join(f"{line}\n" for line in lines), Access(0, self.gid, 0o640))
        return str(path)


@contextmanager
def open_workshop(layout: AppLayout, directory: Path, installer: Installer, needs: Dependencies) -> Iterator[Workshop]:
    """Make what is needed to build an environment in a directory; if the block fails, nothing of the environment is left."""
    workshop = _prepare(layout, directory, installer, needs)
    try:
        yield workshop
    except BaseException:
        end_processes(workshop.uid)
        shutil.rmtree(directory, ignore_errors=True)
        raise
    finally:
        for path in (workshop.project, layout.cache / _VIEW, layout.cache / _DOWNLOADS):
            shutil.rmtree(path, ignore_errors=True)
        for name in _LISTS:
            (layout.cache / name).unlink(missing_ok=True)


def _prepare(layout: AppLayout, directory: Path, installer: Installer, needs: Dependencies) -> Workshop:
    logins = Logins()
    variables = _make_variables(layout, directory, installer, logins.take_from_variables(installer.variables))
    texts = {name: logins.take_from_file(name, text, variables) for name, text in needs.texts}
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
    if netrc := logins.to_netrc():
        write_atomically(layout.cache / _NETRC, netrc, Access(0, user.pw_gid, 0o640))
        variables["NETRC"] = str(layout.cache / _NETRC)
    return Workshop(installer, layout, directory, user.pw_uid, user.pw_gid, group, variables, texts)


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


def copy_source(source: Path, workshop: Workshop, needs: Dependencies) -> None:
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


def hide_credentials(workshop: Workshop, needs: Dependencies) -> None:
    """Take the credentials of indexes out of the copy's dependency files. Not before the lock is verified, for they count for its hash."""
    for name, text in needs.texts:
        if workshop.texts[name] != text:
            write_atomically(workshop.project / name, workshop.texts[name], Access(workshop.uid, workshop.gid, 0o600))


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
