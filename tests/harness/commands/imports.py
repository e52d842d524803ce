"""./dev imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import imports

if TYPE_CHECKING:
    import argparse

    from harness.commands import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("imports", help="show which part of the collection's code imports which")
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Print the picture."""
    print(imports.draw(imports.find_imports()))
    return 0
