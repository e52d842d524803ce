# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source from a git repository: find the commit of a version, and check it out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from threading import Timer
from typing import IO
from urllib.parse import unquote, urljoin

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.commands import Ended, TimedOut, run
from ansible_collections.webstack.flask.plugins.module_utils._source.bounds import Room
from ansible_collections.webstack.flask.plugins.module_utils._source.lfs import describe_pointers, find_pointers

_TIMEOUT: float = 600
"""Timeout of git, in seconds: a server that accepts the connection and never answers must not block an app forever."""

MOST_SUBMODULES, MOST_NESTED = 200, 10
"""Submodules of one source, nested ones included, and how deep they may be nested."""

_LARGEST_FILE = 4 << 30
"""Bytes of a file that git may write: a pack that it fetches, or a file of the source."""

_MOST_SAID, _MOST_LINES, _LONGEST_LINE, _LARGEST_SETTINGS = 1 << 20, 20, 500, 1 << 20
"""Bytes of a listing; lines and characters of one in a message, which is the server's; bytes of .gitmodules."""

_LONGEST_ENTRY = 8192
"""Bytes of an entry of a tree: Linux has no longer path than 4096."""

_CHUNK = 1 << 16

_SETTINGS = ("-c", "core.hooksPath=/dev/null", "-c", "fetch.unpackLimit=1")
"""No hook is run. Objects arrive as one pack whatever their number, so that a fetch is complete or has no effect."""

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


_HINTS = {
    "Host key verification failed": (
        "the server's host key is not known. Compare what `ssh-keyscan HOST` prints with what its operator publishes, "
        "and put the lines into `source.known_hosts`"
    ),
    "invalid index-pack output": (
        f"what git was sent broke off. No more than {_LARGEST_FILE} bytes are fetched at once; leave large files out of the repository"
    ),
    "detected dubious ownership": (
        "the repository is another account's of this host, and git, which root runs here, does not trust it; settings of git such as "
        "safe.directory do not count. Ask for it as that account, `git: ssh://ACCOUNT@localhost/PATH` with `ssh_key` and `known_hosts`, "
        "or give it to root: `chown -R root: PATH`"
    ),
    "does not appear to be a git repository": (
        "there is no repository at that address, or the account may not see it: compare it with what `git ls-remote` takes elsewhere"
    ),
    "could not read Username": (
        "the server wants to know who asks, or does not have the repository: `git: "
        "https://USER:TOKEN@HOST/PATH` with a token from a vault, or "
        "ssh with `ssh_key`"
    ),
    "Authentication failed": "the server does not take the user and token in `source.git`; they may have expired",
    "server certificate verification failed": (
        "the certificate of the server is not trusted by the host: install the CA's certificate in /usr/local/share/ca-certificates there, "
        "and run `update-ca-certificates`"
    ),
    "Could not resolve host": "the host does not find the server's name; look at `source.git`, and at the host's DNS (`getent hosts NAME`)",
}
"""Advice for error messages of git and ssh."""

_UNTRUE = re.compile(r"To add an exception for this directory, call:|git config --global --add safe\.directory")
"""Advice of git's that cannot help here: its settings are not read."""

_DENIED = "Permission denied (publickey"

_SUBMODULE_URL = re.compile(r"(?:https?|git|ssh)://[^-].*|[^-:/]+@[^-:/][^:/]*:.*")
"""URLs that a submodule may have. A path would be one on this host, read by root."""


