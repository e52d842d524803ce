# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source from a git repository: which commit a version is, and the commit's files in a directory."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils.layout import Problem

_FULL_COMMIT = re.compile(r"[0-9a-f]{40}")

_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "LC_ALL": "C.UTF-8",
}


class Mirror:
    """A bare repository on the host, into which what is wanted of the remote one is fetched."""

    def __init__(self, path: Path, url: str) -> None:
        """Use the mirror at `path` of the repository at `url`."""
        self._path = path
        self._url = url

    def find_commit(self, version: str) -> str:
        """Return the commit that a branch, a tag, HEAD or a full commit stands for.

        A full commit is itself; the remote is asked only for names.
        """
        if _FULL_COMMIT.fullmatch(version):
            return version
        listing = self._git("ls-remote", self._url, version, f"{version}^{{}}", what=f"read {self._url}")
        commit = choose_commit(listing, version)
        if commit is None:
            raise Problem(f"{self._url} has no branch or tag {version!r} (for a commit, give all 40 characters)")
        return commit

    def fetch(self, commit: str, version: str) -> None:
        """Make the commit present in the mirror; nothing is fetched that is there already."""
        if not (self._path / "HEAD").exists():
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._git("init", "--quiet", "--bare", str(self._path), what="make a mirror")
        if self._has(commit):
            return
        wanted = commit if _FULL_COMMIT.fullmatch(version) else version
        self._try_fetch(wanted, "--depth=1")
        if not self._has(commit):
            self._try_fetch("+refs/*:refs/remotes/origin/*")
        if not self._has(commit):
            raise Problem(f"{self._url} does not give the commit {commit} (version {version!r}): {self._last_error}")

    def check_out(self, commit: str, directory: Path) -> None:
        """Write the files of the commit into an empty directory. No hook and no filter of the repository is run."""
        index = directory.with_name(f"{directory.name}.index")
        environment = {"GIT_INDEX_FILE": str(index), "GIT_DIR": str(self._path), "GIT_WORK_TREE": str(directory)}
        try:
            self._git("-c", "core.hooksPath=/dev/null", "read-tree", commit, what="read the commit", environment=environment)
            self._git("checkout-index", "--all", "--force", what="write the commit", environment=environment, cwd=directory)
        finally:
            index.unlink(missing_ok=True)

    _last_error = ""

    def _has(self, commit: str) -> bool:
        return self._run("cat-file", "-e", f"{commit}^{{tree}}").returncode == 0

    def _try_fetch(self, refspec: str, *options: str) -> None:
        result = self._run("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *options, self._url, refspec)
        self._last_error = result.stderr.strip()

    def _run(self, *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, **_ENVIRONMENT, "GIT_DIR": str(self._path), **(environment or {})}
        return subprocess.run(["git", *arguments], capture_output=True, text=True, errors="replace", check=False, env=variables, cwd=cwd)

    def _git(self, *arguments: str, what: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        result = self._run(*arguments, environment=environment, cwd=cwd)
        if result.returncode != 0:
            raise Problem(f"git could not {what}: {result.stderr.strip()}")
        return result.stdout


def choose_commit(listing: str, version: str) -> str | None:
    """Return the commit that `version` names in the output of git ls-remote: a branch before a tag, a tag's commit before the tag."""
    commits = {name: commit for commit, _, name in (line.partition("\t") for line in listing.splitlines())}
    wanted = (version, f"refs/heads/{version}", f"refs/tags/{version}^{{}}", f"refs/tags/{version}")
    return next((commits[name] for name in wanted if name in commits), None)
