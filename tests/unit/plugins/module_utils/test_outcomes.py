from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError, describe_error
from ansible_collections.webstack.flask.plugins.module_utils._layout import check_name
from ansible_collections.webstack.flask.plugins.module_utils._outcomes import (
    FlaskModule,
    exit_with,
    for_each_app,
    run_for_apps,
)


def _attend(app: dict[str, Any]) -> dict[str, Any]:
    if app["name"] == "good":
        return {"changed": True}
    raise app["error"]


def test_the_failure_of_one_does_not_keep_it_from_the_others() -> None:
    apps: list[dict[str, Any]] = [
        {"name": "full", "error": OSError(28, "No space left on device")},
        {"name": "wrong", "error": UserError("there is no such branch")},
        {"name": "deep", "error": RecursionError("too deep")},
        {"name": "good"},
    ]
    outcomes = for_each_app(apps, _attend, {"changed": False})
    assert outcomes.pop("deep")["error"].startswith("unexpected RecursionError: too deep")
    assert outcomes == {
        "full": {"changed": False, "error": "[Errno 28] No space left on device"},
        "wrong": {"changed": False, "error": "there is no such branch"},
        "good": {"changed": True},
    }


def test_workers_attend_to_several_apps_at_a_time_and_the_outcomes_keep_their_order() -> None:
    together = threading.Barrier(2, timeout=30)

    def meet(app: dict[str, Any]) -> dict[str, Any]:
        together.wait()
        return _attend(app)

    apps: list[dict[str, Any]] = [{"name": "wrong", "error": UserError("no")}, {"name": "good"}]
    outcomes = for_each_app(apps, meet, {"changed": False}, workers=2)
    assert list(outcomes.items()) == [("wrong", {"changed": False, "error": "no"}), ("good", {"changed": True})]


def _describe_raised(number: object) -> str:
    try:
        check_name(number)  # type: ignore[arg-type]
    except TypeError as error:
        return describe_error(error)
    return ""


def test_what_nobody_expected_is_told_with_its_place_in_our_code() -> None:
    assert _describe_raised(1).startswith("unexpected TypeError: expected string or bytes-like object")
    assert " (plugins/module_utils/_layout.py:" in _describe_raised(1)
    assert _describe_raised(1).endswith("); please report it")


def test_no_more_of_an_unexpected_text_is_told_than_a_message_can_use() -> None:
    assert describe_error(ValueError("x" * 501)) == f"unexpected ValueError: {'x' * 500}…; please report it"


class Recorder:
    """Stands in for what Ansible does with a result."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        for name in ("exit_json", "fail_json", "warn"):
            monkeypatch.setattr(AnsibleModule, name, self._record(name))
        self.module = FlaskModule.__new__(FlaskModule)

    def _record(self, name: str) -> Any:  # noqa: ANN401 - a method
        def method(_module: AnsibleModule, *words: str, **result: object) -> None:
            self.said.append((name, {**result, **({"words": words} if words else {})}))

        return method


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(monkeypatch)


def test_no_word_of_a_module_can_command_a_terminal(recorder: Recorder) -> None:
    recorder.module.exit_json(changed=True, apps={"a\x1b": ["\x9b1m", 1]})
    recorder.module.fail_json(msg="a\x1b[2Jb\nc", apps={"x": "\u202e"})
    recorder.module.warn("\x07")
    assert recorder.said == [
        ("exit_json", {"changed": True, "apps": {"a\\x1b": ["\\x9b1m", 1]}}),
        ("fail_json", {"msg": "a\\x1b[2Jb\nc", "apps": {"x": "\\u202e"}}),
        ("warn", {"words": ("\\x07",)}),
    ]


_OUTCOMES: dict[str, dict[str, Any]] = {
    "shop": {"changed": True},
    "blog": {"changed": False, "error": "no"},
    "wiki": {"changed": False, "error": "no\nway"},
}


def test_a_module_fails_with_the_reason_of_each_app(recorder: Recorder) -> None:
    exit_with(recorder.module, "builds", _OUTCOMES)
    assert recorder.said[0] == ("fail_json", {"msg": "blog: no\nwiki: no\nway", "changed": True, "builds": _OUTCOMES})


def test_a_module_that_is_to_defer_errors_ends_well_with_all_of_them_in_its_result(recorder: Recorder) -> None:
    exit_with(recorder.module, "builds", _OUTCOMES, defer_errors=True)
    assert recorder.said == [("exit_json", {"changed": True, "builds": _OUTCOMES})]


def test_a_change_that_is_no_app_s_counts(recorder: Recorder) -> None:
    exit_with(recorder.module, "builds", {"shop": {"changed": False}}, changed=True)
    exit_with(recorder.module, "builds", {"shop": {"changed": False}})
    assert [result["changed"] for _name, result in recorder.said] == [True, False]


_APPS: list[dict[str, Any]] = [{"name": "good"}, {"name": "wrong", "error": UserError("no such index: https://me:hunter2@pypi.test")}]


def _run(recorder: Recorder, **params: object) -> tuple[str, dict[str, Any]]:
    recorder.module.params = params
    run_for_apps(recorder.module, "builds", _APPS, _attend, {"changed": False}, redact=lambda text: text.replace("hunter2", "****"))
    return recorder.said[0]


def test_a_module_runs_for_each_app_and_no_secret_is_in_its_errors(recorder: Recorder) -> None:
    error = "no such index: https://me:****@pypi.test"
    builds = {"good": {"changed": True}, "wrong": {"changed": False, "error": error}}
    assert _run(recorder) == ("fail_json", {"msg": f"wrong: {error}", "changed": True, "builds": builds})


def test_a_module_with_the_option_to_defer_errors_is_asked_whether_it_does(recorder: Recorder) -> None:
    assert _run(recorder, defer_errors=True)[0] == "exit_json"
