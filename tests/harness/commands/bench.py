"""./dev bench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import measurements, report

from harness.process import HarnessError, say

if TYPE_CHECKING:
    import argparse

    from harness.commands import Commands


def add(commands: Commands) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "bench",
        help="measure what runs and serving cost, beside doing it by hand",
        description="Measure on disposable hosts what runs of the playbooks and serving cost, beside what people would do instead. "
        "All of it takes about half an hour on a machine that does nothing else, and is kept in docs/benchmark; "
        "measurements that are named are shown only.",
        epilog=f"Measurements: {', '.join(names())}.",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="measurements to make, instead of all")
    parser.add_argument("--keep", action="store_true", help="keep the results of these measurements, too")
    parser.add_argument("--quick", action="store_true", help="one round each, to see that it works; nothing is kept unless asked")
    parser.add_argument("--draw", action="store_true", help="measure nothing: draw the picture and fill the page from what is kept")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, and keep what was found."""
    if arguments.draw:
        report.document()
        say("docs/benchmark.md and its picture are what docs/benchmark/*.json say.")
        return 0
    unknown = [name for name in arguments.names if name not in names()]
    if unknown:
        raise HarnessError(f"There is no measurement {unknown[0]!r}; there are {', '.join(names())}.")
    keep = arguments.keep or not (arguments.names or arguments.quick)
    return measurements.run(arguments.names or names(), quick=arguments.quick, keep=keep)


def names() -> list[str]:
    """Return the names of all measurements."""
    return [*measurements.MEASUREMENTS, *measurements.DEFAULTS]
