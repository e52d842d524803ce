from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.webstack.flask.plugins.plugin_utils import _specs
from ansible_collections.webstack.flask.plugins.plugin_utils._specs import find_problems, list_defaults, load_options

ROLES = sorted(directory.name for directory in (Path(__file__).parents[4] / "roles").iterdir())

_SPEC = """
argument_specs:
  main:
    options:
      x_sites:
        type: list
        elements: dict
        description: What is served.
        options:
          description: {type: str, required: true, description: An option may have the name of a word of argument specs.}
          tls:
            type: dict
            default: {}
            description: How it is served.
            options: {ports: {type: list, elements: int, default: [443], description: Its ports.}}
"""


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, object]:
    monkeypatch.setattr(_specs, "_ROLES", tmp_path)
    (tmp_path / "x" / "meta").mkdir(parents=True)
    (tmp_path / "x" / "meta" / "argument_specs.yml").write_text(_SPEC, encoding="utf-8")
    options: dict[str, object] = load_options("x")["x_sites"]["options"]
    return options


def test_an_option_comes_without_its_description(sites: dict[str, object]) -> None:
    assert sites["description"] == {"type": "str", "required": True}


def test_no_two_entries_share_the_defaults_of_a_mapping(sites: dict[str, object]) -> None:
    first, second = (ArgumentSpecValidator(sites).validate({"description": text}).validated_parameters for text in ("a", "b"))
    assert first["tls"] == second["tls"] == {"ports": [443]}
    assert first["tls"] is not second["tls"]


def test_defaults_are_of_options_that_are_not_required() -> None:
    assert list_defaults({"name": {"required": True}, "port": {"default": 80}, "root": {"type": "str"}}) == {"port": 80, "root": None}


@pytest.mark.parametrize("role", ROLES)
def test_the_argument_specs_of_every_role_are_loaded(role: str) -> None:
    assert all(name.startswith(role) for name in load_options(role))


def test_a_wrong_value_is_named_with_its_variable_and_what_is_allowed() -> None:
    options = {"one_limit": {"type": "int"}, "one_mode": {"type": "str", "choices": ["a", "b"]}, "one_name": {"type": "str"}}
    problems = find_problems(options, {"one_limit": "soon", "one_mode": "c", "one_name": "fine"})
    assert [problem.partition(":")[0] for problem in problems] == ["one_limit is 'soon'", "one_mode is 'c'"]
    assert "value of one_mode must be one of: a, b, got: c" in problems[1]


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ({"type": "int", "no_log": True}, "s3cret", "of the type int"),
        ({"type": "str", "choices": ["a", "b"], "no_log": True}, "s3cret", "of the type str, one of a, b"),
        (
            {"type": "list", "elements": "dict", "options": {"key": {"type": "int", "no_log": True}}},
            [{"key": "s3cret"}],
            "of the type list of dict",
        ),
    ],
)
def test_a_wrong_value_that_may_be_secret_is_not_shown(option: dict[str, Any], value: object, told: str) -> None:
    told = f"one is not {told}, as its description asks; it is not shown, because it may be secret"
    assert find_problems({"one": option}, {"one": value}) == [told]
