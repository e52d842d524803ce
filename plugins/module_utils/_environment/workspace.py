# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workspace in which an environment is built: an unprivileged user, a copy of the source, and hidden credentials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._environment import manifests as names
from ansible_collections.webstack.flask.plugins.module_utils._environment.access import GitAccess
from ansible_collections.webstack.flask.plugins.module_utils._environment.credentials import Credentials, find_secrets, redact
from ansible_collections.webstack.flask.plugins.module_utils._environment.dependencies import Dependencies
from ansible_collections.webstack.flask.plugins.module_utils._environment.failures import describe_failure
from ansible_collections.webstack.flask.plugins.module_utils._environment.pythons import Python
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import ensure_group, ensure_user, find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.app_root import ensure_root
from ansible_collections.webstack.flask.plugins.module_utils._host.disk import require_room
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils._host.processes import end_processes
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import copy_tree, remove_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox

_LEAST_ROOM = 128
"""MiB that must be free before an environment is built: Flask, gunicorn and pip take about 40."""

_NETRC = "netrc"

_IN_A_HOME = re.compile(r"/(?:home|root)/[\w/.@+-]+")

_NOT_FOUND = 127
"""The exit status of a shell for a program that does not exist: dash(1)."""


@dataclass(frozen=True)
class Installer:
    """How to install: the programs, their variables (proxy, index, certificates), and their timeout in seconds.

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
    access: GitAccess = field(default_factory=GitAccess)

    def redact(self, text: str) -> str:
        """Return a text without secrets."""
        return redact(text, {*self.secrets, *self.access.list_secrets(), *find_secrets(self.variables, self.texts)})


@dataclass(frozen=True)
class Workspace:
    """The directories and the user with which an environment is built."""

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

    netrc: str = field(default="", repr=False)
    """The credentials of indexes, as netrc(5) has them."""

    @property
    def project(self) -> Path:
        """The copy of the source that may be written to."""
        return self.layout.work / "project"

    @property
    def written(self) -> Path:
        """Where the environment really lies while it is built; the build user sees it in its final place, for it holds its own path."""
        return self.layout.work / "environment"

    @property
    def temporary(self) -> Path:
        """Where the build user keeps what nobody needs afterwards."""
        return self.layout.work / "tmp"

    @property
    def private(self) -> Path:
        """Files that a command gets for itself: they are in memory, which goes with the command."""
        return self.layout.work / "private"

    @property
    def python(self) -> list[str]:
        """The environment's interpreter, which takes no module from where it is called: an app may have a `pip.py` or `logging.py`."""
        return [f"{self.directory}/bin/python", "-I"]

    def pip(
        self,
        *words: str,
        within: Path | None = None,
        wanted: Iterable[str] = (),
        pins: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run the environment's pip, for the requirements in the lines of `wanted` and within the constraints in those of `pins`.

        The lists are no arguments, because those can be read by every user of the host, and may hold the URL of a private package.
        """
        lists = {"--requirement": list(wanted), "--constraint": list(pins)}
        given = {option: lines for option, lines in lists.items() if lines}
        options = [word for option in given for word in (option, str(self.private / option.strip("-")))]
        files = {option.strip("-"): "".join(f"{line}\n" for line in lines) for option, lines in given.items()}
        return self.run(*self.python, "-m", "pip", *words, *options, within=within, files=files, variables=variables)

    def run(
        self,
        *command: str,
        within: Path | None = None,
        variables: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command as the build user, with some variables and private files more; raise UserError that says why if it fails.

        No process of it is left when it has ended.
        """
        shown = self.installer.redact(" ".join(command))
        with ExitStack() as stack:
            stdin = stack.enter_context(sandbox.pack({_NETRC: self.netrc, **self.installer.access.files, **(files or {})}))
            outcome = sandbox.run(
                self.layout.build_unit,
                sandbox.unpack_then(self.private, command),
                description=f"installs the dependencies of {self.layout.name}",
                properties=self._list_properties(within or self.project),
                variables={**self.variables, **(variables or {})},
                timeout=self.installer.timeout,
                stdin=stdin,
            )
        if outcome.late:
            raise UserError(f"`{shown}` took more than {self.installer.timeout:g} s and was stopped")
        if outcome.status == _NOT_FOUND and f"{command[0]}: not found" in outcome.said:
            raise UserError(f"there is no program {command[0]} on the host")
        if outcome.status != 0:
            said = self.installer.redact(outcome.said)
            reason = describe_failure(shown, said)
            is_cut = len(said.splitlines()) > len(reason.splitlines())
            raise UserError(reason + (keep_output(self.layout, said) if is_cut else ""))
        return outcome.said

    def _list_properties(self, within: Path) -> list[str]:
        properties = {
            **sandbox.FENCES,
            **sandbox.LIMITS,
            "User": self.layout.build_user,
            "Group": self.layout.build_user,
            "WorkingDirectory": str(within),
            "InaccessiblePaths": "-/run/dbus",  # by which other services could be asked to start something elsewhere
            "KillSignal": "SIGKILL",  # what is left when the command has ended has nothing to finish
            "ReadWritePaths": str(self.layout.work),
            "BindPaths": f"{self.written}:{self.directory}",
            "TemporaryFileSystem": f"{self.private}:mode=0700,uid={self.uid},gid={self.gid}",
        }
        # The fence around home directories stays, but for what the description itself names there: wheels, certificates.
        if named := [path for path in (self.installer.wheels, *self.installer.variables.values()) if _IN_A_HOME.fullmatch(path)]:
            properties |= {"ProtectHome": "tmpfs", "BindReadOnlyPaths": " ".join(f"-{path}" for path in named)}
        return [f"{name}={value}" for name, value in properties.items()]

    def write_files(self, texts: Mapping[str, str]) -> None:
        """Replace files of the project, by their paths in it. The build user does it: root does not write where that user can."""
        numbered = {str(number): text for number, text in enumerate(texts.values())}
        for number, name in zip(numbered, texts, strict=True):
            self.run("/bin/cp", "--", str(self.private / number), str(self.project / name), files=numbered)

    def make_directories_for_wheels(self) -> tuple[Path, Path]:
        """Return an empty directory in which root puts wheels for the build user, and one for what that user downloads."""
        view, downloads = self.layout.work / "wheels", self.layout.work / "downloads"
        ensure_directory(view, Access(0, self.gid, 0o750))
        ensure_directory(downloads, Access(self.uid, self.gid, 0o700))
        return view, downloads


@contextmanager
def open_workspace(layout: AppLayout, directory: Path, installer: Installer, needs: Dependencies) -> Iterator[Workspace]:
    """Make what is needed to build an environment in a directory; nothing of it stays, and if the block fails, no directory either."""
    try:
        yield _prepare(layout, directory, installer, needs)
    except BaseException:
        end_builds(layout)
        remove_tree(directory)
        raise
    finally:
        end_builds(layout)
        remove_tree(layout.work)


def keep_output(layout: AppLayout, output: str) -> str:
    """Write all that a command has said into a file for root, in place of what the one before has said; return a sentence that names it.

    Where there is no room for it, the reason of the failure matters more.
    """
    try:
        ensure_directory(layout.installation_log.parent, Access(0, 0, 0o700))
        write_atomically(layout.installation_log, output, Access(0, 0, 0o600))
    except OSError:
        return ""
    return f"\nAll of it is in {layout.installation_log} on the host."


def end_builds(layout: AppLayout) -> None:
    """End all processes that install dependencies of the app, or were left running by an installation."""
    sandbox.end(layout.build_unit)
    user = find_user(layout.build_user)
    if user is not None and user.pw_gecos == layout.build_comment:
        end_processes(user.pw_uid)


def _prepare(layout: AppLayout, directory: Path, installer: Installer, needs: Dependencies) -> Workspace:
    credentials = Credentials()
    variables = make_variables(layout, directory, installer, credentials.take_from_variables(installer.variables))
    texts = {name: credentials.take_from_file(name, text, variables) for name, text in needs.texts}
    ensure_root(layout)
    ensure_group(layout.name)
    ensure_group(layout.build_user)
    ensure_user(layout.build_user, group=layout.build_user, home="/nonexistent", comment=layout.build_comment)
    user = find_user(layout.build_user)
    group = find_group(layout.name)
    if user is None or group is None:
        raise UserError(f"the user {layout.build_user} could not be made")
    for path in (directory, layout.work, layout.cache / "home", layout.cache / "project"):  # the last two are of former versions
        remove_tree(path)
    through, mine = Access(0, 0, 0o711), Access(user.pw_uid, user.pw_gid, 0o700)
    ensure_directory(layout.environments, through)
    ensure_directory(layout.cache.parent, Access(0, 0, 0o755))
    # As it is installed, with what is unpacked for that; and root's copy, which may be on the same disk.
    is_one_disk = layout.cache.parent.stat().st_dev == layout.environments.stat().st_dev
    require_room(layout.environments, "an environment", _LEAST_ROOM, times=3 if is_one_disk else 2)
    for path in (layout.cache, layout.work, directory, layout.work / "private"):
        ensure_directory(path, through)
    require_room(layout.work, "an installation", _LEAST_ROOM)
    for name in ("home", "tmp", "project", "environment"):
        ensure_directory(layout.work / name, mine)
    return Workspace(installer, layout, directory, user.pw_uid, user.pw_gid, group, variables, texts, credentials.to_netrc())


def make_variables(layout: AppLayout, directory: Path, installer: Installer, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of an installation: what programs need, and what is `given`."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(layout.work / "project" / installer.wheels)} if installer.wheels else {}
    private = layout.work / "private"
    return {
        "PATH": f"{directory}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(layout.work / "home"),
        "TMPDIR": str(layout.work / "tmp"),
        "NETRC": str(private / _NETRC),
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
        **installer.access.make_variables(private, given),
        **offline,
    }


def copy_source(source: Path, workspace: Workspace, needs: Dependencies) -> None:
    """Copy the source: building a package writes beside its code, and a build is never written again."""
    wheels = workspace.installer.wheels
    if wheels and not (source / wheels).is_dir():
        place = "host" if wheels.startswith("/") else "source"
        raise UserError(f"`dependencies.wheels` is {wheels!r}, and the {place} has no such directory")
    if needs.kind == names.PACKAGES and not needs.needs_source:
        return  # an empty directory: pipenv would take the source's Pipfile, which is not to count
    remove_tree(workspace.project)
    copy_tree(
        source,
        workspace.project,
        uid=workspace.uid,
        gid=workspace.gid,
        directory_mode=0o700,
        file_mode=0o600,
        program_mode=0o700,
    )
    if needs.kind == names.PIPFILE:
        workspace.run("/bin/rm", "--force", "--", str(workspace.project / needs.directory / names.LOCK))


def hide_credentials(workspace: Workspace, needs: Dependencies) -> None:
    """Take the credentials of indexes out of the copy's dependency files. Not before the lock is verified, for they count for its hash."""
    workspace.write_files({name: workspace.texts[name] for name, text in needs.texts if workspace.texts[name] != text})
