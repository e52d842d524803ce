"""A pytest plugin for scenarios: refuses one that proves nothing, and shows what a failing host has to say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from harness.scenario import EVERY_DEBIAN

from scenario_tests.hosts import inventory_name

if TYPE_CHECKING:
    from collections.abc import Generator

    from testinfra.host import Host

SCENARIO = Path(os.environ.get("MOLECULE_SCENARIO_DIRECTORY", "."))
_passed_here: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    """Let tests say that their Debian does not matter."""
    config.addinivalue_line("markers", "any_debian(host): it is the same on either Debian, and runs on this host; with `--all` on each")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take tests whose Debian does not matter to one host, and look at the health of the hosts last, also where pytest groups by hosts."""
    if EVERY_DEBIAN not in os.environ:
        left_out = find_repeated(items)
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: not item.path.is_relative_to(SCENARIO.resolve()))


def find_repeated(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests that are the same on the host which their marker names. One of which that host is none stays on all of its own."""
    named = {item: str(marker.args[0]) for item in items if (marker := item.get_closest_marker("any_debian"))}
    there = {(_function_of(item), _host_of(item)) for item in named}
    return [item for item, host in named.items() if _host_of(item) != host and (_function_of(item), host) in there]


def _function_of(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _host_of(item: pytest.Item) -> str:
    """Return the inventory's name of the host on which a test runs; nothing for one without a host."""
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return inventory_name(cast("Host", params["_testinfra_host"])) if "_testinfra_host" in params else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journal of failed units to the report of a failed test."""
    report = yield
    if report.when == "call" and report.passed and item.path.is_relative_to(SCENARIO.resolve()):
        _passed_here.append(item.nodeid)
    host = getattr(item, "funcargs", {}).get("host")
    if report.failed and call.excinfo and host is not None:
        report.sections.append(("failed units of the host", _words_of(cast("Host", host))))
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail when no test of the scenario itself passed: one that verifies nothing proves nothing."""
    selective = session.config.option.keyword or session.config.option.markexpr
    if exitstatus == pytest.ExitCode.OK and not _passed_here and not selective:
        print(f"\nThe scenario {SCENARIO.name} verifies nothing: no test in {SCENARIO / 'tests'} has passed.")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _words_of(host: Host) -> str:
    try:
        return failed_units(host)
    except RuntimeError as error:  # testinfra's, when the host cannot be reached
        return f"(the host does not answer: {error})"


def failed_units(host: Host) -> str:
    """Return the failed units of a host, each with the end of its journal."""
    units = host.run("systemctl list-units --failed --plain --no-legend --full").stdout.split("\n")
    names = [line.split()[0] for line in units if line.strip()]
    journals = [host.run("journalctl --no-pager --lines=30 --unit=%s", name).stdout for name in names]
    return "\n".join(journals) or "(none)"
