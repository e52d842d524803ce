"""On which hosts the tests of a scenario run, shown by a pytest that collects some."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness import paths
from harness.scenario import EVERY_DEBIAN

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
import pytest

testinfra_hosts = ["ssh://debian12", "ssh://debian13"]

def test_everywhere(host): ...

@pytest.mark.any_debian("debian13")
@pytest.mark.parametrize("app", ["one", "two"])
def test_anywhere(host, app): ...

@pytest.mark.any_debian("bare")
def test_of_a_host_that_is_not_here(host): ...
"""
BOTH = ("12", "13")


@pytest.mark.parametrize(("variables", "anywhere"), [({}, ("13",)), ({EVERY_DEBIAN: "1"}, BOTH)])
def test_a_test_to_which_the_debian_does_not_matter_runs_on_the_host_that_it_names(
    tmp_path: Path, variables: dict[str, str], anywhere: tuple[str, ...]
) -> None:
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name != EVERY_DEBIAN}
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--strict-markers", "-p", "scenario_tests.plugin", "test_some.py"],
        cwd=tmp_path,
        env=inherited | variables | {"PYTHONPATH": str(paths.ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    found = {line.partition("::")[2] for line in collected.stdout.splitlines() if "::" in line}
    assert found == {
        *(f"test_everywhere[ssh://debian{debian}]" for debian in BOTH),
        *(f"test_anywhere[ssh://debian{debian}-{app}]" for app in ("one", "two") for debian in anywhere),
        *(f"test_of_a_host_that_is_not_here[ssh://debian{debian}]" for debian in BOTH),
    }, collected.stdout + collected.stderr
