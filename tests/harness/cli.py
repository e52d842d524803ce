"""The command line of ./dev. Each command is a module in ``harness.commands``."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from harness import process
from harness.commands import bench, build, demo, docs, hosts, imports, lint, molecule, sanity, test, unit, versions
from harness.process import HarnessError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMMANDS = (demo, test, molecule, lint, unit, sanity, build, versions, hosts, imports, docs, bench)
_HAND_ON = {"unit": 1, "sanity": 1, "molecule": 2}
"""Commands that wrap a program -> how many words are ours."""
_INTERRUPTED = 130


def main(words: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    own, passed_on = split(words)
    arguments = parser().parse_args(own)
    arguments.words = passed_on
    try:
        status: int = arguments.run(arguments)
    except HarnessError as error:
        print(f"./dev: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        process.stop_children()
        print("\n./dev: interrupted; `./dev hosts` lists the hosts that are still there.", file=sys.stderr)
        return _INTERRUPTED
    return status


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the command line into our words and those that a command hands on to another program as they are."""
    count = _HAND_ON.get(words[0], len(words)) if words else 0
    if words[count : count + 1] in (["-h"], ["--help"]):
        count += 1
    return list(words[:count]), list(words[count:])


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="./dev",
        description="Everything needed to try, test and build the webstack.flask collection.",
        epilog="Each command has its own --help. Logs are in .cache/logs; deleting .cache and .venv costs time alone.",
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for module in _COMMANDS:
        module.add(commands)
    return top
