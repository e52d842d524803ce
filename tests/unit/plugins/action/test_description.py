"""What the inventory says of a host is checked on the controller."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase
from ansible.template import Templar, trust_as_template
from ansible_collections.webstack.flask.plugins.action import description

SHOP = {"name": "shop", "source": {"path": "/srv/shop"}, "wsgi": "app:app", "server_names": ["shop.test"]}


class Action(description.ActionModule):
    """The plugin with a host that exists in words only."""

    def __init__(self, facts: dict[str, Any], roles: list[str]) -> None:
        self._task = SimpleNamespace(args={"roles": roles, "hooks": ["flask_before_switch_tasks", "flask_after_switch_tasks"]})
        self._loader = DataLoader()
        self._templar = Templar(loader=DataLoader(), variables={})
        self._known = facts
        self.asked = 0

    def _execute_module(self, **_arguments: object) -> dict[str, Any]:
        self.asked += 1
        return {"ansible_facts": self._known} if self._known else {"failed": True, "msg": "no Python"}


@pytest.fixture(autouse=True)
def _no_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})


def _run(variables: dict[str, Any], facts: dict[str, Any] | None = None, roles: tuple[str, ...] = ()) -> tuple[dict[str, Any], int]:
    action = Action(facts or {}, list(roles))
    result = action.run(None, {"inventory_hostname": "web", **variables})
    return result, action.asked


def test_a_description_without_facts_does_not_ask_for_them() -> None:
    result, asked = _run({"flask_apps": [SHOP]}, {"ansible_hostname": "web"})
    assert (result.get("failed"), asked) == (None, 0)
    assert "ansible_facts" not in result


@pytest.mark.parametrize("fact", ["ansible_hostname", "ansible_facts['hostname']", "ansible_facts.hostname"])
def test_facts_are_gathered_once_when_the_description_asks_for_them(fact: str) -> None:
    names = [trust_as_template(f"{prefix}{{{{ {fact} }}}}.test") for prefix in ("", "www.")]
    result, asked = _run({"flask_apps": [{**SHOP, "server_names": names}], "ansible_facts": {}}, {"ansible_hostname": "web"})
    assert (result.get("failed"), asked) == (None, 1)
    assert result["ansible_facts"] == {"ansible_hostname": "web"}


def test_the_variables_of_roles_may_ask_for_facts_as_well() -> None:
    address = trust_as_template("{{ ansible_facts.hosts_file }}")
    result, asked = _run({"flask_apps": [SHOP], "etc_hosts_path": address}, {"ansible_hosts_file": "/etc/hosts"}, ("etc_hosts",))
    assert (result.get("failed"), asked) == (None, 1)


def test_a_variable_that_nobody_knows_is_named() -> None:
    names = [trust_as_template("{{ hostnam }}.test")]
    result, asked = _run({"flask_apps": [{**SHOP, "server_names": names}]}, {"ansible_hostname": "web"})
    assert (result["failed"], asked) == (True, 1)
    assert "'hostnam' is undefined" in result["msg"]


def test_facts_that_cannot_be_gathered_are_said_so() -> None:
    result, _asked = _run({"flask_apps": [{**SHOP, "server_names": [trust_as_template("{{ ansible_hostname }}.test")]}]})
    assert result["failed"]
    assert "no Python" in result["msg"]


def test_all_that_is_wrong_with_the_apps_is_in_the_message() -> None:
    result, _asked = _run({"flask_apps": [{**SHOP, "name": "Shop", "drain": -1}]})
    assert result["failed"]
    assert "name" in result["msg"]
    assert "drain" in result["msg"]


def test_a_wrong_variable_of_a_role_is_named() -> None:
    result, _asked = _run({"flask_apps": [SHOP], "gunicorn_systemd_lock_timeout": "soon"}, None, ("gunicorn_systemd", "etc_hosts"))
    assert result["failed"]
    assert result["msg"].startswith("gunicorn_systemd_lock_timeout is 'soon': ")


def test_a_host_without_apps_is_passed_over_with_a_word_where_another_has_some() -> None:
    others = {"ansible_play_hosts_all": ["web", "other"], "hostvars": {"web": {}, "other": {"flask_apps": [SHOP]}}}
    result, _asked = _run(others)
    assert (result.get("failed"), result["_ansible_verbose_always"]) == (None, True)
    assert result["msg"] == "web has no flask_apps: it is passed over"


def test_no_apps_on_any_host_are_an_error() -> None:
    result, _asked = _run({"ansible_play_hosts_all": ["web"], "hostvars": {"web": {}}})
    assert result["failed"]
    assert result["msg"].startswith("no host of this run has flask_apps.")


def test_task_files_of_the_user_that_are_not_there_are_all_named() -> None:
    hooks = {f"flask_{name}_switch_tasks": trust_as_template("{{ inventory_dir }}/none.yml") for name in ("before", "after")}
    result, _asked = _run({"flask_apps": [SHOP], "inventory_dir": "/nowhere", **hooks})
    assert result["failed"]
    assert "flask_before_switch_tasks is '/nowhere/none.yml', and there is no such file" in result["msg"]
    assert "flask_after_switch_tasks is '/nowhere/none.yml', and there is no such file" in result["msg"]


def test_task_files_of_the_user_are_read_as_ansible_reads_them(tmp_path: Path) -> None:
    (tmp_path / "tasks.yml").write_text("- name: Say it\n  debug: {msg: !unsafe '{{ it }}'}\n", encoding="utf-8")
    result, _asked = _run({"flask_apps": [SHOP], "flask_after_switch_tasks": str(tmp_path / "tasks.yml")})
    assert result.get("failed") is None


def test_a_task_that_ansible_does_not_understand_is_found_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "tasks.yml").write_text("- name: Say it\n  debug:\n  wen: true\n", encoding="utf-8")
    result, _asked = _run({"flask_apps": [SHOP], "flask_after_switch_tasks": str(tmp_path / "tasks.yml")})
    assert result["failed"]
    assert "which Ansible does not understand: " in result["msg"]
    assert "wen" in result["msg"]
