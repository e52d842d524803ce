"""Running other programs: always an argument list, never a shell string."""

from __future__ import annotations

import shlex
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import TextIO


class HarnessError(Exception):
    """Something the user has to know, in words that stand on their own: it is shown without a traceback."""


_LONGEST_COMMAND = 300
"""Characters of a command that a message shows: linters get the names of hundreds of files."""


class CommandError(HarnessError):
    """A program ended with a non-zero status."""

    def __init__(self, argv: Sequence[str], status: int, output: str) -> None:
        """Keep what was run, its exit status, and what it said."""
        self.status = status
        self.output = output
        tail = "\n".join(output.strip().splitlines()[-15:])
        shown = textwrap.shorten(shlex.join(argv), _LONGEST_COMMAND, placeholder=" …")
        super().__init__(f"`{shown}` ended with status {status}{':' if tail else '.'}\n{tail}".rstrip())


_printing = threading.Lock()
_children: set[subprocess.Popen[str]] = set()


def say(message: str) -> None:
    """Print one line at once; lines of several threads do not mix."""
    with _printing:
        print(message, flush=True)


def succeeds(argv: Sequence[str], *, timeout: float | None = None) -> bool:
    """Run a program silently, and say whether it ended well. One that does not exist did not."""
    try:
        ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def output(argv: Sequence[str], *, feed: str | bytes = "", timeout: float | None = None) -> str:
    """Run a program with ``feed`` as its input and return what it prints; raise CommandError when it fails."""
    given = feed.encode() if isinstance(feed, str) else feed
    try:
        ended = subprocess.run(argv, input=given, capture_output=True, timeout=timeout, check=False)
    except OSError as error:
        raise CommandError(argv, 127, str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(argv, 124, f"It had not ended after {timeout:.0f} s.") from error
    if ended.returncode:
        raise CommandError(argv, ended.returncode, (ended.stdout + ended.stderr).decode(errors="replace"))
    return ended.stdout.decode(errors="replace")


def run(
    argv: Sequence[str],
    *,
    log: TextIO | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a program with its output on the terminal, or in ``log``; raise CommandError when it fails."""
    target = log or sys.stdout
    if log:
        log.write(f"$ {shlex.join(argv)}\n")
    target.flush()
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True, env=env, cwd=cwd)
    except OSError as error:
        raise CommandError(argv, 127, str(error)) from error
    _children.add(child)
    try:
        status = child.wait()
    finally:
        _children.discard(child)
    if status:
        raise CommandError(argv, status, "")


def stop_children() -> None:
    """Ask everything that ``run`` started, and that still runs, to end."""
    for child in list(_children):
        child.terminate()
