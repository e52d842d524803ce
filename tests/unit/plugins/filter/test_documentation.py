"""`ansible-doc -t filter` finds each filter, and tells the truth of its parameters."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.webstack.flask.plugins.filter import (
    backups,
    certificates,
    environments,
    etc_hosts,
    flask_apps,
    hooks,
    metrics,
    nginx_sites,
    notifications,
    patching,
    releases,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_PLUGINS = Path(__file__).parents[4] / "plugins/filter"
_MODULES = (
    *(backups, certificates, environments, etc_hosts, flask_apps, hooks, metrics, nginx_sites, notifications, patching),
    *(releases, status),
)
_FILTERS: dict[str, Callable[..., Any]] = {
    name: function for module in _MODULES for name, function in module.FilterModule().filters().items()
}


def _document(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((_PLUGINS / f"{name}.yml").read_text(encoding="utf-8"))
    return content


def test_each_filter_is_documented_and_nothing_else_is() -> None:
    assert {path.stem for path in _PLUGINS.glob("*.yml")} == set(_FILTERS)
    assert {path.stem for path in _PLUGINS.glob("*.py")} == {
        "certificates",
        "backups",
        "environments",
        "etc_hosts",
        "flask_apps",
        "hooks",
        "metrics",
        "nginx_sites",
        "notifications",
        "patching",
        "releases",
        "status",
    }


@pytest.mark.parametrize("name", sorted(_FILTERS))
def test_the_document_is_that_of_the_filter(name: str) -> None:
    assert _document(name)["DOCUMENTATION"]["name"] == name
    assert f"webstack.flask.{name}" in _document(name)["EXAMPLES"]


@pytest.mark.parametrize("name", sorted(_FILTERS))
def test_the_parameters_are_those_of_the_function(name: str) -> None:
    first, *parameters = inspect.signature(_FILTERS[name]).parameters.values()
    documentation = _document(name)["DOCUMENTATION"]
    positional = [word.strip() for word in documentation.get("positional", "").split(",") if word]
    assert first.default is inspect.Parameter.empty
    assert positional == [parameter.name for parameter in parameters]
    assert list(documentation["options"]) == ["_input", *positional]
    for parameter in parameters:
        option = documentation["options"][parameter.name]
        assert option.get("default", inspect.Parameter.empty) == parameter.default
        assert option.get("required", False) is (parameter.default is inspect.Parameter.empty)
