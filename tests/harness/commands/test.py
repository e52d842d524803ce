"""./dev test."""

from __future__ import annotations

import functools
import os
import shutil
from typing import TYPE_CHECKING, TextIO

from harness import docker, example, hosts, images, machines, paths, process, scenario, steps
from harness.commands import build, lint, molecule, sanity, unit, versions
from harness.process import say
from harness.steps import Step

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from harness.commands import Commands

_FAST_SCENARIO = "default"
_LONG = (
    *("by_hand", "certificates", "etc_hosts", "upgrade", "gunicorn_systemd", "debian_packages", "nginx_site", "app_source", "shapes"),
    *("tls", "safety", "site", "release", "python_pipenv", "vm", "processes", "data"),
)
"""Scenarios that take a minute or more, the longest last."""
_ARTIFACT_HOST = "artifact"


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("test", help="run all tests, and show one table of results")
    lane = parser.add_mutually_exclusive_group()
    lane.add_argument("--fast", action="store_true", help="linters, unit tests and one scenario alone")
    lane.add_argument("--all", action="store_true", help="each test on both Debians, and each ansible-core, as before a release")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the steps; the exit status tells whether all have passed."""
    docker.command()
    for suite in images.SUITES.values():
        images.ensure(suite)
    if any(map(molecule.needs_machines, [_FAST_SCENARIO] if arguments.fast else molecule.scenarios())):
        machines.require_programs()  # installed now, and not while others work
    if arguments.all:
        os.environ[scenario.EVERY_DEBIAN] = "1"
    results = steps.run_all(fast_steps() if arguments.fast else all_steps(every_version=arguments.all))
    logs = {result.name: steps.log_file(result.name) for result in results}
    texts = {name: file.read_text(encoding="utf-8", errors="replace") for name, file in logs.items() if file.exists()}
    summary = f"{steps.table(results)}\n\nThe slowest tests:\n{steps.slowest(texts)}\n"
    failed = {result.name: texts[result.name] for result in results if result.outcome is steps.Outcome.FAILED}
    if failures := steps.failures(failed):
        summary += f"\nThe tests that failed:\n{failures}\n"
    steps.log_file("summary").write_text(summary, encoding="utf-8")
    say(f"\n{summary}")
    return 0 if all(result.outcome is steps.Outcome.PASSED for result in results) else 1


def fast_steps() -> list[Step]:
    """Return the steps of the short lane."""
    return [*_lint_steps(), _UNIT, _scenario_step(_FAST_SCENARIO)]


def all_steps(*, every_version: bool = False) -> list[Step]:
    """Return all steps, in the order of the table: the long ones at the end.

    With `every_version` each ansible-core that is supported is tried, and not the oldest and the newest alone.
    """
    scenarios = sorted(molecule.scenarios(), key=lambda name: _LONG.index(name) if name in _LONG else -1)
    cores = Step("ansible-core versions", versions.try_all if every_version else versions.try_ends, needs=("build",), soon=True)
    return [*_lint_steps(), _UNIT, _SANITY, *_ARTIFACT_STEPS, cores, *map(_scenario_step, scenarios)]


def _lint_steps() -> list[Step]:
    return [Step(tool, functools.partial(lint.lint, tool), soon=True) for tool in lint.TOOLS]


def _scenario_step(name: str) -> Step:
    def act(log: TextIO) -> None:
        molecule.run_scenario(name, [], log)

    return Step(f"molecule {name}", act)


def run_artifact(log: TextIO) -> None:
    """Install the artifact into an empty path, and serve the example app with it, away from the clone."""
    place = paths.CACHE / "installed"
    shutil.rmtree(place, ignore_errors=True)
    environment = build.install(place / "collections", log)
    try:
        (host,) = hosts.start_all([hosts.Wanted(_ARTIFACT_HOST, "artifact", "bookworm")])
        inventory = example.write_inventory(host, place)
        process.run(["ansible-playbook", "webstack.flask.site", "-i", str(inventory)], log=log, env=environment, cwd=place)
        log.write(example.served_page(host))
    finally:
        hosts.stop_group(_ARTIFACT_HOST)


def _plain(act: Callable[..., object]) -> Callable[[TextIO], None]:
    """Turn a function that takes the log by name into a step's."""

    def step(log: TextIO) -> None:
        act(log=log)

    return step


_UNIT = Step("unit tests", lambda log: unit.unit([], log), soon=True)
_SANITY = Step("ansible-test sanity", lambda log: sanity.sanity([], log), soon=True)
_ARTIFACT_STEPS = (
    Step("build", _plain(build.build), soon=True),
    Step("galaxy-importer", _plain(build.import_check), needs=("build",), soon=True),
    Step("installed artifact", run_artifact, needs=("build",), soon=True),
)
