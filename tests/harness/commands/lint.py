"""./dev lint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import copies, paths, process
from harness.process import CommandError, say

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from harness.commands import Commands

_ON_THE_CONTROLLER = ("plugins/action/", "plugins/filter/", "plugins/lookup/", "plugins/plugin_utils/")
"""What Ansible loads on the computer where it runs. mypy follows it to the module_utils that it imports."""

TOOLS = ("ruff check", "ruff format", "mypy", "yamllint", "ansible-lint", "antsibull-changelog")


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("lint", help="run ruff, mypy, yamllint, ansible-lint and antsibull-changelog")
    parser.add_argument("--fix", action="store_true", help="let ruff repair what it can, first")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run all linters on the terminal, also after one has found something."""
    if arguments.fix:
        process.run(["ruff", "check", "--quiet", "--fix-only", "."], cwd=paths.ROOT)
        process.run(["ruff", "format", "--quiet", "."], cwd=paths.ROOT)
    failed = []
    for tool in TOOLS:
        say(f"== {tool}")
        try:
            lint(tool)
        except CommandError:
            failed.append(tool)
    say(f"Found something: {', '.join(failed)}." if failed else "All linters are content.")
    return 1 if failed else 0


def lint(tool: str, log: TextIO | None = None) -> None:
    """Run one linter; raise CommandError when it finds something."""
    for argv in _commands(tool):
        process.run(argv, log=log, cwd=paths.ROOT)


def _commands(tool: str) -> list[list[str]]:
    match tool:
        case "ruff check":
            return [["ruff", "check", "."]]
        case "ruff format":
            return [["ruff", "format", "--check", "."]]
        case "mypy":
            files = copies.sources()
            controller = [name for name in files if name.startswith(_ON_THE_CONTROLLER)]
            # 3.10 is the oldest Python that mypy knows; tests/unit/plugins/test_old_python.py has what 3.9 lacks besides.
            return [["mypy", *typed_sources(files)], ["mypy", "--python-version", "3.10", *typed_sources(controller)]]
        case "yamllint":
            return [["yamllint", "--strict", "."]]
        case "antsibull-changelog":
            return [["antsibull-changelog", "lint"]]
        case _:
            return [["ansible-lint"]]


def typed_sources(files: list[str]) -> list[str]:
    """Return the Python files for mypy, each by the one name under which others import it; small Flask apps are left out."""
    python = [name for name in files if name.endswith(".py") and not name.startswith("tests/apps/") and "/files/" not in name]
    return [f".collections/ansible_collections/webstack/flask/{name}" if name.startswith("plugins/") else name for name in python]
