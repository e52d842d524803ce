# Copyright: webstack.flask contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's exporters: where they listen, and the units that say so. Nothing here looks at the host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible_collections.webstack.flask.plugins.module_utils._databases.address import SOCKET_DIRECTORY
from ansible_collections.webstack.flask.plugins.module_utils._layout import SERVICE_NETWORK, SERVICE_PORT, UNIT_ROOT
from ansible_collections.webstack.flask.plugins.module_utils._metrics.presence import DROP_IN, WRITER
from ansible_collections.webstack.flask.plugins.module_utils._metrics.program import DIRECTORY, LAUNCHER
from ansible_collections.webstack.flask.plugins.module_utils._metrics.requests import STATE

ACCOUNT = "prometheus"
"""As whom Debian's exporters run; they come to PostgreSQL as the role of this name."""

SECRETS = Path("/etc/webstack-flask/metrics-nginx.env")
"""Root's alone: where nginx tells how many connections it has."""

STATUS_LISTEN = f"{SERVICE_NETWORK.partition('/')[0]}:{SERVICE_PORT}"
"""No internal service has this address, and no app comes to it: their units shut the network out, but for the services that they name."""

_HEAD = "# Written by webstack.flask.\n"


@dataclass(frozen=True)
class Exporter:
    """One of Debian's exporters."""

    name: str
    port: int

    @property
    def package(self) -> str:
        """Debian's package."""
        return f"prometheus-{self.name}-exporter"

    @property
    def unit(self) -> str:
        """The unit that runs it."""
        return f"{self.package}.service"

    @property
    def drop_in(self) -> Path:
        """The file that says where it listens. It is there before the package, which starts the unit when it is installed."""
        return UNIT_ROOT / f"{self.unit}.d" / DROP_IN


EXPORTERS = (Exporter("node", 9100), Exporter("nginx", 9113), Exporter("postgres", 9187))
"""Each has the port that Debian's package gives it."""


def show_listen(address: str, port: int) -> str:
    """Return an address with a port."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def format_drop_in(exporter: Exporter, address: str, postgresql_port: int) -> str:
    """Return the drop-in of an exporter's unit. Debian's file of arguments does not count any more."""
    arguments = f"--web.listen-address={show_listen(address, exporter.port)}"
    environment = "EnvironmentFile=\n"
    if exporter.name == "node":
        arguments += f" --collector.textfile.directory={DIRECTORY}"
    elif exporter.name == "nginx":
        environment += f"EnvironmentFile={SECRETS}\n"
    elif exporter.name == "postgres":
        place = f"user={ACCOUNT} host={SOCKET_DIRECTORY} port={postgresql_port} dbname=postgres sslmode=disable"
        environment += f'Environment="DATA_SOURCE_NAME={place}"\n'
    return (
        # An address of a tunnel may come later than the exporter.
        f"{_HEAD}[Unit]\nStartLimitIntervalSec=0\n"
        f"[Service]\n{environment}ExecStart=\nExecStart=/usr/bin/{exporter.package} {arguments}\nRestart=always\nRestartSec=5\n"
    )


def format_status_server(word: str) -> str:
    """Return the configuration by which nginx tells how many connections it has, to whoever knows the word."""
    return (
        f'{_HEAD}server {{\n    listen {STATUS_LISTEN};\n    server_name "";\n    access_log off;\n'
        f"    location = /{word} {{\n        stub_status;\n    }}\n    location / {{\n        return 404;\n    }}\n}}\n"
    )


def format_secrets(word: str) -> str:
    """Return what tells the exporter of that."""
    return f"SCRAPE_URI=http://{STATUS_LISTEN}/{word}\n"


def list_writer_units() -> dict[str, str]:
    """Return the texts of the units that write the metrics of the apps, by their names."""
    return {
        f"{WRITER}.service": (
            f"{_HEAD}[Unit]\nDescription=Writes the metrics of the apps of webstack.flask\n"
            f"[Service]\nType=oneshot\nExecStart={LAUNCHER}\nTimeoutStartSec=50\nNice=10\nCPUWeight=20\n"
            # Without this the journal has three lines of it each minute.
            "LogLevelMax=notice\n"
            f"PrivateTmp=yes\nProtectHome=yes\nProtectSystem=strict\nReadWritePaths={DIRECTORY} {STATE.parent}\n"
        ),
        f"{WRITER}.timer": (
            f"{_HEAD}[Unit]\nDescription=When the metrics of the apps of webstack.flask are written\n"
            "[Timer]\nOnBootSec=15s\nOnUnitActiveSec=60s\nAccuracySec=1s\n[Install]\nWantedBy=timers.target\n"
        ),
    }
