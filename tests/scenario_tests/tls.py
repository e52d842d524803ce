"""Users of apps that are served encrypted: they are on the host `authority`, trust its root certificate, and ask its name server."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import inventory_name, run_playbook

if TYPE_CHECKING:
    from testinfra.host import Host

    from scenario_tests import Play

SITE = Path("playbooks/site.yml")
ROOT = "/run/root.pem"


@dataclass(frozen=True)
class Page:
    """What curl got, with the certificate verified."""

    status: int
    version: str
    location: str
    body: str


@dataclass(frozen=True)
class Users:
    """Somebody elsewhere who asks the apps of a host."""

    host: Host
    place: Host

    def name(self, label: str) -> str:
        """Return a name of the host."""
        return f"{label}.{inventory_name(self.host)}.test"

    def get(self, url: str, *options: str) -> Page:
        """Ask for a page; fail when the certificate is not that of the name, or none that the root has signed."""
        shape = "\n%{http_code} %{http_version} %{redirect_url}"
        curl = ["curl", "-sS", "--max-time", "20", "--cacert", ROOT, "-w", shape, *options, url]
        body, _newline, rest = self.place.check_output(" ".join(["%s"] * len(curl)), *curl).rpartition("\n")
        status, version, location = rest.split(" ", 2)
        return Page(int(status), version, location, body)

    def refuse(self, url: str) -> str:
        """Ask for a page of which the connection fails; return what curl said."""
        ended = self.place.run("curl -sS --max-time 20 --cacert %s %s", ROOT, url)
        assert ended.rc != 0, ended.stdout
        return str(ended.stderr)

    def see_certificate(self, label: str) -> str:
        """Return issuer and serial number of the certificate that is shown for a name."""
        shown = "openssl s_client -connect %s:443 -servername %s </dev/null 2>/dev/null | openssl x509 -noout -issuer -serial"
        return str(self.place.check_output(shown, self.address(), self.name(label)))

    def change_name(self, line: str) -> None:
        """Change what the name server says."""
        self.place.check_output("printf %%s %s | nsupdate", f"server 127.0.0.1\nzone test\nupdate {line}\nsend\n")

    def address(self) -> str:
        """Return the address of the host."""
        return str(self.host.check_output("hostname -I")).split()[0]


def find_users(host: Host) -> Users:
    """Return the users of a host."""
    place = host.get_host("ansible://authority", ansible_inventory=host.backend.ansible_inventory, sudo=True)
    place.check_output(f"curl -sSk -o {ROOT} https://localhost:15000/roots/0 && curl -sSk https://localhost:15001/roots/0 >> {ROOT}")
    return Users(host, place)


def describe(host: Host, app: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return `flask_apps` with one app alone, and with some of its keys changed."""
    (entry,) = [copy.deepcopy(entry) for entry in host.ansible.get_variables()["flask_apps"] if entry["name"] == app]
    return {"flask_apps": [{key: value for key, value in (entry | changes).items() if value is not None}]}


def converge(host: Host, variables: dict[str, Any] | None = None, *, tags: str = "all") -> Play:
    """Run site.yml, or the parts of it that have one of these tags."""
    return run_playbook(host, SITE, variables, options=["--tags", tags]).succeeded()


def settle(host: Host, variables: dict[str, Any] | None = None) -> Play:
    """Run site.yml, and see that a second run has nothing to do; return the first one."""
    play = converge(host, variables)
    assert converge(host, variables).changed_tasks == [], json.dumps(variables)
    return play
