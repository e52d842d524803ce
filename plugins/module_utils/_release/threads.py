# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages whose own makers say that they are not made for requests in several threads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

UNFIT = {
    # https://googleapis.github.io/google-api-python-client/docs/thread_safety.html
    "httplib2": "each thread needs an `Http` of its own, and so a `service` of google-api-python-client",
    # https://matplotlib.org/3.3.2/faq/howto_faq.html#working-with-threads
    "matplotlib": "pyplot's current figure is that of all threads; use `matplotlib.figure.Figure`, or a lock",
    # https://github.com/Unidata/netcdf4-python/issues/1452
    "netcdf4": "two threads that read at once end the process; use a lock",
    # https://playwright.dev/python/docs/library#threading
    "playwright": "each thread needs a browser of its own",
    # https://github.com/pnpnpn/timeout-decorator#multithreading
    "timeout-decorator": "its signals fail outside of the main thread; use `use_signals=False`",
}
"""What to mind, by the canonical name of a package. Each address is where its makers say so."""


def find_unfit(packages: Iterable[str]) -> list[str]:
    """Return the packages, by their canonical names, that are not made for several threads, in the order of their names."""
    return sorted(set(packages) & set(UNFIT))


def describe_unfit(app: str, packages: Iterable[str]) -> str:
    """Return a warning for an app with such packages; nothing if it has none."""
    found = find_unfit(packages)
    if not found:
        return ""
    which = "; ".join(f"{name} ({UNFIT[name]})" for name in found)
    return (
        f"{app}: requests are served in threads by default, for which some of its packages are not made: {which}. "
        "`gunicorn: {worker_class: sync}` serves one request at a time in each process; "
        "`gunicorn: {worker_class: gthread}` says that threads are meant, and ends this warning"
    )


def list_packages(environment: Path) -> list[str]:
    """Return the canonical names of the packages that are installed in an environment."""
    found = environment.glob("lib/*/site-packages/*.dist-info")
    return sorted({re.sub(r"[-_.]+", "-", path.name.partition("-")[0]).lower() for path in found})
