"""The controller's half of the module `builds`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.webstack.flask.plugins.action import builds
from ansible_collections.webstack.flask.plugins.module_utils._source.secrets import reveal_secrets
from ansible_collections.webstack.flask.plugins.module_utils._source.tree import pack_tree


def _join(*parts: str) -> str:
    return "/".join(parts)


class Action(builds.ActionModule):
    """The plugin with a host that exists in words only."""

    def __init__(self, apps: list[dict[str, Any]], *results: dict[str, Any], **arguments: object) -> None:
        self._task = SimpleNamespace(args={"apps": apps, **arguments})
        self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/tmp/x", join_path=_join))  # noqa: S108 - not written to
        self._results = list(results)
        self.asked: list[list[dict[str, Any]]] = []
        self.sent: list[str] = []
        self.variables: dict[str, str] = {}

    def _execute_module(self, *, module_args: dict[str, Any], **_others: object) -> dict[str, Any]:
        assert module_args["defer_errors"] is True
        assert not module_args.get("variables")
        apps, self.variables = reveal_secrets(module_args["apps"], module_args["secrets"])
        self.asked.append(apps)
        return self._results.pop(0)

    def _transfer_file(self, local_path: str, remote_path: str) -> None:
        assert local_path
        self.sent.append(remote_path)

    def _fixup_perms2(self, paths: tuple[str, ...]) -> None:
        assert list(paths[1:]) == self.sent

    def _remove_tmp_path(self, *_arguments: object, **_options: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_ansible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_arguments: {})


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name in ("shop", "blog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.py").write_text(name, encoding="utf-8")
    return tmp_path


def _run(action: Action, base: Path) -> dict[str, Any]:
    result: dict[str, Any] = action.run(None, {"inventory_dir": str(base)})
    return result


def _build(**outcome: object) -> dict[str, Any]:
    return {"id": "0", "path": "/p", "changed": False, **outcome}


_GIT = {"name": "wiki", "git": "https://git.test/wiki"}


def test_a_source_that_is_not_there_does_not_keep_the_others_from_their_builds(base: Path) -> None:
    action = Action([{"name": "gone", "path": "nowhere"}, _GIT], {"changed": True, "builds": {"wiki": _build(changed=True)}})
    result = _run(action, base)
    assert [app["name"] for app in action.asked[0]] == ["wiki"]
    assert list(result["builds"]) == ["gone", "wiki"]
    assert result["builds"]["wiki"]["changed"]
    assert result["failed"]
    assert result["msg"] == f"gone: the source {base}/nowhere is not a directory on the controller"


def test_errors_that_are_deferred_are_in_the_result_and_the_task_goes_on(base: Path) -> None:
    failed = {"changed": False, "builds": {"wiki": _build(error="no such branch")}}
    result = _run(Action([{"name": "gone", "path": "nowhere"}, _GIT], failed, defer_errors=True), base)
    assert "failed" not in result
    assert [outcome["error"].split()[0] for outcome in result["builds"].values()] == ["the", "no"]


def test_an_app_that_failed_on_the_host_does_not_keep_others_from_being_carried_over(base: Path) -> None:
    first = {"changed": True, "warnings": ["a"], "builds": {"wiki": _build(error="no"), "shop": _build(missing=True), "blog": _build()}}
    second = {"changed": True, "warnings": ["b"], "builds": {"shop": _build(changed=True)}}
    action = Action([_GIT, {"name": "shop", "path": "shop"}, {"name": "blog", "path": "blog"}], first, second)
    result = _run(action, base)
    assert action.sent == ["/tmp/x/shop.packed"]  # noqa: S108
    assert [(app["name"], app["packed"]) for app in action.asked[1]] == [("shop", "/tmp/x/shop.packed")]  # noqa: S108
    assert result["msg"] == "wiki: no"
    assert result["warnings"] == ["a", "b"]
    assert {name: outcome["changed"] for name, outcome in result["builds"].items()} == {"wiki": False, "shop": True, "blog": False}


def test_a_source_that_cannot_be_packed_is_the_error_of_its_app(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = {"changed": True, "builds": {"shop": _build(missing=True), "blog": _build(missing=True)}}
    second = {"changed": True, "builds": {"blog": _build(changed=True)}}

    def pack(top: Path, *others: Any) -> None:  # noqa: ANN401 - handed on
        if top.name == "shop":
            raise RecursionError("\x1b[2J")
        pack_tree(top, *others)

    monkeypatch.setattr(builds, "pack_tree", pack)
    action = Action([{"name": "shop", "path": "shop"}, {"name": "blog", "path": "blog"}], first, second)
    result = _run(action, base)
    assert action.sent == ["/tmp/x/blog.packed"]  # noqa: S108
    assert result["builds"]["blog"]["changed"]
    assert result["msg"].startswith("shop: unexpected RecursionError: \\x1b[2J")


def test_a_module_that_failed_as_a_whole_is_told_as_it_is(base: Path) -> None:
    failure = {"failed": True, "msg": "missing required arguments: name"}
    assert _run(Action([{"name": "gone", "path": "nowhere"}, _GIT], failure), base) == failure


def test_without_an_error_nothing_has_failed(base: Path) -> None:
    result = _run(Action([_GIT], {"changed": False, "builds": {"wiki": _build()}}), base)
    assert result == {"changed": False, "builds": {"wiki": _build()}}


def test_environment_variables_reach_the_host_with_the_secrets(base: Path) -> None:
    action = Action([_GIT], {"changed": False, "builds": {"wiki": _build()}}, variables={"HTTPS_PROXY": "http://me:hunter2@proxy.test"})
    _run(action, base)
    assert action.variables == {"HTTPS_PROXY": "http://me:hunter2@proxy.test"}
