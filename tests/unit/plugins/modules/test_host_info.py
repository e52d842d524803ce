from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

_OWN_VARIABLES = {
    "distribution": "mine",
    "distribution_version": "mine",
    "service_mgr": "mine",
    "default_ipv4": "mine",
    "date_time": "mine",
}

_PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - webstack.flask.host_info:
        packages: [no-such-package-anywhere]
      register: __flask_host
    - ansible.builtin.copy:
        dest: "{{ inventory_dir }}/seen.json"
        content: "{{ {'facts': ansible_facts, 'info': __flask_host, 'variables': dict(own | zip(own | map('extract', vars))) } | to_json }}"
      vars:
        own: %s
"""


def test_the_variables_of_an_inventory_keep_their_values(tmp_path: Path) -> None:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **_OWN_VARIABLES}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"here": here}}}), encoding="utf-8")
    (tmp_path / "play.yml").write_text(_PLAY % json.dumps(list(_OWN_VARIABLES)), encoding="utf-8")
    ended = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", tmp_path / "hosts.yml", tmp_path / "play.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert seen["variables"] == _OWN_VARIABLES
    assert not seen["facts"].keys() & _OWN_VARIABLES.keys()
    assert seen["info"]["packages"] == []
    assert seen["info"]["service_manager"]
    assert isinstance(seen["info"]["epoch"], int)
