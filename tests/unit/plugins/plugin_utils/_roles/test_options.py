"""The variables of roles are known as their argument specs describe them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.webstack.flask.plugins.plugin_utils._roles.options import ROLES, read_role_options

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
