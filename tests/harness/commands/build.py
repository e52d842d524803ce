"""./dev build."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from harness import copies, paths, process
from harness.process import HarnessError

if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import TextIO

    from harness.commands import Commands

DIST = paths.CACHE / "dist"


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("build", help="build the artifact that `ansible-galaxy collection install` takes")
    parser.set_defaults(run=run)


def run(_arguments: argparse.Namespace) -> int:
    """Build, and say where the result is."""
    print(f"Built {build().relative_to(paths.ROOT)}")
    return 0


def build(log: TextIO | None = None) -> Path:
    """Build the artifact from the project's files alone; return its path."""
    shutil.rmtree(DIST, ignore_errors=True)
    tree = copies.collection_tree(paths.CACHE / "build")
    process.run(["ansible-galaxy", "collection", "build", str(tree), "--output-path", str(DIST)], log=log)
    return artifact()


def artifact() -> Path:
    """Return the path of what was built last."""
    found = sorted(DIST.glob("webstack-flask-*.tar.gz"))
    if len(found) != 1:
        raise HarnessError(f"Expected one artifact in {DIST}, found {len(found)}: run ./dev build.")
    return found[0]


def import_check(log: TextIO | None = None) -> None:
    """Check the artifact as Galaxy does on upload. Its ansible-lint is left out: the step of that name asks for more."""
    environment = os.environ | {"GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false"}
    process.run(["python", "-m", "galaxy_importer.main", str(artifact())], log=log, env=environment, cwd=DIST)


def install(into: Path, log: TextIO | None = None) -> dict[str, str]:
    """Install the artifact into an empty collections path; return the environment in which nothing of the clone is found."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    settings = into / "ansible.cfg"
    settings.touch()
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(into), "ANSIBLE_CONFIG": str(settings)}
    process.run(["ansible-galaxy", "collection", "install", str(artifact()), "--offline"], log=log, env=environment, cwd=into)
    if not (into / "ansible_collections" / "webstack" / "flask" / "MANIFEST.json").exists():
        raise HarnessError(f"ansible-galaxy has installed nothing into {into}.")
    return environment
