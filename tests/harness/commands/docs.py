"""./dev docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import paths
from harness.process import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from harness.commands import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("docs", help="write the tables of options in the documentation, from the argument specs of the roles")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a table is not current")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the pages whose tables are not current, or tell which they are."""
    found = dict(stale_pages())
    for page, content in found.items():
        if not arguments.check:
            page.write_text(content, encoding="utf-8")
        say(f"{page.relative_to(paths.ROOT)}: {'a table is not current; run ./dev docs' if arguments.check else 'written'}")
    return 1 if arguments.check and found else 0


def pages() -> list[Path]:
    """Return the pages that may have tables of options."""
    return sorted([paths.ROOT / "README.md", *(paths.ROOT / "docs").glob("*.md"), *(paths.ROOT / "roles").glob("*/README.md")])


def stale_pages() -> Iterator[tuple[Path, str]]:
    """Yield each page with a table that is not current, and what the page has to be."""
    import yaml  # noqa: PLC0415 - the help is shown before anything is installed

    from harness import tables  # noqa: PLC0415 - likewise

    specs = {file.parts[-3]: file for file in (paths.ROOT / "roles").glob("*/meta/argument_specs.yml")}
    roles = {role: tables.join(role, yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]) for role, file in specs.items()}
    for page in pages():
        content = page.read_text(encoding="utf-8")
        current = tables.fill(content, str(page.relative_to(paths.ROOT)), roles)
        if current != content:
            yield page, current
