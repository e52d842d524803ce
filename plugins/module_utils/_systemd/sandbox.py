# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code that is not ours, run once: in a transient systemd unit, which ends with all its processes, in time, and sees no more than it must.

The unit belongs to systemd and not to the run that has started it: it ends in time though that run is killed, and the next run finds it
by its name (systemd-run(1), systemd.exec(5), systemd.kill(5)).
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host import commands
from ansible_collections.webstack.flask.plugins.module_utils._host.files import hold_in_memory
from ansible_collections.webstack.flask.plugins.module_utils._layout import SERVICE_NETWORK
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.directives import format_seconds
from ansible_collections.webstack.flask.plugins.module_utils._systemd.env_file import format_environment

FENCES: Mapping[str, str] = {
    "CapabilityBoundingSet": "",
    "IPAddressDeny": SERVICE_NETWORK,
    "LockPersonality": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "ProcSubset": "pid",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectHostname": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RemoveIPC": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service",
    "SystemCallErrorNumber": "EPERM",
    "UMask": "0077",
}
"""What is closed to an app, to what installs its dependencies, and to its release commands, in systemd's words."""

_BECOME = (
    "(lambda os, sys, json, base64: (lambda words: os.execvp(words[0], words))(json.loads(base64.b64decode(sys.argv[1]))))"
    "(*map(__import__, ('os', 'sys', 'json', 'base64')))"
)
"""Python that becomes the command which is packed in its argument, without `;`, `$` and newline."""

LIMITS: Mapping[str, str] = {"MemoryMax": "60%", "TasksMax": "1024", "OOMPolicy": "kill", "OOMScoreAdjust": "1000", "CPUWeight": "20"}
"""What one unit may take of a host at most, where nothing else is said: of its memory, processes with their threads, and the processor.

If memory runs out, the kernel kills this unit first, and all of it. With 80 % and 4,096 tasks a setup script that forked without end made a
host with 512 MB kill sshd and an app that was serving; with these limits all requests were answered meanwhile, the slowest within 0.6 s.
"""

_OUT_OF_MEMORY = re.compile(r"Failed with result 'oom-kill'|has been killed by the OOM killer")
"""What systemd says of such a unit in the journal. `systemd-run` has no exit status of its own for it."""

_LINES_OF_AN_END = 5000
"""Lines of the journal that are searched: systemd names each process that is left over, and the limit is a thousand of them."""

NOT_STARTED = 200
"""From here on an exit status is systemd's own, and the reason is in the journal: "Process Exit Codes" in systemd.exec(5)."""

_GRACE = 30
"""Seconds by which a unit's end may come later than its time limit: systemd has to stop it, and to say so."""

_STOP = 10
"""Seconds that a unit has for its own end before it is killed."""

_TRANSIENT = Path("/run/systemd/transient")


@dataclass(frozen=True)
class Outcome:
    """How a command has ended: its exit status, the last of what it has said, and whether its time was over."""

    status: int
    said: str
    late: bool = False


def run(
    unit: str,
    command: Sequence[str],
    *,
    description: str,
    properties: Sequence[str],
    variables: Mapping[str, str],
    timeout: float,
    stdin: IO[bytes] | None = None,
) -> Outcome:
    """Run a command in a transient unit, without FENCES unless they are among its properties, for at most `timeout` seconds.

    The variables may be secret: neither arguments nor `systemctl show` tell them. `properties` are lines `Name=value`.
    """
    started, clock = time.monotonic(), time.time()
    with ExitStack() as stack:
        values = stack.enter_context(hold_in_memory(format_environment(variables)))
        own = {"RuntimeMaxSec": format_seconds(timeout), "TimeoutStopSec": str(_STOP), "EnvironmentFile": str(values)}
        call = [
            *("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=exec"),
            *(f"--unit={unit}", f"--description={description}"),
            *(f"--property={key}={value}" for key, value in own.items()),
            *(f"--property={line}" for line in properties),
            *("--", *pack_command(command)),
        ]
        try:
            ended = commands.run(call, timeout=timeout + _STOP + _GRACE, together=True, stdin=stdin)
        except commands.TimedOut:
            end(unit)
            return Outcome(1, "", late=True)
    said = ended.output
    if ended.status >= NOT_STARTED:
        said += systemctl.read_journal(unit, 4)
    elif ended.status and _OUT_OF_MEMORY.search(systemctl.read_journal(unit, _LINES_OF_AN_END, since=clock)):
        said += f"\nit was killed, because it needs more memory than it is given: {LIMITS['MemoryMax']} of the host's at most"
    return Outcome(ended.status, said, late=ended.status != 0 and time.monotonic() - started >= timeout)


def pack_command(command: Sequence[str]) -> list[str]:
    """Return a command that becomes another one, in words that every systemd passes on as they are.

    A transient unit lies in a file, and whoever has systemd read its units again before the command has started has it read from there:
    systemd 252 then puts a backslash before `$` and `;`, and breaks what has several lines. Any would put a value in the place of `$NAME`.
    """
    packed = base64.b64encode(json.dumps([*command]).encode()).decode()
    return ["/usr/bin/python3", "-X", "utf8", "-ISc", _BECOME, packed]


def is_there(unit: str) -> bool:
    """Return whether a transient unit of this name has not been collected; costs no call of systemd."""
    return (_TRANSIENT / unit).exists()


def end(unit: str) -> None:
    """End a transient unit with all its processes; raise UserError if it stays."""
    if not is_there(unit):
        return
    # It may have ended, and be forgotten, since: what counts is that it is.
    with suppress(commands.TimedOut):
        commands.run(["systemctl", "stop", "--", unit], timeout=_STOP + _GRACE)
    systemctl.forget_failure(unit)
    if systemctl.show([unit])[unit].active not in ("inactive", "failed"):
        raise UserError(f"{unit} of an earlier run does not end; `systemctl status {unit}` tells more")


@contextmanager
def pack(texts: Mapping[str, str]) -> Iterator[IO[bytes]]:
    """Let texts that may be secret be a unit's standard input: an archive in memory, which `unpack_then` turns into files."""
    with os.fdopen(os.memfd_create("texts"), "w+b") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for name, text in texts.items():
                content = text.encode("utf-8", "surrogateescape")
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o600
                archive.addfile(member, io.BytesIO(content))
        file.flush()
        file.seek(0)
        yield file


def unpack_then(directory: Path, command: Sequence[str]) -> list[str]:
    """Return a command that makes files of its standard input, as `pack` gives it, and then runs another one, which gets no input."""
    script = 'tar --extract --directory="$0" && exec "$@" </dev/null'
    return ["/bin/sh", "-c", script, str(directory), *command]
