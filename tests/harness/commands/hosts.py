"""./dev hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hosts

if TYPE_CHECKING:
    import argparse

    from harness.commands import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser("hosts", help="list disposable hosts that are still there, or remove them")
    parser.add_argument("--stop", action="store_true", help="remove all hosts of this clone")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """List, or stop, what this clone has started."""
    found = hosts.list_all()
    for group, container, status in found:
        print(f"{group:<20} {container:<45} {status}")
    if arguments.stop:
        hosts.stop_everything()
        print(f"Removed {len(found)}.")
    elif found:
        print("Look into one with `docker exec -it NAME bash`, or by SSH; remove all with `./dev hosts --stop`.")
    else:
        print("No host of this clone is there.")
    return 0
