"""What the inventory says stays as it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from scenario_tests import run_playbook

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = ["debian12"]

_PLAY = """
- name: Ask the host, and look at variables of the inventory
  hosts: all
  gather_facts: false
  tasks:
    - name: Ask the host
      ansible.builtin.import_tasks: {tasks}

    - name: Look at variables that have the names of facts
      ansible.builtin.assert:
        that: [distribution == 'mine', service_mgr == 'mine', __flask_host.distribution == 'Debian']
"""


def test_variables_of_the_inventory_that_have_names_of_facts_keep_their_values(host: Host, tmp_path: Path) -> None:
    tasks = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"], "playbooks/tasks/facts.yml")
    (tmp_path / "play.yml").write_text(_PLAY.format(tasks=tasks), encoding="utf-8")
    assert run_playbook(host, tmp_path / "play.yml").succeeded().changed == 0
