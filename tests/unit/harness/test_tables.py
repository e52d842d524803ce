"""The tables of options in the documentation, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from harness import cli, paths, tables
from harness.commands import docs
from harness.process import HarnessError

_ROLES: dict[str, Any] = {
    "shop": yaml.safe_load(r"""
        shop_goods:
          type: list
          default: []
          description: What is sold.
          options:
            name: {required: true, description: [Its name., "C(a|b) is one."]}
            label: {default: {}, description: How it looks., options: {color: {default: red, description: "Not O(shop_goods[].name)."}}}
        shop_open: {default: true, description: "Open unless O(shop_goods=[]), see L(Hours,docs/hours.md#week) and V(call(\\))."}
        """),
}


def _fill(page: str, place: str = "roles/shop/README.md") -> str:
    return tables.fill(page, place, _ROLES)


def test_a_table_has_the_variables_of_a_role_and_what_is_within_them() -> None:
    page = "# Shop\n\n<!-- variables: shop -->\nold\n<!-- end of variables -->\n\nText.\n"
    assert _fill(page) == (
        "# Shop\n\n<!-- variables: shop -->\n"
        "| variable | default | is |\n"
        "| --- | --- | --- |\n"
        "| `shop_goods` | `[]` | What is sold. |\n"
        "| `shop_goods.name` | required | Its name. `a\\|b` is one. |\n"
        "| `shop_goods.label` | | How it looks. |\n"
        "| `shop_goods.label.color` | `red` | Not `name`. |\n"
        "| `shop_open` | `true` | Open unless `shop_goods: []`, see [Hours](../../docs/hours.md#week) and `call()`. |\n"
        "<!-- end of variables -->\n\nText.\n"
    )


def test_options_with_a_table_of_their_own_are_not_in_the_one_above() -> None:
    page = _fill("".join(f"<!-- options: {path} -->\n<!-- end of options -->\n" for path in ("shop_goods", "shop_goods.label")))
    assert re.findall(r"^\| (`.*) \|$", page, re.MULTILINE) == [
        "`name` | required | Its name. `a\\|b` is one.",
        "`label` | | How it looks. Described below.",
        "`color` | `red` | Not `name`.",
    ]


def test_a_table_that_is_current_stays_as_it_is() -> None:
    page = _fill("<!-- keys: shop_goods -->\n<!-- end of keys -->\n")
    assert page.splitlines()[1] == "| key | default | is |"
    assert _fill(page) == page


@pytest.mark.parametrize(
    "page", ["<!-- options: shop_goods -->\n", "<!-- end of keys -->\n", "<!-- options: shop_goods -->\n<!-- end of keys -->\n"]
)
def test_a_table_without_a_beginning_or_an_end_is_refused(page: str) -> None:
    with pytest.raises(HarnessError, match=r"roles/shop/README\.md: a table of options is without its first or its last line"):
        _fill(page)


@pytest.mark.parametrize("path", ["variables: blog", "options: shop_good", "options: shop_goods.size", "options: shop_goods.label.color"])
def test_a_table_of_what_there_is_not_is_refused(path: str) -> None:
    with pytest.raises(HarnessError, match=r"docs/x\.md: there are no \w+s of "):
        _fill(f"<!-- {path} -->\n<!-- end of {path.partition(':')[0]} -->\n", "docs/x.md")


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        ("www-data", "www-data"),
        ("", '""'),
        ("off", '"off"'),
        ("3.12", '"3.12"'),
        (0.2, "0.2"),
        (False, "false"),
        (None, "null"),
        ({}, "{}"),
        (["git", "a: b", 3], '[git, "a: b", 3]'),
    ],
)
def test_a_default_is_shown_as_one_writes_it(default: object, shown: str) -> None:
    assert tables.show_default({"default": default}) == f"`{shown}`"
    assert yaml.safe_load(shown) == default


def test_every_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["docs", "--check"])
    assert status == 0, capsys.readouterr().out


def test_a_page_that_is_not_current_is_named_with_what_to_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = paths.ROOT / "docs" / "flask_apps.md"
    monkeypatch.setattr(docs, "stale_pages", lambda: iter([(page, "")]))
    assert cli.main(["docs", "--check"]) == 1
    assert capsys.readouterr().out == "docs/flask_apps.md: a table is not current; run ./dev docs\n"


def _flatten(options: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, option in options.items():
        yield prefix + name
        yield from _flatten(option.get("options", {}), f"{prefix}{name}.")


@pytest.mark.parametrize("role", sorted(file.name for file in (paths.ROOT / "roles").iterdir()))
def test_the_documentation_has_every_option(role: str) -> None:
    specs = yaml.safe_load((paths.ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    page = paths.ROOT / ("docs/flask_apps.md" if role == "flask_apps" else f"roles/{role}/README.md")
    rows = sum(len(table["rows"].splitlines()) - 2 for table in tables.TABLE.finditer(page.read_text(encoding="utf-8")))
    options = list(_flatten(dict(tables.join(role, specs["argument_specs"]))))
    assert rows == len(options) - (role == "flask_apps")  # the page is about that variable itself
