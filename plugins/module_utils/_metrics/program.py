# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that writes the metrics of the apps each minute, for Debian's node exporter to hand on. It needs Debian's Python alone."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.module_utils._escapes import escape
from ansible_collections.webstack.flask.plugins.module_utils._metrics.exposition import describe_host, format_families
from ansible_collections.webstack.flask.plugins.module_utils._metrics.reading import read_jobs
from ansible_collections.webstack.flask.plugins.module_utils._metrics.requests import count_requests
from ansible_collections.webstack.flask.plugins.module_utils._webstack.reading import list_apps, read_statuses

LAUNCHER = Path("/usr/local/lib/webstack-flask/metrics")
DIRECTORY = Path("/var/lib/prometheus/node-exporter")
"""Where Debian's node exporter looks for files. What is above it belongs to the account of the exporters."""

TEXTFILE = DIRECTORY / "webstack-flask.prom"
_STAGED = f"{TEXTFILE.name}.new"
"""The exporter reads what ends with .prom."""


def main() -> int:
    """Write the metrics once; return the exit status."""
    try:
        names = list_apps()
        statuses, jobs = read_statuses(names, time.time()), read_jobs(names)
        replace_textfile(format_families(describe_host(statuses, jobs, count_requests(names), time.time())))
    except (UserError, OSError) as problem:
        sys.stderr.write(escape(f"{TEXTFILE} was not written: {problem}\n"))
        return 1
    return 0


def replace_textfile(text: str, directory: Path = DIRECTORY) -> None:
    """Replace the file in one step. The directory is opened once, and no link in its place is followed."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with_this = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        if _STAGED in os.listdir(descriptor):
            os.unlink(_STAGED, dir_fd=descriptor)
        with os.fdopen(os.open(_STAGED, with_this, 0o644, dir_fd=descriptor), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
        os.rename(_STAGED, TEXTFILE.name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
    finally:
        os.close(descriptor)