@dataclass(frozen=True)
class SshAccess:
    """The key and the host keys of ssh: files on the host, or None for those of root's own configuration."""

    key: Path | None = None
    known_hosts: Path | None = None
    agent: str | None = None
    """Socket of an ssh-agent."""

    asks_agent: bool = False
    """Whether the description asks for the keys of an agent."""

    def explain_denial(self) -> str:
        """Return what to do when the server takes none of the keys, given the option that was chosen."""
        if self.key:
            return (
                "the server does not take the key in `source.ssh_key`, which ssh can read and has offered: add its public half to the "
                "repository as a deploy key (`ssh-keygen -y -f KEY` prints it), and look at the user in `source.git` (`git@HOST:PATH`)"
            )
        if self.asks_agent and self.agent:
            return "the server takes no key of the agent that `source.ssh_agent` asks for; `ssh-add -l` lists what is in it"
        if self.asks_agent:
            return (
                "`source.ssh_agent` is true, and no agent reaches the host: start one, add the key (`ssh-add`), and forward it "
                "(`ansible_ssh_extra_args: -o ForwardAgent=yes`). A connection that Ansible keeps open from before does not forward it: "
                "wait a minute, or end it by `ssh -O exit`"
            )
        return (
            "no key was offered but root's own, if the host has any; give the server a deploy key, and its private half as "
            "`source.ssh_key`, or set `source.ssh_agent: true`"
        )

    def variables(self) -> dict[str, str]:
        """Return the environment variables that make git use them. ssh never prompts, and refuses unknown hosts."""
        options = ["BatchMode=yes", "StrictHostKeyChecking=yes"]
        if self.key:
            options += [f"IdentityFile={self.key}", "IdentitiesOnly=yes", "IdentityAgent=none"]
        if self.known_hosts:
            options += [f"UserKnownHostsFile={self.known_hosts}", "GlobalKnownHostsFile=/dev/null"]
        command = {"GIT_SSH_COMMAND": " ".join(["ssh", *(f"-o {option}" for option in options)]), "GIT_SSH_VARIANT": "ssh"}
        return {**command, **({"SSH_AUTH_SOCK": self.agent} if self.agent else {})}


