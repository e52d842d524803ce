"""What the documentation shows is what the collection takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.webstack.flask.plugins.module_utils._errors import UserError
from ansible_collections.webstack.flask.plugins.plugin_utils._flask_apps.checks import check_apps

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def examples() -> Iterator[tuple[str, Any]]:
    for page in PAGES:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)):
            # As a vault would have it.
            yield f"{page.name}-{number}", yaml.safe_load(re.sub(r"\{\{ vault_\w+_url \}\}", "json://hooks.example.com", block))
    yield "inventories/example", yaml.safe_load((ROOT / "inventories/example/group_vars/all.yml").read_text(encoding="utf-8"))


def find_apps(example: dict[str, Any]) -> object:
    return example.get("flask_apps") or example["all"]["vars"]["flask_apps"]


@pytest.mark.parametrize(("name", "example"), list(examples()))
def test_every_example_is_accepted(name: str, example: dict[str, Any]) -> None:
    assert check_apps(find_apps(example)), name


def test_the_readme_and_the_reference_have_examples() -> None:
    assert {"README.md-0", "flask_apps.md-0"} <= dict(examples()).keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_every_fault_of_the_table_names_a_test_that_exists() -> None:
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    scenarios = ("release", "gunicorn_systemd", "debian_packages", "vm", "upgrade", "safety", "processes", "site", "data")
    tests = "".join(
        file.read_text(encoding="utf-8") for name in scenarios for file in (ROOT / "molecule" / name / "tests").glob("test_*.py")
    )
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_every_attack_of_the_security_page_names_a_test_that_exists() -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text(encoding="utf-8"))
    tests = "".join(file.read_text(encoding="utf-8") for place in ("tests/unit", "molecule") for file in (ROOT / place).rglob("test_*.py"))
    assert len(named) > 50
    assert [name for name in named if f"def {name}(" not in tests] == []


def read_refusals() -> list[tuple[str, str]]:
    page = (ROOT / "docs" / "refused.md").read_text(encoding="utf-8")
    return [(given, message.replace("\\|", "|")) for given, message in re.findall(r"^\| `(\{.*\})` \| (.*) \|$", page, re.MULTILINE)]


def test_there_are_refusals() -> None:
    assert len(read_refusals()) > 30


@pytest.mark.parametrize(("given", "message"), read_refusals())
def test_what_the_documentation_says_is_refused_is_refused_in_these_words(given: str, message: str) -> None:
    page = (ROOT / "docs" / "refused.md").read_text(encoding="utf-8")
    (plain,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])["flask_apps"]
    with pytest.raises(UserError) as caught:
        check_apps([{**plain, **yaml.safe_load(given)}])
    assert str(caught.value).splitlines()[1:] == [f"- {message}"]
