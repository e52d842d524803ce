# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Get hold of a repository: a directory of this computer, or a clone that does not stay."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._source.git import configure_header, split_credentials
from ansible_collections.webstack.flask.plugins.plugin_utils._describe.description import Origin

_URL = re.compile(r"(?:https?|ssh|git|file|git\+ssh)://\S+|[^\s/:@-][^\s/:@]*@[^\s/:]+:\S+")
_TIMEOUT = 600
_LARGEST_FILE = 4 << 20
"""Blocks of 512 bytes of the largest file that git may write."""

_SETTINGS = (
    # No hook and no filter runs, and no program of the repository's choice.
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"),
    *("-c", "filter.lfs.smudge=", "-c", "filter.lfs.process=", "-c", "filter.lfs.required=false"),
)
_VERSION = re.compile(r"(?!-)[\w./+-]+")


def is_url(source: str) -> bool:
    """Return whether a source is a repository elsewhere."""
    return _URL.fullmatch(source) is not None


def origin_of_directory(path: Path) -> Origin:
    """Return what an entry says of a directory of this computer."""
    return Origin(
        {"path": str(path)}, path.name, "the directory on this computer that was read; `git: URL` in its place takes a repository"
    )


def clone(url: str, version: str, into: Path) -> Origin:
    """Clone the newest commit of a repository, and return what an entry says of it. Nothing in it is run; submodules are left out."""
    if version and not _VERSION.fullmatch(version):
        raise UserError(f"flask_version is {version!r}; it must be a branch or a tag")
    plain, header = split_credentials(url)
    branch = ["--branch", version] if version else []
    command = [
        "git",
        *_SETTINGS,
        "clone",
        "--quiet",
        "--depth=1",
        "--template=",
        "--no-recurse-submodules",
        *branch,
        "--",
        plain,
        str(into),
    ]
    _run(command, configure_header(plain, header), plain)
    found = version or _run(["git", *_SETTINGS, "-C", str(into), "symbolic-ref", "--short", "HEAD"], {}, plain).strip()
    name = re.sub(r"(?:\.git)?/*$", "", plain).replace(":", "/").rpartition("/")[2]
    source = {"git": url, "version": found}
    return Origin(source, name, f"the repository that was read, and its {'version' if version else 'default branch'}")


def _run(command: list[str], variables: dict[str, str], url: str) -> str:
    # What git passes to hooks, one of which may run Ansible, means another repository.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key.startswith(("GIT_SSH", "GIT_SSL"))}
    own = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C.UTF-8"}
    bounded = ["sh", "-c", f'ulimit -f {_LARGEST_FILE}; exec "$@"', "sh", *command]
    try:
        ended = subprocess.run(
            bounded, env={**inherited, **own, **variables}, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{escape(url)} was not there after {_TIMEOUT} seconds") from error
    if ended.returncode:
        lines = os.fsdecode(ended.stderr).strip().splitlines()[-3:] or [f"git ended with {ended.returncode}"]
        raise UserError(f"{escape(url)} cannot be cloned: {escape('; '.join(line[:300] for line in lines))}")
    return os.fsdecode(ended.stdout)