class Mirror:
    """A bare repository on the host, into which the wanted commits of the remote one are fetched."""

    def __init__(self, path: Path, url: str, ssh: SshAccess | None = None, reference: Path | None = None) -> None:
        """Use the mirror at `path` of the repository at `url`. Objects of the mirror `reference` are borrowed, not fetched again."""
        self._path = path
        self._given_url = url
        self._url, header = split_credentials(url)
        borrowed = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(reference / "objects")} if reference and reference.is_dir() else {}
        self._ssh = ssh or SshAccess()
        self._variables = {**self._ssh.variables(), **configure_header(self._url, header), **borrowed}
        self._shown_url = self._url
        self._last_error = ""

    def find_commit(self, version: str) -> str:
        """Resolve a branch, a tag, HEAD or a full commit to a commit.

        A full commit is itself; the remote is asked only for names.
        """
        if _FULL_COMMIT.fullmatch(version):
            return version
        result = self._run("ls-remote", "--", self._url, version, f"{version}^{{}}")
        if result.status != 0:
            raise UserError(
                f"git could not read {self._shown_url}: {self._clean(result.errors)}\n"
                f"Only the remote knows which commit {version!r} is. A full commit as the version is not asked for when the host has it."
            )
        commit = choose_commit(self._whole(result, "ls-remote"), version)
        if commit is None:
            raise UserError(f"{self._shown_url} has no branch or tag {version!r} ({describe_missing(version)})")
        return commit

    def fetch(self, commit: str) -> None:
        """Fetch the commit into the mirror, unless it is there already."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_leftovers()
        self._git("init", "--quiet", "--bare", str(self._path), what="make a mirror")
        if self._has(commit):
            return
        self._try_fetch(commit, "--depth=1")
        if not self._has(commit):  # the server gives nothing but branches and tags, each with all its history
            self._try_fetch("+refs/*:refs/remotes/origin/*", *(["--unshallow"] if (self._path / "shallow").exists() else []))
        if not self._has(commit):
            raise UserError(f"{self._shown_url} does not give the commit {commit}: {self._last_error or 'it does not have it'}")

    def check_out(self, commit: str, directory: Path, room: Room, *, above: int = 0, lfs: bool = False) -> dict[str, str]:
        """Write the files of the commit into an empty directory, which lies `above` levels down in the source.

        Raise UserError, with nothing written, if there is no room for them. No hook and no filter of the repository is run.
        With `lfs` the files that are pointers of Git LFS are replaced by their content. Return the commits of other repositories to which
        it links, by their paths.
        """
        links = self._measure(commit, room, above)
        self._remove_leftovers()
        environment = {"GIT_INDEX_FILE": str(self._path / _INDEX), "GIT_WORK_TREE": str(directory)}
        self._git("read-tree", commit, what="read the commit", environment=environment)
        self._git("checkout-index", "--all", "--force", what="write the commit", environment=environment, cwd=directory)
        if lfs and (pointers := find_pointers(directory)):
            self._replace_pointers(pointers, directory, room, environment)
        return links

    def _replace_pointers(self, pointers: Mapping[str, int], directory: Path, room: Room, environment: Mapping[str, str]) -> None:
        """Write the content of files in Git LFS, which git-lfs fetches from where the repository comes from."""
        if shutil.which("git-lfs") is None:
            advice = "git-lfs, which fetches their content, is not on the host; ask for it with `source.lfs: true`, and run site.yml"
            raise UserError(describe_pointers(pointers, f"the commit of {self._shown_url}", advice))
        for size in pointers.values():
            room.content.take(size)
        self._require_lfs_server(directory)
        settings = {"filter.lfs.smudge": "git-lfs smudge -- %f", "filter.lfs.required": "true", "remote.origin.url": self._url}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with tempfile.TemporaryFile() as names:
            names.write(os.fsencode("".join(f"{path}\0" for path in pointers)))
            names.seek(0)
            written = self._run(
                *(*options, "checkout-index", "--force", "-z", "--stdin"), environment=dict(environment), cwd=directory, stdin=names
            )
        left = find_pointers(directory)
        if written.status or left:
            raise UserError(
                describe_pointers(
                    left or pointers,
                    f"the commit of {self._shown_url}",
                    f"git-lfs could not fetch their content: {self._clean(written.errors)}",
                )
            )

    def _require_lfs_server(self, directory: Path) -> None:
        """Raise UserError if the repository sends git-lfs to a place from which root must not read."""
        file = directory / ".lfsconfig"
        if file.is_symlink():
            raise UserError(".lfsconfig is a link; git-lfs would follow it, so commit the file itself")
        if not file.is_file():
            return
        listing = self._git("config", "--file", str(file), "--null", "--list", what="read .lfsconfig")
        for key, _newline, value in (entry.partition("\n") for entry in listing.split("\0")):
            if key.endswith("url") and not _SUBMODULE_URL.fullmatch(value):
                raise UserError(f".lfsconfig says {key} = {value}; the content of Git LFS must come from a server by https or ssh")

    def _measure(self, commit: str, room: Room, above: int) -> dict[str, str]:
        """Count what the commit holds, and no further than there is room: a small repository can hold the same directory without end."""
        links: dict[str, str] = {}
        command = ["git", "ls-tree", "-r", "-t", "-l", "-z", "--full-tree", commit]
        with subprocess.Popen(
            command, env=self._environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            watch = Timer(_TIMEOUT, process.kill)
            watch.start()
            try:
                for entry in _split(process.stdout):
                    kind, identifier, size, path = parse_entry(entry)
                    room.enter(PurePosixPath(path), above=above)
                    room.content.take(size)
                    if kind == "commit":
                        links[path] = identifier
                status = process.wait()
            finally:
                watch.cancel()
                process.kill()
        if status != 0:
            raise UserError(f"git could not list the commit {commit} of {self._shown_url} (status {status})")
        return links

    def find_submodules(self, links: Mapping[str, str], directory: Path) -> list[Submodule]:
        """Return the submodules of a commit that was checked out and has these links, those of submodules not included."""
        file = directory / ".gitmodules"
        has_names = file.is_file() and not file.is_symlink()
        if has_names and file.stat().st_size > _LARGEST_SETTINGS:
            raise UserError(f".gitmodules has more than {_LARGEST_SETTINGS} bytes")
        listing = self._git("config", "--file", str(file), "--null", "--list", what="read .gitmodules") if has_names else ""
        return choose_submodules(parse_settings(listing), links, self._given_url)

    def _remove_leftovers(self) -> None:
        """Remove what an interrupted run has left, such as locks that would block git forever. Nobody else uses the mirror now."""
        for path in (self._path / _INDEX, *self._path.rglob("*.lock"), *self._path.glob("objects/pack/tmp_*")):
            path.unlink(missing_ok=True)

    def _has(self, commit: str) -> bool:
        return self._run("cat-file", "-e", f"{commit}^{{tree}}").status == 0

    def _try_fetch(self, refspec: str, *options: str) -> None:
        result = self._run("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *options, "--", self._url, refspec)
        self._last_error = self._clean(result.errors) or self._last_error

    def _environment(self) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if key not in _OF_ANOTHER_REPOSITORY}
        return {**inherited, **_ENVIRONMENT, **self._variables, "GIT_DIR": str(self._path)}

    def _run(
        self, *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None, stdin: IO[bytes] | None = None
    ) -> Ended:
        command = ["prlimit", f"--fsize={_LARGEST_FILE}", "git", *_SETTINGS, *arguments]
        try:
            return run(command, timeout=_TIMEOUT, most=_MOST_SAID, cwd=cwd, stdin=stdin, env={**self._environment(), **(environment or {})})
        except TimedOut:
            raise UserError(f"{self._shown_url}: `git {arguments[0]}` took more than {_TIMEOUT:g} s and was stopped") from None

    def _git(self, *arguments: str, what: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        result = self._run(*arguments, environment=environment, cwd=cwd)
        if result.status != 0:
            raise UserError(f"git could not {what}: {self._clean(result.errors)}")
        return self._whole(result, arguments[0])

    def _whole(self, result: Ended, command: str) -> str:
        if result.cut:
            raise UserError(f"{self._shown_url}: `git {command}` says more than {_MOST_SAID} bytes, of which none can be left out")
        return result.output

    def _clean(self, message: str) -> str:
        """Return the last output of git and the server, with advice."""
        known = {**_HINTS, _DENIED: self._ssh.explain_denial()}
        hints = [f"Hint: {hint}." for sign, hint in known.items() if sign in message]
        lines = message.strip().replace(self._given_url, self._shown_url).splitlines()
        shown = [
            line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…" for line in lines[-_MOST_LINES:] if not _UNTRUE.search(line)
        ]
        return "\n".join([*(["…"] if len(lines) > len(shown) else []), *shown, *hints])


def _split(stream: IO[bytes] | None) -> Iterator[bytes]:
    """Yield the entries of a listing, each of which ends with a zero byte; raise UserError for one that is too long."""
    rest = b""
    while stream and (piece := stream.read1(_CHUNK)):  # type: ignore[attr-defined]
        *entries, rest = (rest + piece).split(b"\0")
        yield from entries
        if len(rest) > _LONGEST_ENTRY:
            raise UserError("the repository holds a path that is longer than Linux allows")


def parse_entry(entry: bytes) -> tuple[str, str, int, str]:
    """Return the kind, the identifier, the size in bytes and the path of an entry that `git ls-tree -l -z` lists."""
    meta, _tab, path = entry.partition(b"\t")
    _mode, kind, identifier, size = meta.decode().split()
    return kind, identifier, int(size) if size.isdigit() else 0, os.fsdecode(path)


def describe_missing(version: str) -> str:
    """Return the advice for a version that is neither a branch nor a tag."""
    if re.fullmatch(r"[0-9a-f]{4,39}", version):
        return f"no remote can be asked for an abbreviated commit: give all 40 characters, as `git rev-parse {version}` prints them"
    return "for a commit, give all 40 characters"


def choose_commit(listing: str, version: str) -> str | None:
    """Return the commit that `version` names in the output of git ls-remote: a branch before a tag, a tag's commit before the tag."""
    commits = {name: commit for commit, _tab, name in (line.partition("\t") for line in listing.splitlines())}
    wanted = (version, f"refs/heads/{version}", f"refs/tags/{version}^{{}}", f"refs/tags/{version}")
    return next((commits[name] for name in wanted if name in commits), None)


