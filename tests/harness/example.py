"""The example app on one disposable host: what the demo shows, and what the built artifact is tried with."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

from harness import paths
from harness.process import HarnessError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.hosts import Host

APP = paths.ROOT / "tests" / "apps" / "smallest"
SERVER_NAME = "smallest.test"
_OK = 200


def inventory(host: Host, known_hosts: Path | str, *, source: str = str(APP)) -> dict[str, Any]:
    """Return the inventory that a user would write for this host and app, as data; the app's source is a directory of the controller."""
    return {
        "all": {
            "hosts": {
                host.name: {
                    "ansible_host": host.address,
                    "ansible_port": host.port,
                    "ansible_user": host.user,
                    "ansible_ssh_private_key_file": host.identity_file,
                    "ansible_ssh_common_args": f"-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile={known_hosts}",
                    "ansible_python_interpreter": "/usr/bin/python3",
                },
            },
            "vars": {
                "flask_apps": [
                    {
                        "name": "smallest",
                        "source": {"path": source},
                        "wsgi": "wsgi:app",
                        "server_names": [SERVER_NAME],
                        "dependencies": {"packages": ["flask", "gunicorn"]},
                    },
                ],
                # The address that is shown opens in a browser, which has no way to the app's name.
                "nginx_site_unknown_names": "answer",
            },
        },
    }


def write_inventory(host: Host, directory: Path) -> Path:
    """Write the inventory, and forget the key of an earlier host; return the file."""
    directory.mkdir(parents=True, exist_ok=True)
    known_hosts = directory / "known_hosts"
    known_hosts.unlink(missing_ok=True)
    file = directory / "inventory.yml"
    file.write_text(json.dumps(inventory(host, known_hosts), indent=2) + "\n", encoding="utf-8")  # JSON is YAML too
    return file


def served_page(host: Host) -> str:
    """Return the page that the host serves; raise HarnessError when it serves none."""
    link = http.client.HTTPConnection("127.0.0.1", host.ports["80"], timeout=10)
    try:
        link.request("GET", "/", headers={"Host": SERVER_NAME})
        answer = link.getresponse()
        body = answer.read().decode(errors="replace")
    except OSError as error:
        raise HarnessError(f"http://127.0.0.1:{host.ports['80']}/ does not answer: {error}") from error
    finally:
        link.close()
    if answer.status != _OK:
        raise HarnessError(f"http://127.0.0.1:{host.ports['80']}/ answers {answer.status} for {SERVER_NAME}:\n{body}")
    return body
