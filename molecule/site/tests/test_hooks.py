"""Task files of the user before and after the switch, after a failure, and after a rollback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenario_tests import http_get, one_of, run_playbook
from scenario_tests.releases import read_app

if TYPE_CHECKING:
    from testinfra.host import Host

testinfra_hosts = one_of("debian12", "debian13")

SITE, DEPLOY, ROLLBACK = (Path(f"playbooks/{name}.yml") for name in ("site", "deploy", "rollback"))

TASKS = r"""
- name: Write down what is told, and what users reach
  ansible.builtin.command:
    argv: [readlink, /var/www/smallest/current]
  register: reached
  changed_when: false
  become: true

- name: Write it on the computer that runs Ansible
  ansible.builtin.copy:
    content: "{{{{ [reached.stdout, flask_hook] | to_json }}}}"
    dest: {told}
    mode: "0600"
  delegate_to: localhost
  become: false

- name: Ask the budget
  ansible.builtin.assert:
    that: {good}
    fail_msg: "the budget \x1b[31mis spent"
"""


class Hooks:
    """Task files in a directory, each of which writes down what it is told."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def write(self, **good: bool) -> dict[str, str]:
        """Return the variables of hooks that end well, or fail as the last thing that they do."""
        for name, ends_well in good.items():
            told = self._directory / f"{name}.json"
            told.unlink(missing_ok=True)
            self._file(name).write_text(TASKS.format(told=told, good=json.dumps(ends_well)), encoding="utf-8")
        return {f"flask_{name}_tasks": str(self._file(name)) for name in good}

    def told(self, name: str) -> Any:  # noqa: ANN401 - as the hook has written it
        """Return the link of the smallest app as the hook has found it, and what it was told; None if it has not run."""
        told = self._directory / f"{name}.json"
        return json.loads(told.read_text(encoding="utf-8")) if told.exists() else None

    def _file(self, name: str) -> Path:
        return self._directory / f"{name}.yml"


def test_tasks_of_the_user_run_around_the_switch_and_are_told_what_it_is_about(host: Host, tmp_path: Path) -> None:
    hooks, apps = Hooks(tmp_path), {app["name"]: app for app in host.ansible.get_variables()["flask_apps"]}
    first = read_app(host, "smallest").current
    smallest, guestbook = {**apps["smallest"], "env": {"EDITION": "hooked"}}, {**apps["guestbook"], "wsgi": "app:nothing"}

    # Before fails: nothing is switched, and it is told to the hook of failures.
    variables = hooks.write(before_switch=False, after_switch=True, after_failure=True)
    run = run_playbook(host, SITE, {"flask_apps": [smallest], **variables}, options=["--tags", "deploy"])
    assert run.status != 0
    assert "Nothing was switched." in run.output
    assert read_app(host, "smallest").current == first
    link, hook = hooks.told("before_switch")
    new = hook["apps"][0]["to"]
    assert hook == {"apps": [{"name": "smallest", "from": first, "to": new, "version": hook["apps"][0]["version"]}], "failures": []}
    assert new not in {first, None}
    assert hooks.told("after_switch") is None
    (failure,) = hooks.told("after_failure")[1]["failures"]
    assert failure["app"] == ""
    assert failure["reason"] == "flask_before_switch_tasks: the task 'Ask the budget' has failed: the budget \\x1b[31mis spent"

    # One app is switched and another one fails; after fails and so does the hook of failures: users stay, and each failure is told.
    variables = hooks.write(before_switch=True, after_switch=False, after_failure=False)
    run = run_playbook(host, DEPLOY, {"flask_apps": [smallest, guestbook], **variables})
    assert run.status != 0
    assert hooks.told("before_switch")[0] == link
    assert hooks.told("after_switch")[0] == f"releases/{new}"
    assert [app["name"] for app in hooks.told("after_switch")[1]["apps"]] == ["smallest"]
    assert [failure["app"] for failure in hooks.told("after_failure")[1]["failures"]] == ["guestbook", ""]
    words = " ".join(run.output.rpartition("Say what has failed")[2].split())
    for told in ("guestbook: ", "flask_after_switch_tasks: the task", "flask_after_failure_tasks: the task"):
        assert told in words
    assert read_app(host, "smallest").current == new
    assert http_get(host, "guestbook.test").status == 200

    back = run_playbook(host, ROLLBACK, {"flask_apps": [smallest], **hooks.write(after_switch=True)}).succeeded()
    assert back.changed > 0
    switch = {"name": "smallest", "from": new, "to": first, "version": ""}
    assert hooks.told("after_switch") == [f"releases/{first}", {"apps": [switch], "failures": []}]
