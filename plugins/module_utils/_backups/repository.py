# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository of backups, by restic(1): what it is asked, and what its errors mean."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import IO, Any, cast

from ansible_collections.webstack.flask.plugins.module_utils._backups.settings import Settings, cache_directory
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, ensure_directory, require_closed_way
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

RESTIC = "/usr/bin/restic"
TAG = "webstack.flask"

_LINES = 6
_MOST_SAID = 256 << 20
_PIECE = 1 << 20
_OPENING = 120
"""Seconds for a repository that answers. Of one that does not, restic asks some stores for a quarter of an hour."""

_LOCK_PATIENCE = 1800
_LOCK_PAUSE = 15
_NO_REPOSITORY, _LOCKED, _WRONG_PASSWORD = 10, 11, 12
"""Exit statuses of restic 0.17 and later."""


class Problem(Enum):
    """What an error of restic is about."""

    NO_REPOSITORY = auto()
    WRONG_PASSWORD = auto()
    LOCKED = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Snapshot:
    """A backup in a repository."""

    id: str
    at: float
    host: str

    @property
    def short(self) -> str:
        """The beginning of its name, as people write it."""
        return self.id[:8]


class Failed(UserError):
    """Restic has failed."""

    def __init__(self, problem: Problem, message: str) -> None:
        """Keep what it is about."""
        super().__init__(message)
        self.problem = problem


def find_problem(status: int, said: str) -> Problem:
    """Return what an error of restic is about, by its exit status, or by what it has said where that tells nothing.

    Before restic 0.17 the status is always 1. `Is there a repository at the following location?` it says then of servers that cannot be
    reached as well.
    """
    if status == _WRONG_PASSWORD or "wrong password or no key found" in said:
        return Problem.WRONG_PASSWORD
    if status == _LOCKED or "repository is already locked" in said:
        return Problem.LOCKED
    missing = ("no such file or directory", "file does not exist", "key does not exist", "404 Not Found")
    if status == _NO_REPOSITORY or ("unable to open config file" in said and any(words in said for words in missing)):
        return Problem.NO_REPOSITORY
    return Problem.OTHER


def parse_snapshots(text: str, app: str) -> list[Snapshot]:
    """Return the backups of an app in what `restic snapshots --json` says, the oldest first."""
    found = [
        Snapshot(told["id"], parse_time(told["time"]), told["hostname"])
        for told in json.loads(text or "[]") or []
        if {TAG, app} <= set(told.get("tags") or [])
    ]
    return sorted(found, key=lambda snapshot: snapshot.at)


def parse_time(text: str) -> float:
    """Return a moment as restic writes it, to the nanosecond, in seconds since the epoch."""
    return datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00")).timestamp()


