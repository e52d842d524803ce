# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finish a build: commands make further files of it, in a copy, as the build user, with the environment of the app; root copies the result.

The build user sees the copies of both in their final places, because packages and tools write such paths down; of the app's other builds,
of its data, and of the variables of its releases that user sees nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.webstack.flask.plugins.module_utils._encoding import decode
from ansible_collections.webstack.flask.plugins.module_utils._environment.credentials import redact
from ansible_collections.webstack.flask.plugins.module_utils._environment.workspace import end_builds, keep_output
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.accounts import ensure_group, ensure_user, find_group, find_user
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, sync_directory, sync_filesystem
from ansible_collections.webstack.flask.plugins.module_utils._host.trees import copy_tree, remove_tree
from ansible_collections.webstack.flask.plugins.module_utils._layout import AppLayout
from ansible_collections.webstack.flask.plugins.module_utils._source.builds import check_links, open_to_others
from ansible_collections.webstack.flask.plugins.module_utils._source.contents import Places, require_places
from ansible_collections.webstack.flask.plugins.module_utils._source.shared_data import find_link_target
from ansible_collections.webstack.flask.plugins.module_utils._systemd import sandbox

_NETWORK = {
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT"),
}
"""Variables of an installation that commands get, too: how the network is reached. What opens an index is a secret."""

_OUTPUT_LINES = 40
_LEAST_SECRET = 6
"""Last lines of a command that a message shows; characters of a variable's value that is taken out of them."""

_NOT_FOUND = 127

_CERTIFICATE = (
    "the certificate of a server is of a CA that is not known: trust it on the machine, or name its file in "
    "`dependencies: {environment: {NODE_EXTRA_CA_CERTS: PATH}}`"
)
_AWAY = (
    "the registry of npm cannot be reached: name a proxy in `dependencies: {environment: {HTTPS_PROXY: URL}}`, or another registry in "
    "`build_env: {npm_config_registry: URL}`"
)
_UNKNOWN_USER = (
    "the registry wants a token: let the .npmrc of the source say `//HOST/:_authToken=${NPM_TOKEN}`, and give it in "
    "`build_env: {NPM_TOKEN: ...}`"
)
_LOCK = "`npm ci` installs what the lock says: commit a package-lock.json that fits package.json, by `npm install`"
_MEMORY = "Node.js takes no more memory than it is told to: `build_env: {NODE_OPTIONS: --max-old-space-size=2048}`, in MiB"
_OF_NPM = (
    (r"UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)|(?:SELF_SIGNED|DEPTH_ZERO_SELF_SIGNED)_CERT", _CERTIFICATE),
    (r"code (?:ECONNREFUSED|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|ENETUNREACH)\b", _AWAY),
    (r"code E40[13]\b", _UNKNOWN_USER),
    (r"code EUSAGE\b", _LOCK),
    (r"JavaScript heap out of memory", _MEMORY),
)
"""What npm and Node.js say that is no fault of the source, and what helps."""


@dataclass(frozen=True)
class BuildStep:
    """What is to be done to a build, and what it must have then: directories, and the links to shared data."""

    commands: Sequence[str]
    variables: Mapping[str, str]
    chdir: str
    python_path: Sequence[str]
    places: Places
    shared: Sequence[str]
    public: Sequence[str]

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> BuildStep:
        """Return the step that the module's option describes."""
        lists = {key: described[key] for key in ("commands", "python_path", "shared", "public")}
        return cls(variables=decode(described["variables"]), chdir=described["chdir"], places=described["places"], **lists)


def finish_build(layout: AppLayout, identifier: str, environment: Path, step: BuildStep, given: Mapping[str, str], timeout: float) -> None:
    """Make a build from an open one; raise UserError, leaving the open one as it is, if a command fails.

    `given` are the variables of the installation; `timeout` is in seconds, and for each command.
    """
    final = layout.build(identifier)
    end_builds(layout)
    try:
        uid, gid = _prepare(layout, identifier, environment)
        for command in step.commands:
            _run(layout, final, environment, step, command, given, timeout, (uid, gid))
        end_builds(layout)
        _take_over(layout, identifier, step)
    finally:
        end_builds(layout)
        remove_tree(layout.work)
    open_to_others(final, step.public)


def _prepare(layout: AppLayout, identifier: str, environment: Path) -> tuple[int, int]:
    """Make the copies that the build user may write to; return the numbers of that user and its group."""
    ensure_group(layout.build_user)
    ensure_user(layout.build_user, group=layout.build_user, home="/nonexistent", comment=layout.build_comment)
    user = find_user(layout.build_user)
    if user is None:
        raise UserError(f"the user {layout.build_user} could not be made")
    remove_tree(layout.work)
    ensure_directory(layout.cache.parent, Access(0, 0, 0o755))
    for path in (layout.cache, layout.work):
        ensure_directory(path, Access(0, 0, 0o711))
    for name in ("home", "tmp"):
        ensure_directory(layout.work / name, Access(user.pw_uid, user.pw_gid, 0o700))
    for source, name in ((layout.open_build(identifier), "project"), (environment, "environment")):
        target = layout.work / name
        copy_tree(source, target, uid=user.pw_uid, gid=user.pw_gid, directory_mode=0o700, file_mode=0o600, program_mode=0o700)
    return user.pw_uid, user.pw_gid


