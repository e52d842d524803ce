"""The variables of roles are known as their argument specs describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.webstack.flask.plugins.plugin_utils._roles.options import ROLES, find_option_problems, read_role_options

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """argument_specs:
  main:
    options:
      {0}_apps: {{type: list, elements: dict, required: true, options: {{name: {{type: str, required: true}}}}}}
      {0}_limit: {{type: int, default: 3}}
"""


def test_the_options_of_several_roles_are_one_spec_that_requires_none_of_them(tmp_path: Path) -> None:
    for role in ("one", "two", "three"):
        (tmp_path / role / "meta").mkdir(parents=True)
        (tmp_path / role / "meta" / "argument_specs.yml").write_text(SPEC.format(role), encoding="utf-8")
    inner = {"name": {"type": "str", "required": True}}
    assert read_role_options(["one", "two"], tmp_path) == {
        "one_apps": {"type": "list", "elements": "dict", "options": inner},
        "one_limit": {"type": "int", "default": 3},
        "two_apps": {"type": "list", "elements": "dict", "options": inner},
        "two_limit": {"type": "int", "default": 3},
    }


def test_the_roles_are_those_of_the_collection() -> None:
    roles = sorted(path.name for path in ROLES.iterdir())
    assert "etc_hosts_entries" in read_role_options(roles)


def test_a_wrong_value_is_named_with_its_variable_and_what_is_allowed_and_a_secret_is_not_shown() -> None:
    options = {
        "one_limit": {"type": "int"},
        "one_mode": {"type": "str", "choices": ["a", "b"]},
        "one_key": {"type": "dict", "no_log": True},
        "one_name": {"type": "str"},
    }
    problems = find_option_problems(options, {"one_limit": "soon", "one_mode": "c", "one_key": "s3cret", "one_name": "fine"})
    assert [problem.partition(":")[0] for problem in problems] == ["one_limit is 'soon'", "one_mode is 'c'", "one_key is not shown"]
    assert "value of one_mode must be one of: a, b, got: c" in problems[1]
    assert "s3cret" not in "".join(problems)
