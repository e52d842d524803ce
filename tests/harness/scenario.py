"""The hosts of a molecule scenario, for its create and destroy playbooks.

``python -m harness.scenario create NAME INSTANCE_CONFIG`` reads molecule's ``platforms`` as JSON from its input and
writes what molecule makes its inventory from; ``destroy`` removes the hosts again.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from harness import hosts, images, machines
from harness.process import HarnessError

EVERY_DEBIAN = "WEBSTACK_FLASK_TEST_EVERY_DEBIAN"
"""The variable that lets tests run on each of their hosts, also where the Debian does not matter: see `scenario_tests.one_of`."""


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m harness.scenario", description=__doc__)
    parser.add_argument("action", choices=["create", "destroy"])
    parser.add_argument("scenario")
    parser.add_argument("instance_config", type=Path)
    arguments = parser.parse_args()
    try:
        if arguments.action == "create":
            wanted = [platform(arguments.scenario, entry) for entry in json.load(sys.stdin)]
            write_instance_config(hosts.start_all(wanted), arguments.instance_config)
        else:
            hosts.stop_group(arguments.scenario)
            arguments.instance_config.unlink(missing_ok=True)
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def platform(scenario: str, entry: dict[str, Any]) -> hosts.Wanted:
    """Turn an entry of molecule's ``platforms`` into the host it asks for.

    Beside its name an entry may have ``suite``, which is needed when the name tells no Debian release, ``ports``,
    what to publish beside SSH (default: 80), and ``machine``, which asks for a virtual machine of this shape.
    """
    suite = str(entry.get("suite") or images.SUITES.get(entry["name"]))
    if suite not in images.SUITES.values():
        known = ", ".join(images.SUITES.values())
        raise HarnessError(
            f"platforms: {entry['name']}: suite must be one of {known}; it can be left out for hosts called {' or '.join(images.SUITES)}.",
        )
    machine = machines.Shape(**entry["machine"]) if "machine" in entry else None
    return hosts.Wanted(scenario, entry["name"], suite, tuple(entry.get("ports", (80,))), machine)


def write_instance_config(started: list[hosts.Host], file: Path) -> None:
    """Write what molecule wants to know of each host; the published ports are for tests."""
    entries = [
        {
            "instance": host.name,
            "address": host.address,
            "port": host.port,
            "user": host.user,
            "identity_file": host.identity_file,
            "container": host.container,
            "ports": host.ports,
        }
        for host in started
    ]
    file.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")  # JSON is YAML too


if __name__ == "__main__":
    sys.exit(main())
