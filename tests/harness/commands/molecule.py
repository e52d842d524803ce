"""./dev molecule."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness import docker, images, paths, process
from harness.process import CommandError, HarnessError

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from harness.commands import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "molecule",
        help="run one scenario on Debian 12 and 13",
        usage="./dev molecule NAME [STEP [OPTION ...]] [-- OPTION_OF_ANSIBLE_PLAYBOOK ...]",
        description="Run molecule for one scenario: the whole test, or another of its steps with its own options.",
        epilog=f"Scenarios: {', '.join(scenarios())}. Examples: ./dev molecule site; ./dev molecule site converge; "
        "./dev molecule site test --destroy=never; ./dev molecule site converge -- --diff.",
    )
    parser.add_argument("scenario", metavar="NAME", choices=scenarios(), help="a directory in molecule/")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the scenario on the terminal."""
    try:
        run_scenario(arguments.scenario, arguments.words)
    except CommandError as error:
        return error.status
    return 0


def scenarios() -> list[str]:
    """Return the names of all scenarios."""
    return sorted(file.parent.name for file in paths.SCENARIOS.glob("*/molecule.yml"))


def needs_machines(name: str) -> bool:
    """Return whether one of the scenario's hosts is a virtual machine."""
    import yaml  # noqa: PLC0415 - the help is shown before anything is installed

    described = yaml.safe_load((paths.SCENARIOS / name / "molecule.yml").read_text(encoding="utf-8")) or {}
    return any("machine" in platform for platform in described.get("platforms", ()))


def run_scenario(name: str, words: list[str], log: TextIO | None = None) -> None:
    """Run a step of molecule, ``test`` when none is named; raise CommandError when it fails."""
    if name not in scenarios():
        raise HarnessError(f"There is no scenario {name!r}; there are {', '.join(scenarios())}.")
    docker.command()
    for suite in images.SUITES.values():
        images.ensure(suite)
    step, *options = words or ["test"]
    process.run(["molecule", step, "--scenario-name", name, *options], log=log, env=environment(), cwd=paths.ROOT)


def environment() -> dict[str, str]:
    """Return molecule's environment: readable lines, and no advice to move the scenarios."""
    return os.environ | {
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "MOLECULE_COMMAND_BORDERS": "false",
        "PY_COLORS": os.environ.get("PY_COLORS", "0" if "NO_COLOR" in os.environ else "1"),
    }
