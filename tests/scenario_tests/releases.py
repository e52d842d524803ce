"""What an app's releases are up to on a host."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenario_tests.hosts import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testinfra.host import Host

_READ = r"""
import json, os, pathlib, subprocess, sys
name, root = sys.argv[1], pathlib.Path(sys.argv[2])

def names(directory):
    return sorted(entry.name for entry in directory.iterdir()) if directory.is_dir() else []

def visible(directory):
    return [name for name in names(directory) if not name.startswith(".")]

def ask(*arguments):
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True).stdout.split("\n")

def releases_of(units):
    return sorted(unit.partition("@")[2].rpartition(".")[0] for unit in units)

def instances(kind, *states):
    listing = ask("list-units", "--all", "--plain", "--no-legend", "--full", *states, f"{name}@*.{kind}")
    return releases_of(line.split()[0] for line in listing if line.strip())

def wanted(kind, target):
    return releases_of(path.name for path in pathlib.Path("/etc/systemd/system").glob(f"{target}.target.wants/{name}@*.{kind}"))

records = {}
for release in visible(root / "releases"):
    try:
        records[release] = json.loads((root / "releases" / release / "release.json").read_text())
    except (OSError, ValueError):
        records[release] = None
hidden = [f"{place}/{entry}" for place in ("", "builds", "environments", "releases", *(f"releases/{release}" for release in records))
          for entry in names(root / place) if entry.startswith(".") and (place, entry) != ("", ".webstack-flask")]
print(json.dumps({
    "current": os.path.basename(os.readlink(root / "current")) if os.path.islink(root / "current") else None,
    "services": instances("service", "--state=active"),
    "sockets": instances("socket", "--state=active"),
    "loaded": sorted({*instances("service"), *instances("socket")}),
    "services_at_boot": wanted("service", "multi-user"),
    "sockets_at_boot": wanted("socket", "sockets"),
    "listens": (root / "current" / "gunicorn.sock").is_socket(),
    "records": records,
    "builds": visible(root / "builds"),
    "environments": visible(root / "environments"),
    "remains": hidden,
}))
"""

_ASK = r"""
import http.client, json, socket, sys
path, target, headers = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
link = http.client.HTTPConnection("localhost", timeout=60)
link.sock = socket.socket(socket.AF_UNIX)
link.sock.settimeout(60)
link.sock.connect(path)
link.request("GET", target, headers=headers)
answer = link.getresponse()
print(json.dumps([answer.status, dict((key.lower(), value) for key, value in answer.getheaders()), answer.read().decode()]))
"""


@dataclass(frozen=True)
class AppState:
    """An app as it stands on a host; releases are named by their identifiers."""

    current: str | None
    """Where the link points."""
    services: list[str]
    """Releases whose service runs."""
    sockets: list[str]
    """Releases whose socket listens."""
    loaded: list[str]
    """Releases that systemd knows, running or not."""
    services_at_boot: list[str]
    sockets_at_boot: list[str]
    listens: bool
    """Whether there is a socket where the web server looks for it."""
    records: dict[str, dict[str, Any] | None]
    """release.json of every release, None where it cannot be read."""
    builds: list[str]
    environments: list[str]
    remains: list[str]
    """Hidden files and directories: what a run that was cut off left behind."""

    @property
    def failed(self) -> list[str]:
        """Releases that are noted as failed."""
        return [release for release, record in self.records.items() if record and record["failed"]]

    @property
    def verified(self) -> list[str]:
        """Releases that are noted as good."""
        return [release for release, record in self.records.items() if record and record["verified"] and not record["failed"]]

    def find_untidiness(self) -> list[str]:
        """Return what is not as it is to be after every run, good or bad: one release is current, runs, and starts at boot."""
        one = [self.current]
        found = {
            "no release is current": self.current is None,
            f"services run: {self.services}": self.services != one,
            f"sockets listen: {self.sockets}": self.sockets != one,
            f"systemd knows: {self.loaded}": self.loaded != one,
            f"services start at boot: {self.services_at_boot}": self.services_at_boot != one,
            f"sockets start at boot: {self.sockets_at_boot}": self.sockets_at_boot != one,
            "it has no socket": not self.listens,
            f"{self.current} is not noted as good": self.current not in self.verified,
            f"remains: {self.remains}": bool(self.remains),
        }
        return [f"current is {self.current}, but {what}" for what, is_so in found.items() if is_so]


def read_app(host: Host, name: str, root: str | None = None) -> AppState:
    """Look at an app on the host."""
    return AppState(**json.loads(host.check_output("python3 -c %s %s %s", _READ, name, root or f"/var/www/{name}")))


def ask_socket(host: Host, socket: str, target: str = "/", headers: Mapping[str, str] | None = None) -> Answer:
    """Ask an app on its socket, from the host itself."""
    status, names, body = json.loads(host.check_output("python3 -c %s %s %s %s", _ASK, socket, target, json.dumps(headers or {})))
    return Answer(status, names, body)
