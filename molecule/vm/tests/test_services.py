"""An internal service behind its second fence: the kernel lets nobody connect to its address whose unit does not say that it may."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import run_playbook
from scenario_tests.faulty import EVERYTHING, NAME, ROOT, describe, new_version

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

CALL = """
import base64, http.client, re, sys
user, address = re.search('STORE_URL="http://(.*)@(.*)"', open(sys.argv[1]).read()).groups()
link = http.client.HTTPConnection(address, timeout=10)
try:
    link.connect()
except OSError:
    sys.exit("no connection")
link.request("GET", "/health", headers={"Authorization": "Basic " + base64.b64encode(user.encode()).decode()})
sys.exit(str(link.getresponse().status))
"""
"""Program that calls the service at the URL in a file, and says what came of it."""

CONNECTS = (
    'python -c \'import os, socket; from urllib.parse import urlsplit; url = urlsplit(os.environ["STORE_URL"]); '
    "socket.create_connection((url.hostname, url.port), 10)'"
)
ANSWERED, NO_CONNECTION = "200", "no connection"


def call_from(host: Host, units: str, url: str) -> str:
    """Call the service, with a word that it knows, from within the only unit of this name that is up."""
    (unit,) = host.check_output(f"systemctl list-units --plain --no-legend --state=active '{units}' | cut -d' ' -f1").split()
    group = host.check_output("systemctl show --value --property=ControlGroup %s", unit)
    program = f'echo $$ > /sys/fs/cgroup{group}/cgroup.procs && exec python3 -c "$0" {url}'
    return str(host.run("sh -c %s %s", program, CALL).stderr).strip().splitlines()[-1]


def test_the_kernel_lets_those_connect_that_name_a_service_and_nobody_else(host: Host) -> None:
    variables = describe(host, new_version())
    (user,) = variables["flask_apps"]
    store = {
        "name": "store",
        "source": {"path": user["source"]["path"].replace("faulty", "bare")},
        "dependencies": {"file": "none"},
        "wsgi": "application",
        "internal": True,
        "gunicorn": {"workers": 1},
        "health": user["health"],
    }
    caller = {**user, "uses": ["store"], "processes": {"sleeper": "exec sleep infinity"}, "release_commands": [CONNECTS]}
    run_playbook(host, Path(EVERYTHING), {"flask_apps": [caller, store]}).succeeded()
    host.check_output(f"cp {ROOT}/current/env /root/url")
    for units in (f"{NAME}@*.service", f"{NAME}.sleeper@*.service", "ssh.service"):
        assert call_from(host, units, "/root/url") == ANSWERED, units
    # An app of the same collection that does not name it, and has the word: the service itself.
    assert call_from(host, "store@*.service", "/root/url") == NO_CONNECTION
