# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running nginx: start it, reload it, and know whether it has loaded the files on disk."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._host.files import Access, read_text, write_atomically
from ansible_collections.webstack.flask.plugins.module_utils._host.proxy_protocol import lead_to
from ansible_collections.webstack.flask.plugins.module_utils._systemd import systemctl
from ansible_collections.webstack.flask.plugins.module_utils._systemd.log_lines import find_last_words

UNIT = "nginx.service"
_RECORD = Path("/var/lib/nginx/webstack-flask.loaded")
_ERROR_LOG = Path("/var/log/nginx/error.log")
_MOST_READ = 1 << 18
"""Bytes that are read of what nginx says of a reload."""

_PENDING = "pending"
_TIMEOUT = 30.0
_SHOW_TIMEOUT = 10.0
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----")
_PAUSE = 0.02
_JOURNAL_LINES = 10

Worker = tuple[int, str]
"""A process by number and start time, so that a number that is used again is another worker."""


def has_loaded(digest: str) -> bool:
    """Return whether nginx is known to have loaded the configuration that has this digest.

    The record is withdrawn before the first file changes and written after nginx was seen to run the new ones. So a
    run that was killed anywhere between leaves the record `pending`, and files that came about in another way do not
    match it. It compares contents and needs no clock.
    """
    return (read_text(_RECORD) or "") == digest


def has_loaded_all_but_certificates(digest: str) -> bool:
    """Return whether nginx is known to have loaded the configuration that has this digest, apart from its certificates."""
    return bool(digest) and (read_text(_RECORD) or "").partition(" ")[0] == digest.partition(" ")[0]


def shows(address: str, port: int, name: str, certificate: str, *, proxy_protocol: bool = False) -> bool:
    """Return whether nginx serves exactly this certificate chain for a name; `proxy_protocol` is whether it wants to be told who asks."""
    if proxy_protocol:
        with lead_to(address, port, _SHOW_TIMEOUT) as (near, near_port):
            return shows(near, near_port, name, certificate)
    command = ["openssl", "s_client", "-connect", f"[{address}]:{port}" if ":" in address else f"{address}:{port}"]
    try:
        result = subprocess.run(
            [*command, "-servername", name, "-showcerts"], input="", capture_output=True, text=True, timeout=_SHOW_TIMEOUT, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return bool(_CERTIFICATE.findall(certificate)) and _CERTIFICATE.findall(result.stdout.partition("Server certificate\n")[0]) == (
        _CERTIFICATE.findall(certificate)
    )


def withdraw_record() -> None:
    """Record that the files on disk and the loaded ones may differ from now on."""
    _write_record(_PENDING)


def record_loaded(digest: str) -> None:
    """Record that nginx runs the configuration that has this digest; an empty digest means that it has none of ours."""
    if digest:
        _write_record(digest)
    else:
        _RECORD.unlink(missing_ok=True)


def _write_record(text: str) -> None:
    write_atomically(_RECORD, text, Access(0, 0, 0o644))


def start() -> None:
    """Start nginx, or raise UserError with what it said."""
    try:
        systemctl.start_and_wait(UNIT)
    except UserError as problem:
        raise UserError(f"nginx does not start: {_read_log() or problem}") from problem


def _read_log() -> str:
    return "\n".join(find_last_words(systemctl.read_journal(UNIT, _JOURNAL_LINES), _JOURNAL_LINES))


def reload() -> None:
    """Make nginx read its files again, and wait until only processes with the new configuration take connections."""
    master = systemctl.show([UNIT])[UNIT].main_pid
    former = find_workers(master)
    size = _ERROR_LOG.stat().st_size if _ERROR_LOG.exists() else 0
    try:
        systemctl.reload(UNIT)
    except UserError as problem:
        raise UserError(f"nginx does not reload: {_read_log() or problem}") from problem
    deadline = time.monotonic() + _TIMEOUT
    while not has_replaced(former, find_workers(master)):
        if reason := find_refusal(_read_from(_ERROR_LOG, size)):
            raise UserError(f"nginx does not take the new configuration, and runs its former one: {reason}")
        if time.monotonic() > deadline:
            raise UserError(
                f"nginx was told to reload, but runs its former configuration still after {_TIMEOUT:g} s; /var/log/nginx/error.log says why"
            )
        time.sleep(_PAUSE)


def _read_from(path: Path, position: int) -> str:
    """Return what was written to a log since it had this size; all of it, if it is another file now."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(position if position <= size else 0)
            return file.read(_MOST_READ).decode(errors="replace")
    except FileNotFoundError:
        return ""


def find_refusal(log: str) -> str | None:
    """Return why nginx has given up a new configuration, from what its log says since it was told to read it; None if it has not.

    It tries five times, half a second apart, to listen where another program does.
    """
    lines = re.findall(r"(?m)^\S+ \S+ \[emerg\] \S+ (.*)$", log)
    if not any(not line.startswith("bind() to") for line in lines):
        return None
    reasons = dict.fromkeys(line for line in lines if not line.startswith("still could not bind()"))
    return "; ".join(reasons) or lines[0]


def has_replaced(former: set[Worker], present: set[Worker]) -> bool:
    """Return whether there are workers, and none of them is one of the former."""
    return bool(present) and not former & present


def find_workers(master: int, proc: Path = Path("/proc")) -> set[Worker]:
    """Return nginx's workers that take connections; those that are shutting down serve their last requests only."""
    workers = set()
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes()
                # The name in parentheses may hold anything; after it come the state, the parent, and 17 fields on the start.
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == master and title.startswith(b"nginx: worker process") and b"shutting" not in title:
                workers.add((int(entry.name), fields[19]))
    return workers
