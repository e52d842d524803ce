"""What the benchmark ran on: the figures mean little without it."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.fleet import Fleet


def describe(fleet: Fleet) -> dict[str, str]:
    """Return the machine and the versions that count, of a host on which an app is served."""
    python, gunicorn = fleet.ask(
        "/var/www/metered/current/venv/bin/python -c 'import platform, importlib.metadata as m; "
        'print(platform.python_version(), m.version("gunicorn"), m.version("flask"))\''
    ).split()[:2]
    return {
        "machine": f"{read_model(Path('/proc/cpuinfo').read_text(encoding='utf-8'))}, {os.cpu_count()} cores, {read_memory()} GiB",
        "what runs on it": "all of it: Ansible, the hosts (containers with systemd and sshd), and the load generator",
        "kernel": platform.release(),
        "controller": f"ansible-core {version('ansible-core')}, Python {platform.python_version()}",
        "host": f"Debian {fleet.ask('cat /etc/debian_version')}, Python {python}",
        "gunicorn": gunicorn,
        "nginx": fleet.ask("nginx -v 2>&1").rpartition("/")[2],
        "pipenv": fleet.ask("pipenv --version").rpartition(" ")[2],
    }


def read_model(cpuinfo: str) -> str:
    """Return the processor's name from the text of /proc/cpuinfo."""
    found = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def read_memory() -> int:
    """Return the memory of this machine in GiB."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
