# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs whose output is somebody else's: no more of it is kept than a message can use, and they have a time limit."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MOST_KEPT = 1 << 20
"""Bytes of each stream that are kept unless a caller says otherwise."""

_PIECE = 1 << 16


class TimedOut(Exception):
    """A program took longer than it may; it and its process group have been killed."""


@dataclass(frozen=True)
class Ended:
    """How a program ended, and the last of what it has written. Bytes that are not UTF-8 are replaced."""

    status: int
    output: str
    errors: str
    cut: bool
    """Whether it has written more than was kept."""


def run(
    command: Sequence[str],
    *,
    timeout: float,
    most: int = MOST_KEPT,
    together: bool = False,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401 - Popen's own, of many types
) -> Ended:
    """Run a program for at most `timeout` seconds, keeping the last `most` bytes of what it writes; raise TimedOut after that.

    `together` is whether its errors are kept within its output, in their order. With `stdout` the output goes to that file, and none is
    kept. Further options are those of subprocess.Popen.
    """
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        start_new_session=True,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
        **options,
    ) as process:
        deadline = time.monotonic() + timeout
        try:
            kept, cut = _read(process, most, deadline)
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimedOut from None
            raise
    return Ended(status, kept[0].decode(errors="replace"), kept[1].decode(errors="replace"), cut)


def _read(process: subprocess.Popen[bytes], most: int, deadline: float) -> tuple[tuple[bytes, bytes], bool]:
    """Read both streams to their ends, and keep the last of each."""
    kept = {"output": bytearray(), "errors": bytearray()}
    cut = False
    with selectors.DefaultSelector() as selector:
        for name, stream in (("output", process.stdout), ("errors", process.stderr)):
            if stream:
                selector.register(stream, selectors.EVENT_READ, name)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _events in ready:
                piece = os.read(key.fd, _PIECE)
                if not piece:
                    selector.unregister(key.fileobj)
                    continue
                buffer = kept[key.data]
                buffer += piece
                if len(buffer) > 2 * most:
                    del buffer[:-most]
                    cut = True
    for buffer in kept.values():
        cut |= len(buffer) > most
        del buffer[: max(0, len(buffer) - most)]
    return (bytes(kept["output"]), bytes(kept["errors"])), cut