@dataclass(frozen=True)
class Submodule:
    """A submodule: its path, its URL and its commit."""

    path: str
    url: str
    commit: str


def split_credentials(url: str) -> tuple[str, str | None]:
    """Return a URL without user and password, and the HTTP header that says them.

    In a URL they would be seen by everybody on the host while git runs: in the arguments of its helper.
    """
    match = re.fullmatch(r"(https?://)([^/]*)@(.*)", url, re.DOTALL | re.IGNORECASE)
    if match is None:
        return url, None
    user, _colon, password = match[2].partition(":")
    said = b64encode(f"{unquote(user)}:{unquote(password)}".encode()).decode()
    return match[1] + match[3], f"Authorization: Basic {said}"


def configure_header(url: str, header: str | None, number: int = 0) -> dict[str, str]:
    """Return the environment variables by which git sends a header to a server and to no other, after `number` other settings."""
    if header is None:
        return {}
    server = re.match(r"https?://[^/]+/?", url, re.IGNORECASE)
    key = f"http.{server[0] if server else url}.extraHeader"
    return {"GIT_CONFIG_COUNT": str(number + 1), f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": header}


def parse_settings(listing: str) -> dict[str, dict[str, str]]:
    """Return the settings of each submodule, by its name, from the output of `git config --null --list` for .gitmodules."""
    settings: dict[str, dict[str, str]] = {}
    for entry in listing.split("\0"):
        key, _newline, value = entry.partition("\n")
        section, _dot, name = key.partition(".")
        if section == "submodule":
            name, _dot, setting = name.rpartition(".")
            settings.setdefault(name, {})[setting] = value
    return settings


def choose_submodules(settings: Mapping[str, Mapping[str, str]], links: Mapping[str, str], parent: str) -> list[Submodule]:
    """Return the submodules to fetch; raise UserError for one from which root must not read."""
    found = []
    unknown = set(links) - {setting.get("path", "") for setting in settings.values()}
    if unknown:
        raise UserError(f"the repository links to a submodule at {', '.join(sorted(unknown))} that .gitmodules does not name")
    for name, setting in sorted(settings.items()):
        path, url = setting.get("path", ""), setting.get("url", "")
        if path not in links:
            continue
        relative = url.startswith(("./", "../"))
        absolute = resolve_submodule_url(parent, url) if relative else url
        if not relative and not _SUBMODULE_URL.fullmatch(url):
            raise UserError(f"the submodule {name} comes from {url!r}; it must come from a server by https, ssh or git, or be relative")
        found.append(Submodule(path, absolute, links[path]))
    return found


def resolve_submodule_url(parent: str, relative: str) -> str:
    """Return the URL that a relative one stands for: relative to the repository itself, as in gitmodules(5)."""
    if re.match(r"[a-z+]+://", parent):
        scheme, _slashes, rest = parent.partition("://")
        host, slash, path = rest.partition("/")
        return f"{scheme}://{host}{slash}{urljoin(f'/{path}/'.replace('//', '/'), relative).lstrip('/')}"
    host, colon, path = parent.partition(":")
    if colon and "/" not in host:
        return f"{host}:{urljoin(f'/{path}/'.replace('//', '/'), relative).lstrip('/')}"
    return urljoin(f"{parent}/".replace("//", "/"), relative)
