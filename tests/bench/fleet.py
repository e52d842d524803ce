"""The hosts of the benchmark, used as a user does: by ansible-playbook, and by ssh."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import cgroups, hosts, paths
from harness.process import CommandError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.hosts import Host

_GROUP = "bench"
SUITE = "bookworm"
CACHE = paths.CACHE / "bench"
SOURCES = Path(tempfile.gettempdir()) / f"webstack-flask-bench-{os.getuid()}"
"""Sources of apps. Within the clone git would pass over them, and so would the role app_source, which asks it."""

PLAYBOOKS = paths.ROOT / "tests" / "bench" / "playbooks"

_SSH_OPTIONS = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
_TRUST = {"PIP_CERT": "/etc/ssl/certs/ca-certificates.crt", "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt"}
"""The role python_pipenv lets pip trust what the host trusts; whoever works by hand behind a proxy says so."""


@dataclass(frozen=True)
class Run:
    """What became of a command."""

    seconds: float
    output: str

    @property
    def changed(self) -> int:
        """How many tasks of a play have changed something, on all hosts."""
        return sum(map(int, re.findall(r"\bchanged=(\d+)", self.output)))


@dataclass
class Fleet:
    """Some hosts, and what is to be served by them."""

    members: Sequence[Host]
    apps: Sequence[Mapping[str, Any]] = ()
    aside: bool = False
    """Whether playbooks run with the least share of the processor, as if on a machine of their own; what they do on the hosts does not."""

    @classmethod
    def start(cls, *names: str, group: str = "") -> Fleet:
        """Start bare hosts of these names, in the place of those that had them. Hosts of a group find each other by name."""
        wanted = [hosts.Wanted(f"{_GROUP}{group}", name, SUITE) for name in names]
        # Two at a time: many that boot at once keep each other from it.
        return cls([host for number in range(0, len(wanted), 2) for host in hosts.start_all(wanted[number : number + 2])])

    @property
    def host(self) -> Host:
        """The first of the hosts."""
        return self.members[0]

    def only(self, count: int) -> Fleet:
        """Return the first so many hosts."""
        return Fleet(self.members[:count], self.apps)

    def play(self, playbook: str, **variables: object) -> Run:
        """Run a playbook of the collection, or of the benchmark, on the hosts; raise CommandError when it fails."""
        own = PLAYBOOKS / f"{playbook}.yml"
        file = own if own.exists() else paths.ROOT / "playbooks" / f"{playbook}.yml"
        argv = ["ansible-playbook", "-i", str(self._write_inventory()), str(file)]
        argv += ["--extra-vars", json.dumps(variables)] if variables else []
        return timed(cgroups.aside(argv) if self.aside else argv)

    def ping(self) -> Run:
        """Run a playbook with one ping."""
        return self.play("ping")

    def ssh(self, command: str, feed: str = "") -> Run:
        """Run a shell command as root on the first host."""
        host = self.host
        place = ["-i", host.identity_file, "-p", str(host.port), f"{host.user}@{host.address}"]
        return timed(["ssh", *_SSH_OPTIONS, *place, f"sudo sh -c {shlex.quote(command)}"], feed=feed)

    def ask(self, command: str) -> str:
        """Return what a shell command prints on the first host, run as root."""
        return self.ssh(command).output.strip()

    def forget_closed_connections(self) -> None:
        """Keep no record of closed TCP connections on the first host (TIME_WAIT), which by default stays for a minute.

        A new connection searches among those of the last ones for a free port: after 10,000 of them that took all of the load generator's
        processor, and gunicorn alone, which closes every connection, seemed to answer a tenth of what it does.
        """
        self.ask("mount -o remount,rw /proc/sys && echo 100 > /proc/sys/net/ipv4/tcp_max_tw_buckets")

    def script(self, text: str) -> Run:
        """Run a shell script as root on the first host."""
        exports = "".join(f"export {name}={value}\n" for name, value in {**_TRUST, "DEBIAN_FRONTEND": "noninteractive"}.items())
        return self.ssh("bash -s", feed=f"set -e\n{exports}{text}")

    def rsync(self, source: Path, target: str) -> Run:
        """Copy a directory with rsync to the first host, as root."""
        host = self.host
        shell = " ".join(["ssh", *_SSH_OPTIONS, "-i", host.identity_file, "-p", str(host.port)])
        return timed(
            ["rsync", "-a", "--delete", "--rsync-path=sudo rsync", "-e", shell, f"{source}/", f"{host.user}@{host.address}:{target}/"]
        )

    def _write_inventory(self) -> Path:
        CACHE.mkdir(parents=True, exist_ok=True)
        file = CACHE / f"{self.host.name}-{len(self.members)}.json"
        entries = {
            host.name: {
                "ansible_host": host.address,
                "ansible_port": host.port,
                "ansible_user": host.user,
                "ansible_ssh_private_key_file": host.identity_file,
                "ansible_ssh_common_args": " ".join(_SSH_OPTIONS),
                "ansible_python_interpreter": "/usr/bin/python3",
            }
            for host in self.members
        }
        variables = {"flask_apps": list(self.apps)} if self.apps else {}
        file.write_text(json.dumps({"all": {"hosts": entries, "vars": variables}}, indent=2) + "\n", encoding="utf-8")
        return file


def timed(argv: Sequence[str], feed: str = "") -> Run:
    """Run a program of this machine; raise CommandError with what it said when it fails."""
    started = time.monotonic()
    ended = subprocess.run(
        argv, input=feed, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", cwd=paths.ROOT, check=False
    )
    seconds = time.monotonic() - started
    if ended.returncode:
        raise CommandError(argv, ended.returncode, ended.stdout)
    return Run(seconds, ended.stdout)


def copy_source(name: str, into: str) -> Path:
    """Copy an app of tests/apps, so that the benchmark may change it; return the copy."""
    target = SOURCES / into
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(paths.ROOT / "tests" / "apps" / name, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def stop(group: str) -> None:
    """Remove the hosts of a group."""
    hosts.stop_group(f"{_GROUP}{group}")


def stop_all() -> None:
    """Remove all hosts of the benchmark."""
    for group in {entry[0] for entry in hosts.list_all() if entry[0].startswith(_GROUP)}:
        hosts.stop_group(group)
    cgroups.forget_aside()
    shutil.rmtree(SOURCES, ignore_errors=True)