class Repository:
    """The repository of one app's backups."""

    def __init__(self, settings: Settings, host: str | None = None) -> None:
        """Keep whose, and as which host they are made."""
        self.settings = settings
        self.host = host or socket.gethostname()

    @property
    def environment(self) -> dict[str, str]:
        """What restic finds in its environment. Secrets are nowhere else."""
        return {
            **self.settings.env,
            "PATH": "/usr/bin:/bin",
            "HOME": "/root",
            "LC_ALL": "C.UTF-8",
            "RESTIC_REPOSITORY": self.settings.to,
            "RESTIC_PASSWORD": self.settings.password,
            "RESTIC_CACHE_DIR": str(cache_directory(self.settings.name)),
        }

    def look(self, *, was_there: bool) -> bool:
        """Return whether there is a repository; raise UserError where it cannot be opened, has gone, or could not be made."""
        if self.settings.directory:
            require_closed_way(self.settings.directory)
        try:
            self.run("cat", "config", "--no-lock", timeout=_OPENING)
        except Failed as failure:
            if failure.problem is not Problem.NO_REPOSITORY or was_there:
                raise
        else:
            return True
        if self.settings.directory:
            _require_place(self.settings.directory)
        return False

    def open_or_make(self, *, was_there: bool) -> bool:
        """See that the repository can be opened; make it where there is none, and never was. Return whether it was made."""
        if self.look(was_there=was_there):
            return False
        self.run("init", timeout=_OPENING)
        return True

    def unlock(self) -> None:
        """Take away the locks of processes that are dead, or have not renewed theirs for half an hour; those of others stay."""
        self.run("unlock", timeout=300)

    def list_snapshots(self) -> list[Snapshot]:
        """Return the backups of the app, of whichever host, the oldest first."""
        return parse_snapshots(self.run("snapshots", "--json", "--no-lock", timeout=600).output, self.settings.name)

    def find(self, wanted: str) -> Snapshot:
        """Return the backup whose name begins with some letters, or the `latest`; raise UserError where there is none."""
        snapshots = self.list_snapshots()
        found = snapshots[-1:] if wanted == "latest" else [each for each in snapshots if len(wanted) >= 4 and each.id.startswith(wanted)]
        if len(found) != 1:
            known = ", ".join(each.short for each in snapshots[-5:]) or "none"
            raise UserError(f"there is no backup {wanted!r} of {self.settings.name}; the last are {known}, and `latest` is the newest")
        return found[0]

    def read_digest(self, snapshot: str, path: str, *, timeout: float) -> str:
        """Return the SHA-256 digest of a file as the repository has it."""
        digest = hashlib.sha256()
        with self._dump(snapshot, path, timeout) as output:
            while piece := output.read(_PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def read_text(self, snapshot: str, path: str, *, timeout: float) -> str:
        """Return the text of a small file as the repository has it."""
        with self._dump(snapshot, path, timeout) as output:
            return output.read(_MOST_SAID).decode(errors="replace")

    def _dump(self, snapshot: str, path: str, timeout: float) -> _Dump:
        return _Dump(self, ["dump", snapshot, path], timeout)

    def restore(self, snapshot: str, target: Path, *, include: str | None = None, timeout: float) -> None:
        """Restore a backup below a directory of root's."""
        only = ["--include", include] if include else []
        self.run("restore", snapshot, "--target", str(target), *only, timeout=timeout)

    def forget(self) -> None:
        """Take away the backups of this host that are no longer to be kept, and what nothing needs any more."""
        keep = [f"--keep-{period}={number}" for period, number in self.settings.keep.items() if number]
        filters = ["--host", self.host, "--tag", f"{TAG},{self.settings.name}", "--group-by", "host,tags"]
        self.run("forget", *filters, *keep, "--prune", timeout=self.settings.timeout)

    def check(self, part: str) -> None:
        """See that all of the repository is there, and that one part of its data, such as 1/4, is as it was written."""
        self.run("check", f"--read-data-subset={part}", timeout=self.settings.timeout)

    def run(self, *arguments: str, timeout: float) -> commands.Ended:
        """Run restic; raise Failed with what it has said. One that waits for a lock of another host waits for a while."""
        ensure_directory(cache_directory(self.settings.name), Access(0, 0, 0o700))
        deadline = time.monotonic() + _LOCK_PATIENCE
        while True:
            try:
                ended = commands.run(
                    [RESTIC, "--quiet", *arguments] if arguments[0] != "snapshots" else [RESTIC, *arguments],
                    timeout=timeout,
                    most=_MOST_SAID if arguments[0] == "snapshots" else commands.MOST_KEPT,
                    cwd=Path("/"),
                    env=self.environment,
                )
            except commands.TimedOut:
                raise Failed(Problem.OTHER, f"restic {arguments[0]} took more than {timeout:g} s and was stopped") from None
            except FileNotFoundError:
                raise Failed(Problem.OTHER, "restic, which makes the backups, is not installed; run site.yml, which installs it") from None
            if ended.status == 0:
                return ended
            if find_problem(ended.status, ended.errors) is not Problem.LOCKED or time.monotonic() > deadline:
                raise self.failure(arguments[0], ended.status, ended.errors)
            time.sleep(_LOCK_PAUSE)

    def failure(self, command: str, status: int, said: str) -> Failed:
        """Return the error that a run of restic has ended with, in words that help."""
        to, problem = self.settings.redact(self.settings.to), find_problem(status, said)
        words = self.settings.redact("; ".join(find_last_words(said, _LINES))) or f"exit status {status}"
        message = {
            Problem.WRONG_PASSWORD: (
                f"backup.password is not the password of the repository {to}. It is the one that was given when that was made; without it "
                "nobody reads what is in there. For new backups with another password choose another place"
            ),
            Problem.NO_REPOSITORY: (
                f"there is no repository at {to}. If it was there before, its disk may not be mounted, or it was moved or deleted: {words}"
            ),
            Problem.LOCKED: (
                f"the repository {to} was locked by another program for {_LOCK_PATIENCE // 60} minutes. If none uses it on any host, "
                f"`restic unlock` takes the lock away: {words}"
            ),
        }.get(problem, f"restic {command} has failed with the repository {to}: {words}")
        return Failed(problem, message)


class _Dump:
    """The content of a file, while it is read from the repository."""

    def __init__(self, repository: Repository, arguments: Sequence[str], timeout: float) -> None:
        self._repository, self._timeout = repository, timeout
        self._arguments = arguments
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the rest

    def __enter__(self) -> IO[bytes]:
        # The kernel's own timer: while it is read nobody looks at the clock.
        command = ["/usr/bin/timeout", f"{self._timeout:.0f}", RESTIC, "--quiet", *self._arguments]
        self._process = subprocess.Popen(
            command, cwd="/", env=self._repository.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors
        )
        return cast("IO[bytes]", self._process.stdout)

    def __exit__(self, kind: object, *_rest: object) -> None:
        if kind:
            self._process.kill()
        if self._process.stdout:
            self._process.stdout.close()
        status = self._process.wait()
        with self._errors as errors:
            errors.seek(0)
            said = errors.read(commands.MOST_KEPT).decode(errors="replace")
        if not kind and status:
            raise self._repository.failure("dump", status, said)


def _require_place(directory: Path) -> None:
    """Raise UserError where a repository is not to be made: others could exchange it, or there is something else."""
    if not directory.parent.is_dir():
        raise UserError(
            f"{directory.parent}, in which the repository {directory.name} is to be made, is not there; make it, or mount its disk"
        )
    if directory.is_dir() and set(os.listdir(directory)) - {"lost+found"}:
        raise UserError(f"{directory} holds something else than a repository of restic, and none is made there; choose an empty place")


def is_beside_data(directory: Path, data: Path) -> bool:
    """Return whether a repository lies on the disk on which the app's data lie, and is lost with it."""
    places = [next((each for each in (path, *path.parents) if each.exists()), Path("/")) for path in (directory, data)]
    return places[0].stat().st_dev == places[1].stat().st_dev


def find_unread(said: str) -> list[str]:
    """Return the paths that restic could not read, from what `restic backup --json` has said of errors."""
    paths = []
    for line in said.splitlines():
        try:
            told: Mapping[str, Any] = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("message_type") == "error" and told.get("during") != "scan":
            paths.append(str(told.get("item", "")))
    return list(dict.fromkeys(paths))


def find_summary(said: str) -> dict[str, Any] | None:
    """Return the summary in what `restic backup --json` has said, None where it has not come to one."""
    for line in reversed(said.splitlines()):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and told.get("message_type") == "summary":
            return told
    return None
