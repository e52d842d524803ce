"""./dev unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import paths, process
from harness.process import CommandError

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from harness.commands import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("unit", usage="./dev unit [ARGUMENT OF pytest ...]", help="run the unit tests; further words go to pytest")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run pytest on the terminal."""
    try:
        unit(arguments.words)
    except CommandError as error:
        return error.status
    return 0


def unit(words: list[str], log: TextIO | None = None) -> None:
    """Run the unit tests; raise CommandError when one fails."""
    process.run(["python", "-m", "pytest", *(words or ["-q"])], log=log, cwd=paths.ROOT)