def _run(
    layout: AppLayout,
    final: Path,
    environment: Path,
    step: BuildStep,
    command: str,
    given: Mapping[str, str],
    timeout: float,
    account: tuple[int, int],
) -> None:
    outcome = sandbox.run(
        layout.build_unit,
        ["/bin/sh", "-c", command],
        description=f"makes files of a build of {layout.name}",
        properties=list_properties(layout, final, environment, step.chdir, account),
        variables=list_variables(layout, final, environment, step, given),
        timeout=timeout,
    )
    if outcome.status == 0:
        return
    reason = f"took more than {timeout:g} s and was stopped" if outcome.late else f"failed with exit status {outcome.status}"
    secrets = {value for value in step.variables.values() if len(value) >= _LEAST_SECRET} - {step.variables.get("FLASK_APP")}
    said = redact(outcome.said, frozenset(filter(None, secrets)))
    lines = [f"  {line}" for line in said.splitlines()[-_OUTPUT_LINES:] or ["(nothing)"]]
    whole = keep_output(layout, said) if len(said.splitlines()) > _OUTPUT_LINES else ""
    hints = "".join(f"\nHint: {hint}." for hint in list_hints(outcome.status, said, step))
    raise UserError("\n".join([f"the build command `{command}` {reason}. Its output:", *lines]) + whole + hints)


def list_hints(status: int, said: str, step: BuildStep) -> list[str]:
    """Return what helps against the commonest ends of a build command."""
    if status == _NOT_FOUND and "not found" in said:
        return ["name the Debian package that brings the program, such as `dependencies: {build_packages: [npm]}`, and run site.yml"]
    for path in step.shared:
        if f"/{path}" in said and any(sign in said for sign in ("Permission denied", "No such file", "FileExistsError", "Errno")):
            return [f"{path!r} is in `shared`, which holds data of the app, and no file of a build: take one of the two out"]
    if "KeyError" in said or "SECRET_KEY" in said:
        return ["a build command gets no variable of `env`; name those that it needs in `build_env`"]
    return [hint for pattern, hint in _OF_NPM if re.search(pattern, said)][:1]


def list_properties(layout: AppLayout, final: Path, environment: Path, chdir: str, account: tuple[int, int]) -> list[str]:
    """Return the lines that describe the unit of a command."""
    properties = {
        **sandbox.FENCES,
        **sandbox.LIMITS,
        # Node.js asks /proc how many processors there are: npm fails without an answer. Other processes stay hidden.
        "ProcSubset": "all",
        "User": str(account[0]),
        "Group": str(account[1]),
        "WorkingDirectory": str(final / chdir),
        "InaccessiblePaths": f"-/run/dbus -{layout.shared} -{layout.releases}",
        "KillSignal": "SIGKILL",
        "ReadWritePaths": str(layout.work),
        # The place of the build, which does not exist yet, is made in a directory in memory.
        "TemporaryFileSystem": f"{layout.builds}:ro",
        "BindPaths": f"{layout.work / 'project'}:{final} {layout.work / 'environment'}:{environment}",
    }
    return [f"{name}={value}" for name, value in properties.items()]


def list_variables(layout: AppLayout, final: Path, environment: Path, step: BuildStep, given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a command: what programs need, how the network is reached, and those that are named for it."""
    path = {"PYTHONPATH": ":".join(str(final / name) for name in step.python_path)} if step.python_path else {}
    return {
        "PATH": f"{environment}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(layout.work / "home"),
        "TMPDIR": str(layout.work / "tmp"),
        "VIRTUAL_ENV": str(environment),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "CI": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "FLASK_SKIP_DOTENV": "1",
        "WEBSTACK_FLASK_APP": layout.name,
        **path,
        **{name: value for name, value in given.items() if name in _NETWORK},
        **step.variables,
    }


def _take_over(layout: AppLayout, identifier: str, step: BuildStep) -> None:
    """Put a copy of what the build user has written into the place of the build, as root's."""
    final, group = layout.build(identifier), find_group(layout.name)
    if group is None:
        raise UserError(f"the group {layout.name} does not exist")
    partial = layout.builds / f".partial-{identifier}"
    remove_tree(partial)
    try:
        source = layout.work / "project"
        copy_tree(source, partial, uid=0, gid=group, directory_mode=0o751, file_mode=0o640, program_mode=0o750)
        require_finished(partial, step)
        sync_filesystem(partial)
        os.replace(partial, final)
    finally:
        remove_tree(partial)
    sync_directory(layout.builds)
    remove_tree(layout.open_build(identifier))


def require_finished(build: Path, step: BuildStep) -> None:
    """Raise UserError unless a build that commands have changed is one: its links stay in it, but for those to shared data."""
    for path in step.shared:
        if not os.path.islink(build / path) or os.readlink(build / path) != find_link_target(path):
            raise UserError(f"`build_commands` have replaced {path!r}, which is in `shared`: data of the app, and no file of a build")
    try:
        check_links(build, step.shared)
    except UserError as problem:
        raise UserError(f"after `build_commands`, {problem}") from None
    require_places(build, step.places, step.shared, {}, commands=True)
