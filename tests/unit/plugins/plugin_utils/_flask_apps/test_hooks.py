"""Task files of the user: what is refused, and what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.hooks import (
    describe_hook_failure,
    find_hook_problem,
    list_hook_failures,
    list_switches,
)


def _load(path: str) -> object:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_path_is_no_hook(value: object) -> None:
    assert find_hook_problem("flask_after_switch_tasks", value, _load, len) is None


def test_a_list_of_tasks_is_taken(tmp_path: Path) -> None:
    (tmp_path / "tasks.yml").write_text("- name: Say it\n  ansible.builtin.debug:\n", encoding="utf-8")
    assert find_hook_problem("flask_after_switch_tasks", str(tmp_path / "tasks.yml"), _load, len) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is no list of tasks"),
        ("[]", "the file is no list of tasks"),
        ("name: Say it", "the file is no list of tasks"),
        ("[say, it]", "the file is no list of tasks"),
        ("- hosts: all\n  tasks: []", "which is a playbook"),
        ("- ansible.builtin.import_playbook: other.yml", "which is a playbook"),
        ("- name: [", "which Ansible does not understand: "),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "tasks.yml").write_text(text, encoding="utf-8")
    problem = find_hook_problem("flask_after_switch_tasks", str(tmp_path / "tasks.yml"), _load, len)
    assert problem is not None
    assert problem.startswith(f"flask_after_switch_tasks is '{tmp_path}/tasks.yml'")
    assert told in problem


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("hooks/after.yml", "`{{ inventory_dir }}/hooks/after.yml`"),
        ("/nowhere/after.yml", "there is no such file on the computer that runs Ansible"),
        (["/a.yml", "/b.yml"], "must be the path of one task file"),
    ],
)
def test_another_path_is_refused_with_what_to_write(path: object, told: str) -> None:
    assert told in str(find_hook_problem("flask_after_switch_tasks", path, _load, len))


SHOP = {"id": "new", "previous": "old", "current": "new"}


@pytest.mark.parametrize(
    ("outcome", "planned", "listed"),
    [
        (SHOP, False, {"from": "old", "to": "new"}),
        ({**SHOP, "current": "old"}, False, None),
        ({**SHOP, "current": "old"}, True, {"from": "old", "to": "new"}),
        ({**SHOP, "id": "old", "current": "old"}, True, None),
        ({**SHOP, "current": "old", "error": "no room"}, True, None),
        ({"id": "new", "previous": None, "current": "new"}, False, {"from": None, "to": "new"}),
        ({"previous": "new", "current": "old"}, False, {"from": "new", "to": "old"}),
        ({"id": None, "previous": None, "current": None, "error": "no room"}, False, None),
    ],
)
def test_those_are_told_that_get_another_release(
    outcome: dict[str, str | None],
    planned: bool,  # noqa: FBT001 - a parameter of the test
    listed: dict[str, str | None] | None,
) -> None:
    told = list_switches({"releases": {"shop": outcome}}, [{"builds": {"shop": {"version": "v2"}}}], planned=planned)
    assert told == ([{"name": "shop", "version": "v2", **listed}] if listed else [])


def test_what_has_failed_is_told_without_what_a_terminal_would_obey_and_not_at_any_length() -> None:
    results = [{"builds": {"shop": {"error": f"\x1b[2J{'x' * 9000}the end"}}}, {}]
    shop, hook = list_hook_failures(results, ["flask_after_switch_tasks: no"])
    assert shop["app"] == "shop"
    assert shop["reason"].startswith("\\x1b[2J")
    assert shop["reason"].endswith("the end")
    assert len(shop["reason"]) < 2100
    assert hook == {"app": "", "reason": "flask_after_switch_tasks: no"}


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ({"name": "Pay", "no_log": False}, "'Pay' has failed: no money"),
        ({"name": "Pay", "no_log": True}, "'Pay' has failed: it has no_log"),
        ({"name": "", "action": "command"}, "'command' has failed: no money"),
    ],
)
def test_a_task_of_the_user_that_has_failed_is_named(task: dict[str, object], said: str) -> None:
    assert describe_hook_failure("flask_after_switch_tasks", task, {"msg": "no money"}) == f"flask_after_switch_tasks: the task {said}"
