"""The host in memory, on which thousands of interruptions are tried, tells the truth about systemd, nginx and the file system."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from fakes.observations import Observer
from fakes.runs import LAYOUT, deployed, describe, identify, install
from scenario_tests import run_playbook
from scenario_tests.faulty import NAME, SITE, deploy, new_version, state_of

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

ROOT = Path(__file__).parents[3]
PLACE = "/root/observer"


def put_observer(host: Host, folder: Path) -> None:
    """Put the program on the host, with the code of the collection that it needs."""
    packed = folder / "observer.tar"
    with tarfile.open(packed, "w") as archive:
        archive.add(ROOT / "plugins/module_utils", "ansible_collections/webstack/flask/plugins/module_utils")
        archive.add(ROOT / "tests/fakes/observations.py", "observations.py")
    tasks = [
        {"name": "Make the place", "ansible.builtin.file": {"path": PLACE, "state": "directory", "mode": "0700"}},
        {"name": "Put the program there", "ansible.builtin.unarchive": {"src": str(packed), "dest": PLACE}},
    ]
    playbook = folder / "observer.yml"
    playbook.write_text(json.dumps([{"name": "Put the program there", "hosts": "all", "become": True, "tasks": tasks}]), encoding="utf-8")
    run_playbook(host, playbook).succeeded()


def test_a_real_host_shows_what_the_one_in_memory_shows(host: Host, tmp_path: Path) -> None:
    deploy(host, new_version()).succeeded()  # both as described by default, whatever a test before this one has deployed
    old = state_of(host).current
    deploy(host, new_version()).succeeded()
    new = state_of(host).current
    put_observer(host, tmp_path)
    seen = json.loads(host.check_output(f"PYTHONPATH={PLACE} python3 {PLACE}/observations.py {NAME} {old} {new} {SITE}"))

    apps = [describe(build) for build in ("first", "second")]
    world = install(*map(deployed, apps))
    first, second = map(identify, apps)
    told = list(Observer(world.host, LAYOUT, first, second, "shop.test").observe())
    assert seen == json.loads(json.dumps(told))
    assert state_of(host).find_untidiness() == []
