# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source from a git repository: which commit a version is, and the commit's files in a directory."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem

_PATIENCE: float = 600
"""Seconds that git may take: a remote that takes the connection and never answers must not hold up an app for ever."""

_INDEX = "checkout.index"
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}")

_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "LC_ALL": "C.UTF-8",
}

_OF_ANOTHER_REPOSITORY = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
}
"""Variables that git passes on to its hooks; one of them may run Ansible on its own host."""


class Mirror:
    """A bare repository on the host, into which what is wanted of the remote one is fetched."""

    def __init__(self, path: Path, url: str) -> None:
        """Use the mirror at `path` of the repository at `url`."""
        self._path = path
        self._url = url
        self._shown_url = re.sub(r"^(https?://)[^/@]+@", r"\1***@", url)
        self._last_error = ""

    def find_commit(self, version: str) -> str:
        """Return the commit that a branch, a tag, HEAD or a full commit stands for.

        A full commit is itself; the remote is asked only for names.
        """
        if _FULL_COMMIT.fullmatch(version):
            return version
        listing = self._git("ls-remote", "--", self._url, version, f"{version}^{{}}", what=f"read {self._shown_url}")
        commit = choose_commit(listing, version)
        if commit is None:
            raise Problem(f"{self._shown_url} has no branch or tag {version!r} (for a commit, give all 40 characters)")
        return commit

    def fetch(self, commit: str) -> None:
        """Make the commit present in the mirror; nothing is fetched that is there already."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_leftovers()
        self._git("init", "--quiet", "--bare", str(self._path), what="make a mirror")
        if self._has(commit):
            return
        self._try_fetch(commit, "--depth=1")
        if not self._has(commit):  # the server gives nothing but branches and tags, each with all its history
            self._try_fetch("+refs/*:refs/remotes/origin/*", *(["--unshallow"] if (self._path / "shallow").exists() else []))
        if not self._has(commit):
            raise Problem(f"{self._shown_url} does not give the commit {commit}: {self._last_error or 'it does not have it'}")

    def check_out(self, commit: str, directory: Path) -> None:
        """Write the files of the commit into an empty directory. No hook and no filter of the repository is run."""
        self._remove_leftovers()
        environment = {"GIT_INDEX_FILE": str(self._path / _INDEX), "GIT_WORK_TREE": str(directory)}
        self._git("-c", "core.hooksPath=/dev/null", "read-tree", commit, what="read the commit", environment=environment)
        self._git("checkout-index", "--all", "--force", what="write the commit", environment=environment, cwd=directory)

    def _remove_leftovers(self) -> None:
        """Remove what a run that was cut off has left, and what would stop git for ever: nobody else uses the mirror now."""
        for path in (self._path / _INDEX, *self._path.rglob("*.lock")):
            path.unlink(missing_ok=True)

    def _has(self, commit: str) -> bool:
        return self._run("cat-file", "-e", f"{commit}^{{tree}}").returncode == 0

    def _try_fetch(self, refspec: str, *options: str) -> None:
        result = self._run("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *options, "--", self._url, refspec)
        self._last_error = self._clean(result.stderr) or self._last_error

    def _run(self, *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        inherited = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER_REPOSITORY}
        variables = {**inherited, **_ENVIRONMENT, "GIT_DIR": str(self._path), **(environment or {})}
        with subprocess.Popen(
            ["git", *arguments],
            cwd=cwd,
            env=variables,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as process:
            try:
                output, message = process.communicate(timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise Problem(f"{self._shown_url}: `git {arguments[0]}` took more than {_PATIENCE:g} s and was stopped") from None
        return subprocess.CompletedProcess(process.args, process.returncode, output, message)

    def _git(self, *arguments: str, what: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        result = self._run(*arguments, environment=environment, cwd=cwd)
        if result.returncode != 0:
            raise Problem(f"git could not {what}: {self._clean(result.stderr)}")
        return result.stdout

    def _clean(self, message: str) -> str:
        return message.strip().replace(self._url, self._shown_url)


def choose_commit(listing: str, version: str) -> str | None:
    """Return the commit that `version` names in the output of git ls-remote: a branch before a tag, a tag's commit before the tag."""
    commits = {name: commit for commit, name in (line.split("\t", 1) for line in listing.splitlines())}
    wanted = (version, f"refs/heads/{version}", f"refs/tags/{version}^{{}}", f"refs/tags/{version}")
    return next((commits[name] for name in wanted if name in commits), None)
